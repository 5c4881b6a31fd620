"""The figures of `evaluate explanations`, against explaining one by one."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.data.flickr8k import read
from engine.explain.methods import METHODS
from engine.explain.question import Asked, Question
from engine.measure.explanations import nouns, relative_difference
from tests.conftest import ROOT
from tests.explain.conftest import ROUNDING

LIMIT = 2


@pytest.fixture(scope="module")
def few(flickr8k, tmp_path_factory) -> Path:
    """A folder with the two development photos that have the least to hide, so that explaining one by one is quick."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "images").symlink_to(flickr8k / "images")
    lines = [line for line in (flickr8k / "entities_dev.jsonl").read_text().splitlines() if named(json.loads(line)) > 1]
    lines.sort(key=lambda line: len(json.loads(line)["captions"][0]["text"].split()) + len(json.loads(line)["boxes"]))
    (folder / "entities_dev.jsonl").write_text("\n".join(lines[:LIMIT]))
    return folder


def named(record: dict) -> int:
    """How many boxes the first caption's phrases name, where the photo has others, too."""
    entities = {phrase["entity"] for phrase in record["captions"][0]["phrases"]}
    boxes = sum(bool(entities & set(box["entities"])) for box in record["boxes"])
    return boxes if boxes < len(record["boxes"]) else 0


@pytest.fixture(scope="module")
def figures(few, tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("figures") / "f.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.explain.perturbation.SAMPLED_SETS", 16)
        patch.setattr("engine.explain.perturbation.EXACT_PLAYERS", 4)
        assert main(["evaluate", "explanations", "--data", str(few), "--split", "dev", "--limit", str(LIMIT),
                     "--regions", "--weights", str(ROOT / "assets" / "weights"), "--json", str(file)]) == 0
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def examples(few, predictor) -> list:
    return list(nouns(predictor, read(few, "dev", LIMIT)))


def test_the_hidden_noun_is_one_that_names_the_boxes(examples, few) -> None:
    photos = read(few, "dev", LIMIT)
    for example, photo in zip(examples, photos, strict=True):
        [word] = example.question.hidden_words
        phrases = [p for p in photo.captions[0].phrases if {b + 1 for b in p.boxes} == example.boxes]
        text = photo.captions[0].text
        assert example.question.caption == text and example.asked.index == word
        assert any(text[p.start:p.end].split()[-1] in text.split()[word] for p in phrases)


def test_the_figures_are_the_means_of_the_proofs(figures, examples, explainer) -> None:
    assert set(figures["methods"]) == set(METHODS) and figures["n"] == len(examples) == LIMIT
    for name in ("attention", "leave_one_out"):
        proofs, pointing, shares = [], [], []
        for example in examples:
            asked = (example.see(explainer.predictor), example.question, example.asked)
            attribution = explainer.attribute(*asked, name)
            proofs.append(explainer.prove(*asked, attribution))
            pointing.append(int(np.argmax(attribution.regions[1:])) + 1 in example.boxes)
            positive = np.maximum(attribution.regions, 0)
            shares.append(positive[list(example.boxes)].sum() / positive.sum())
        own = figures["methods"][name]
        assert own["deletion"] == pytest.approx(np.mean([p.deletion.area for p in proofs]), abs=ROUNDING)
        assert own["insertion"] == pytest.approx(np.mean([p.insertion.area for p in proofs]), abs=ROUNDING)
        assert own["spearman"] == pytest.approx(np.mean([p.rank_correlation for p in proofs]), abs=0.1)
        if name == "attention":
            assert own["pointing"] == np.mean(pointing) and own["share"] == pytest.approx(np.mean(shares), abs=0.01)
            assert figures["methods"]["random"]["deletion"] == pytest.approx(
                np.mean([p.random_deletion.area for p in proofs]), abs=ROUNDING)
    chance = np.mean([len(e.boxes) / len(e.photo.boxes) for e in examples])
    assert figures["chance"]["pointing"] == pytest.approx(chance)


def test_hidden_regions_have_figures_of_their_own(figures, examples, explainer) -> None:
    kinds = figures["kinds"]
    assert kinds["word"]["methods"] == figures["methods"] and kinds["word"]["n"] == kinds["region"]["n"] == LIMIT
    own = kinds["region"]["methods"]
    for name in ("attention", "leave_one_out"):
        proofs = []
        for example in examples:
            region = sorted(example.boxes)[0]
            asked = (example.see(explainer.predictor), Question(example.question.caption, (), (region,)),
                     Asked("region", region))
            proofs.append(explainer.prove(*asked, explainer.attribute(*asked, name)))
        assert own[name]["deletion"] == pytest.approx(np.mean([p.deletion.area for p in proofs]), abs=ROUNDING)
        assert own[name]["insertion"] == pytest.approx(np.mean([p.insertion.area for p in proofs]), abs=ROUNDING)
        assert own[name]["pointing"] is None and own[name]["share"] is None
    assert own["leave_one_out"]["spearman"] == pytest.approx(1) and len(kinds["region"]["table"]) == 2 + len(METHODS)


def test_attention_points_as_the_last_layer_of_the_pyramid_does(figures, examples, explainer) -> None:
    surely, perhaps = np.zeros((2, len(examples), *np.array(figures["attention_pointing"]["heads"]).shape), dtype=bool)
    for row, example in enumerate(examples):
        found = explainer.pyramid(example.see(explainer.predictor), example.question)
        count = len(found.elements)
        weights = np.frombuffer(found.weights, np.uint8).reshape(found.layers, found.heads, count, count)
        asked = [i for i, e in enumerate(found.elements) if e.kind == "word" and e.index == example.asked.index]
        regions = [i for i, e in enumerate(found.elements) if e.kind == "region" and e.index > 0]
        looks = weights[:, :, asked][..., regions].mean(axis=2)  # over the pieces of the word
        most = looks >= looks.max(axis=2, keepdims=True) - 1  # bytes round: any of these may be the one
        right = np.isin([found.elements[i].index for i in regions], list(example.boxes))
        surely[row], perhaps[row] = (right | ~most).all(axis=2), (right & most).any(axis=2)
    heads = np.array(figures["attention_pointing"]["heads"])
    assert (surely.mean(axis=0) <= heads).all() and (heads <= perhaps.mean(axis=0)).all()
    assert (perhaps & ~surely).mean() < 0.5  # most heads leave no doubt


def test_the_interval_of_a_paired_difference() -> None:
    generator = np.random.default_rng(1)
    other = generator.uniform(0.2, 0.8, 400)
    same = relative_difference(other, other)
    assert same == {"difference": 0, "low": 0, "high": 0}
    found = relative_difference(0.7 * other + generator.normal(0, 0.02, 400), other)
    error = 0.02 / 400**0.5 / other.mean()  # by the delta method
    assert found["difference"] == pytest.approx(-0.3, abs=4 * error)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * error, rel=0.2)
