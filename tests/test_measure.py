"""The figures of `evaluate`, on real photographs, against an independent count."""

import json
import math
import time
from dataclasses import replace

import pytest
import torch

from engine.bench import timed
from engine.cli import main
from engine.commands.shared import write
from engine.data import scenes
from engine.data.flickr8k import read
from engine.measure.pretraining import measure
from engine.predictor import Predictor
from engine.structures.photo import Photo
from tests.conftest import ROOT
from tests.tiny import write_tiny

LIMIT = 10


@pytest.fixture(scope="module")
def figures(flickr8k, tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("figures") / "f.json"
    assert main(["evaluate", "pretraining", "--data", str(flickr8k), "--split", "dev", "--limit", str(LIMIT),
                 "--weights", str(ROOT / "assets" / "weights"), "--json", str(file)]) == 0
    return json.loads(file.read_text())


def test_the_figures_have_exactly_the_names_that_were_promised(figures) -> None:
    assert set(figures) == {"words", "regions", "proposals", "n_images", "unreadable"} and figures["n_images"] == LIMIT
    assert set(figures["words"]) == {"image", "no_image", "other_image"}
    assert set(figures["regions"]) == {"caption", "no_caption", "other_caption"}
    for part in figures["words"].values():
        assert set(part) == {"top1", "top5", "perplexity", "noun_top1", "n", "n_noun"}
    for part in figures["regions"].values():
        assert set(part) == {"top1", "top5", "n"}
    assert set(figures["proposals"]) == {f"{size}recall_at_{k}" for size in ("", "large_") for k in (10, 20, 36)} | {
        "n", "n_large"}


def test_words_and_regions_agree_with_asking_one_by_one(figures, flickr8k, predictor) -> None:
    photos = read(flickr8k, "dev", LIMIT)
    words, losses, regions = [], [], []
    for photo in photos:
        seen = predictor.see(Photo.open(photo.path), photo.boxes)
        text = photo.captions[0].text
        for i, word in enumerate(predictor.words(text)):
            if any(c.isalnum() for c in word.text):
                answer = predictor.ask(seen, text, [i], []).words[0]
                words.append(answer.rank == 1)
                losses.append((-math.log(answer.probability), len(answer.pieces)))
        for i in range(len(photo.boxes)):
            label = predictor.classes.label(photo, i)
            if label is not None:
                answer = predictor.ask(seen, text, [], [i + 1]).regions[0]
                regions.append(answer.best[0].text == predictor.classes.names[label])
    image = figures["words"]["image"]
    assert image["n"] == len(words) and image["top1"] == pytest.approx(sum(words) / len(words), abs=0.02)
    assert image["perplexity"] == pytest.approx(
        math.exp(sum(x for x, _ in losses) / sum(n for _, n in losses)), rel=0.02)
    assert figures["regions"]["caption"]["n"] == len(regions)
    assert figures["regions"]["caption"]["top1"] == pytest.approx(sum(regions) / len(regions), abs=0.03)


def test_recall_agrees_with_a_slow_loop(figures, flickr8k, predictor) -> None:
    met = total = 0
    for photo in read(flickr8k, "dev", LIMIT):
        own = predictor.see(Photo.open(photo.path)).boxes.fractions[:36].tolist()
        for x1, y1, x2, y2 in photo.boxes:
            total += 1
            for a1, b1, a2, b2 in own:
                shared = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
                if shared / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared) >= 0.5:
                    met += 1
                    break
    assert figures["proposals"]["recall_at_36"] == pytest.approx(met / total, abs=1e-6)


def test_each_clue_beats_its_absence_on_photographs_never_seen(figures) -> None:
    words, regions = figures["words"], figures["regions"]
    assert words["image"]["noun_top1"] > max(words["no_image"]["noun_top1"], words["other_image"]["noun_top1"])
    assert words["image"]["perplexity"] < min(words["no_image"]["perplexity"], words["other_image"]["perplexity"])
    assert regions["caption"]["top1"] > regions["no_caption"]["top1"] + 0.1
    assert regions["caption"]["top1"] > regions["other_caption"]["top1"] + 0.1


def test_a_share_of_nothing_is_null_and_no_other_number_changes(tmp_path) -> None:
    write({"none": math.nan, "some": {"n": 3, "parts": (0.5, math.inf)}}, str(tmp_path / "f.json"))
    assert (tmp_path / "f.json").read_text().split() == (
        '{ "none": null, "some": { "n": 3, "parts": [ 0.5, null ] } }').split()


def test_a_folder_without_data_is_refused(tmp_path, capsys) -> None:
    weights = str(ROOT / "assets" / "weights")
    assert main(["evaluate", "pretraining", "--data", str(tmp_path), "--weights", weights]) == 2
    assert "must hold entities_dev.jsonl" in capsys.readouterr().err
    assert torch.is_grad_enabled()


def test_a_photo_without_a_caption_leaves_the_others_their_own_pictures(tmp_path) -> None:
    scenes.write(tmp_path / "scenes", 2, seed=1)
    photos = read(tmp_path / "scenes", "train")
    small = Predictor.load(write_tiny(tmp_path / "weights"))
    expected, found = measure(small, photos), measure(small, [replace(photos[1], captions=()), *photos])
    assert found["words"] == expected["words"] and found["words"]["image"] != found["words"]["other_image"]
    assert str(found["regions"]) == str(expected["regions"]) and found["n_images"] == 3  # as text: nothing is nan


def test_two_models_are_timed_by_turns_and_the_slower_one_takes_longer() -> None:
    calls: list[str] = []

    def part(name: str, seconds: float):
        def call(_: int) -> None:
            calls.append(name)
            time.sleep(seconds)
        return call

    slow, fast = timed([{"a": (part("slow", 0.02), 3)}, {"a": (part("fast", 0.0), 3)}])
    assert calls == ["slow", "fast"] * 5  # twice before the clock runs
    assert slow["a"]["p50"] >= 20 and slow["a"]["n"] == fast["a"]["n"] == 3 and fast["a"]["p50"] < slow["a"]["p50"]
