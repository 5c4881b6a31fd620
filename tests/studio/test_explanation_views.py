"""What an explanation becomes for the page and for files, checked against the numbers it came from."""

import base64
import csv as reader
import io
import json
import re
import struct

import numpy as np
import pytest

from engine.explain.question import Asked, Player
from engine.explain.results import AttentionPyramid, Attribution, Curve, Element, Hidings, Leak, Proof
from studio.explaining.bertviz import MOST_ELEMENTS, VIEWS, note, size
from studio.explaining.bertviz import page as bertviz
from studio.views.attention import names, pyramid
from studio.views.explanations import leaks, proof
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
    assert [e["text"] for e in sent["elements"]] == ["[CLS]", HOSTILE, "whole picture", "dog", "[END]"]


@pytest.mark.parametrize("view", ["head", "model"])
def test_bertviz_needs_no_network_and_no_name_ends_its_script(attention, view):
    made = bertviz(attention, names(ELEMENTS, ("whole picture", "dog")), view)
    assert HOSTILE not in made and HOSTILE.lower() not in made.lower()
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", made, flags=re.S)
    assert len(scripts) == 4  # d3, jQuery, the shim, and BertViz itself
    assert not re.search(r"<(script|link|img)[^>]+(src|href)", made)
    told = json.loads(re.search(r"const params = (\{.*\}); $", made, flags=re.M).group(1))
    assert any(HOSTILE in block["left_text"] for block in told["attention"])
    values = [a for block in told["attention"][:1] for a in block["attn"][1][2][4]]
    expected = [round(attention.weights[-5 + i] / 255 * attention.scales[29], 3) for i in range(5)]
    assert values == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("view", VIEWS)
def test_bertviz_of_many_elements_shows_the_most_attended_and_what_is_hidden(view):
    words, regions, layers, heads = 70, 10, 2, 3
    elements = (Element("special", 0, "[CLS]"), *(Element("word", i, f"w{i}") for i in range(words)),
                *(Element("region", r, "") for r in range(regions)), Element("special", 81, "[END]"))
    length = len(elements)
    levels = np.full((layers, heads, length, length), 3, dtype=np.uint8)
    levels[..., 1:20] = 0  # the first words get nothing
    found = AttentionPyramid(levels.tobytes(), (1.0,) * (layers * heads * length), elements, layers, heads, (), ())
    labels = names(elements, ("whole picture", *["dog"] * (regions - 1)))
    made = bertviz(found, labels, view, {("word", 4)})
    drawn = json.loads(re.search(r"const params = (\{.*\}); $", made, flags=re.M).group(1))["attention"][0]["left_text"]
    assert len(drawn) == MOST_ELEMENTS and drawn[:2] == ["[CLS]", "w4"] and drawn[-2:] == ["dog 9", "[END]"]
    assert {"whole picture", *(f"w{i}" for i in range(19, 70))} <= set(drawn) and "w5" not in drawn
    assert note(found).startswith(f"It shows 64 of {length} elements")
    assert made.count("0.012") == (2 if view == "head" else 1) * layers * heads * MOST_ELEMENTS * (MOST_ELEMENTS - 1)
    assert size(found, view) == pytest.approx(len(made.encode()), rel=0.1)


def curves(areas, by_deletion, by_insertion, verdict):
    """areas: of the map, of random orders and of raw attention, by deletion and then by insertion."""
    flat = [Curve("", (height,) * 3) for height in areas]
    (map_, random, attention), insertion = flat[:3], flat[3:]
    return Proof(map_, insertion[0], random, insertion[1], attention, insertion[2], 20, 1234, 3, 0.4, 0.6, 0.1, None,
                 by_deletion, by_insertion, verdict)


NO, RANDOM, ATTENTION = "no better than random", "better than random", "better than attention"


@pytest.mark.parametrize(("found", "title", "said", "believable"), [
    (curves((0.7, 0.6, 0.5, 0.3, 0.4, 0.5), NO, NO, NO), "Rollout",
     "Do not believe this map: by both curves it is no better than random on this example; deletion in its order "
     "leaves an area of 0.70 (random orders 0.60, raw attention 0.50; lower is better), insertion in its order leaves "
     "an area of 0.30 (random orders 0.40, raw attention 0.50; higher is better).", False),
    (curves((0.2, 0.6, 0.5, 0.8, 0.4, 0.9), ATTENTION, RANDOM, "the curves disagree"), "Consensus",
     "The two curves disagree on this map. By deletion it is better than raw attention and than chance, by insertion "
     "better than chance but no better than raw attention: deletion in its order leaves an area of 0.20 (", False),
    (curves((0.2, 0.6, 0.5, 0.8, 0.4, 0.7), ATTENTION, ATTENTION, ATTENTION), "Relevance",
     "Relevance is better than raw attention and than chance by both curves on this example: deletion in its", True),
    (curves((0.2, 0.6, 0.1, 0.8, 0.4, 0.9), RANDOM, RANDOM, RANDOM), "Relevance",
     "Relevance is better than chance but no better than raw attention by both curves on this example: del", True),
])
def test_a_map_is_believed_where_both_curves_agree_that_it_beats_chance(found, title, said, believable):
    shown = proof(found, title)
    assert shown["sentence"].startswith(said) and shown["believable"] is believable
    assert (shown["orders"], shown["seed"]) == (20, 1234)


def test_a_leak_is_called_one_only_where_probability_falls():
    def said(feature, pixels, truth="dog"):
        return leaks([Leak(1, truth, feature, pixels, "dog", "dog", 0.8)])["leaks"][0]["sentence"]
    assert said(0.9, 0.3).startswith("It leaked: the detector’s label “dog” falls by 60 points")
    assert said(0.9, 0.89).startswith("No leak to speak of")
    assert said(0.3, 0.5).startswith("No leak: the detector’s label “dog” even gains 20 points")
    assert "nothing can be compared" in said(0.0, 0.0, "")


def test_tables_hold_each_element_once_with_the_answer_without_it():
    found = Attribution("shapley", "dog", (0.25, 0.0, -0.25), (0.0, 0.5), 0.9, 0.1, None, None, True)
    hidings = Hidings((Asked("word", 1, "dog"),), (0.9,), ("dog",), (Player("word", 0), Player("word", 2),
                      Player("region", 1)), ((0.4,), (0.95,), (0.2,)), (("cat",), ("dog",), ("cow",)))
    made = table(found, ("A,b", "dog", "runs"), ("whole picture", "dog"), (1,), (), hidings, 0)
    file = csv(made)
    assert file.startswith("\ufeffkind,place".encode()) and "é🔴".encode() in csv(made.replace("dog", "é🔴"))
    rows = list(reader.DictReader(io.StringIO(file.decode("utf-8-sig"))))
    assert [r["name"] for r in rows] == ["A,b", "dog", "runs", "dog"]
    assert [float(r["share"]) for r in rows] == [0.25, 0.0, 0.25, 0.5]
    assert [r["without it"] for r in rows] == ["0.4", "", "0.95", "0.2"]
    assert float(rows[3]["change"]) == pytest.approx(-0.7)
    listed = hidings_table(hidings, ("A,b", "dog", "runs"), ("whole picture", "dog"))
    assert listed["best answer then"].tolist() == ["cat", "dog", "cow"]
    assert listed["hidden"].tolist() == ["A,b", "runs", "dog"]
