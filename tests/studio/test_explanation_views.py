"""What an explanation becomes for the page and for files, checked against the numbers it came from."""

import base64
import csv as reader
import io
import json
import re
import struct

import pytest

from engine.explain.question import Asked, Player
from engine.explain.results import AttentionPyramid, Attribution, Curve, Element, Hidings, Leak, Proof
from studio.explaining.bertviz import page as bertviz
from studio.views.attention import names, pyramid
from studio.views.explanations import leaks, proof, proof_sentence
from studio.views.tables import csv, hidings_table, table

HOSTILE = "</script><script>alert(1)</script>"
ELEMENTS = (Element("special", 0, "[CLS]"), Element("word", 0, HOSTILE), Element("region", 0, "whole picture"),
            Element("region", 1, "region 1"), Element("special", 4, "[END]"))


@pytest.fixture
def attention():
    weights = bytes(range(2 * 3 * 25))
    return AttentionPyramid(weights, tuple(i / 64 for i in range(30)), ELEMENTS, 2, 3, ((1.0,) * 3,) * 2,
                            (((0.1, 0.2, 0.3, 0.4),) * 3,) * 2)


def test_attention_reaches_the_browser_byte_for_byte(attention):
    sent = pyramid(attention, ("whole picture", "dog"))
    assert base64.b64decode(sent["weights"]) == attention.weights
    assert struct.unpack("<30f", base64.b64decode(sent["scales"])) == attention.scales
    assert [e["text"] for e in sent["elements"]] == ["[CLS]", HOSTILE, "whole picture", "dog 1", "[END]"]


@pytest.mark.parametrize("view", ["head", "model"])
def test_bertviz_needs_no_network_and_no_name_ends_its_script(attention, view):
    made = bertviz(attention, names(ELEMENTS, ("whole picture", "dog")), view)
    assert HOSTILE not in made and HOSTILE.lower() not in made.lower()
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", made, flags=re.S)
    assert len(scripts) == 4  # d3, jQuery, the shim, and BertViz itself
    assert not re.search(r"<(script|link|img)[^>]+(src|href)", made)
    told = json.loads(re.search(r"const params = (\{.*?\}); // HACK", made).group(1))
    assert any(HOSTILE in block["left_text"] for block in told["attention"])
    values = [a for block in told["attention"][:1] for a in block["attn"][1][2][4]]
    expected = [round(attention.weights[-5 + i] / 255 * attention.scales[29], 3) for i in range(5)]
    assert values == pytest.approx(expected, abs=1e-9)


def curves(map_area, random_area, attention_area, verdict):
    def flat(name, height):
        return Curve(name, (height, height, height))
    return Proof(flat("map", map_area), flat("map", 0.5), flat("random", random_area), flat("random", 0.5),
                 flat("attention", attention_area), flat("attention", 0.5), 10, 0.4, 0.1, None, verdict)


def test_a_map_no_better_than_random_says_so():
    bad = curves(0.7, 0.6, 0.5, "no better than random")
    assert proof_sentence(bad, "Rollout").startswith("Do not believe this map: it is no better than random")
    assert proof(bad, "Rollout")["believable"] is False
    good = proof(curves(0.2, 0.6, 0.5, "better than attention"), "Relevance")
    assert good["believable"] and "0.20" in good["sentence"] and "0.60" in good["sentence"]


def test_a_leak_is_called_one_only_where_probability_falls():
    def said(feature, pixels, truth="dog"):
        return leaks([Leak(1, truth, feature, pixels, "dog", "dog", 0.8)])["leaks"][0]["sentence"]
    assert said(0.9, 0.3).startswith("It leaked: “dog” falls by 60 points")
    assert said(0.9, 0.89).startswith("No leak to speak of")
    assert said(0.3, 0.5).startswith("No leak: “dog” even gains 20 points")
    assert "nothing can be compared" in said(0.0, 0.0, "")


def test_tables_hold_each_element_once_with_the_answer_without_it():
    found = Attribution("shapley", "dog", (0.25, 0.0, -0.25), (0.0, 0.5), 0.9, 0.1, None, None, True)
    hidings = Hidings((Asked("word", 1, "dog"),), (0.9,), ("dog",), (Player("word", 0), Player("word", 2),
                      Player("region", 1)), ((0.4,), (0.95,), (0.2,)), (("cat",), ("dog",), ("cow",)))
    made = table(found, ("A,b", "dog", "runs"), ("whole picture", "dog"), (1,), (), hidings, 0)
    rows = list(reader.DictReader(io.StringIO(csv(made))))
    assert [r["name"] for r in rows] == ["A,b", "dog", "runs", "dog"]
    assert [float(r["share"]) for r in rows] == [0.25, 0.0, 0.25, 0.5]
    assert [r["without it"] for r in rows] == ["0.4", "", "0.95", "0.2"]
    assert float(rows[3]["change"]) == pytest.approx(-0.7)
    listed = hidings_table(hidings, ("A,b", "dog", "runs"), ("whole picture", "dog"))
    assert listed["best answer then"].tolist() == ["cat", "dog", "cow"]
    assert listed["hidden"].tolist() == ["A,b", "runs", "dog"]
