"""The shipped model: what it answers, that both ways of hiding hide, and that it refuses what it cannot do."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import CaptionError, MaskError, WeightsError
from engine.predictor import Inquiry, Predictor
from engine.structures.photo import Photo
from engine.weights.shipped import load_all
from studio.examples import all_examples
from studio.views.answers import answers
from studio.views.regions import regions as region_views
from tests.conftest import ROOT

BOXES = [(0.1, 0.1, 0.5, 0.6), (0.4, 0.3, 0.9, 0.9), (0.0, 0.5, 1.0, 1.0)]
CAPTION = "a brown dog runs on the grass ."
ROUNDING = 5e-3  # of a probability, where bfloat16 computes sequences of unlike length


@pytest.fixture(scope="module")
def photo() -> Photo:
    path = sorted((ROOT / "assets" / "examples").glob("*.jpg"))[0]
    return Photo.open(path)


@pytest.fixture(scope="module")
def seen(predictor, photo):
    return predictor.see(photo, BOXES)


def test_a_photo_gets_ten_to_thirty_six_regions_best_first_after_the_whole_picture(predictor, photo) -> None:
    seen = predictor.see(photo)
    assert 10 <= len(seen.boxes) - 1 <= 36
    assert seen.boxes.xyxy[0].tolist() == [0, 0, photo.width - 1, photo.height - 1]
    assert list(seen.scores[1:]) == sorted(seen.scores[1:], reverse=True)
    assert len(seen.labels) == len(seen.scores) == len(seen.boxes) == len(seen.regions)


def test_the_clues_are_what_asking_without_them_gives(predictor, photo, seen) -> None:
    answer = predictor.ask(seen, CAPTION, [2], []).words[0]
    assert answer.truth == "dog" and answer.clues.everything == pytest.approx(answer.probability)
    blind = predictor.ask(predictor.see(photo, []), CAPTION, [2], []).words[0]
    assert blind.clues.without_picture == pytest.approx(answer.clues.without_picture, abs=ROUNDING)
    alone = predictor.ask(seen, CAPTION, range(8), []).words[2]
    assert alone.probability == pytest.approx(answer.clues.without_words, abs=ROUNDING)


def test_probabilities_are_sorted_and_the_rank_fits_them(predictor, seen) -> None:
    prediction = predictor.ask(seen, CAPTION, [1, 2], [1, 2])
    for answer in (*prediction.words, *prediction.regions):
        values = [c.probability for c in answer.best]
        assert values == sorted(values, reverse=True) and 0 < sum(values) <= 1 + 1e-6
        if answer.rank <= 5:
            assert answer.best[answer.rank - 1].probability == pytest.approx(answer.probability)


def test_a_hidden_feature_tells_nothing_of_itself(predictor, seen) -> None:
    changed = seen.regions.appearance.clone()
    changed[2] = torch.randn(changed.shape[1])
    other = dataclasses.replace(seen, regions=dataclasses.replace(seen.regions, appearance=changed))
    a, b = (predictor.ask(s, CAPTION, [2], [2]) for s in (seen, other))
    assert [c.text for c in a.regions[0].best] == [c.text for c in b.regions[0].best]
    assert a.regions[0].probability == pytest.approx(b.regions[0].probability, abs=1e-6)
    assert a.words[0].probability == pytest.approx(b.words[0].probability, abs=1e-6)


def test_hidden_pixels_tell_nothing_even_through_a_box_that_overlaps(predictor, photo) -> None:
    pixels = photo.pixels.copy()
    h, w = pixels.shape[:2]
    x1, y1, x2, y2 = (round(v * s) for v, s in zip(BOXES[0], (w, h, w, h), strict=True))
    margin = 6  # resizing mixes pixels over the edge
    pixels[y1 + margin:y2 - margin, x1 + margin:x2 - margin] = np.random.default_rng(0).integers(
        0, 255, pixels[y1 + margin:y2 - margin, x1 + margin:x2 - margin].shape)
    answers = [[predictor.ask(predictor.see(p, BOXES), CAPTION, [], [1], how).regions[0].best[0].probability
                for p in (photo, Photo(pixels))] for how in ("pixels", "feature")]
    assert answers[0][0] == pytest.approx(answers[0][1], abs=1e-4)
    assert answers[1][0] != pytest.approx(answers[1][1], abs=1e-4)  # the overlapping box still saw them


def test_what_cannot_be_hidden_is_refused_by_name(predictor, seen) -> None:
    for regions, words, message in (([0], [], "whole picture and cannot be hidden"), ([9], [], "There is no region 9"),
                                    ([], [99], "There is no word 99")):
        with pytest.raises(MaskError, match=message):
            predictor.ask(seen, CAPTION, words, regions)
    with pytest.raises(MaskError, match="'feature' or by 'pixels', not by 'blur'"):
        predictor.ask(seen, CAPTION, [], [1], "blur")
    with pytest.raises(CaptionError, match="empty"):
        predictor.ask(seen, " ", [], [])


def test_predict_prints_boxes_labels_and_answers(tmp_path, predictor) -> None:
    image = sorted((ROOT / "assets" / "examples").glob("*.jpg"))[0]
    (tmp_path / "boxes.json").write_text(json.dumps(BOXES))
    code = main(["predict", "--image", str(image), "--caption", "a brown dog runs on the [MASK]", "--boxes",
                 str(tmp_path / "boxes.json"), "--mask-region", "2", "--weights", str(ROOT / "assets" / "weights"),
                 "--json", str(tmp_path / "out.json")])
    found = json.loads((tmp_path / "out.json").read_text())
    assert code == 0 and set(found) == {"boxes", "labels", "scores", "probabilities", "novelty", "photo_note",
                                        "words", "regions", "masking"}
    assert len(found["boxes"]) == len(found["labels"]) == len(found["scores"]) == 4
    assert [w["position"] for w in found["words"]] == [7] and len(found["words"][0]["top"]) == 5
    assert [r["index"] for r in found["regions"]] == [2]
    assert {c["text"] for c in found["regions"][0]["top"]} <= set(predictor.classes.names)


@pytest.mark.parametrize("mask", ["[mask]", "<mask>", "___", "MASK"])
def test_the_command_line_takes_every_spelling_of_a_mask_and_names_what_cannot_be_read(mask, tmp_path, capsys) -> None:
    image = ROOT / "assets" / "examples" / "horses.jpg"
    assert main(["predict", "--image", str(image), "--caption", f"two {mask} 🔴 stand", "--boxes",
                 str(_boxes(tmp_path))]) == 0
    told = capsys.readouterr()
    assert [w["position"] for w in json.loads(told.out)["words"]] == [2]
    assert told.err == "The boxes were taken as x1, y1, x2, y2 in fractions.\n" \
        "note: The model's vocabulary does not hold “🔴”: it sees [UNK] in its place.\n"


def test_a_horse_that_the_detector_calls_a_dog_has_no_true_answer_and_no_clue_misleads(predictor) -> None:
    horses = all_examples()[1]
    seen = predictor.see(Photo.open(horses.read()))
    assert seen.labels[1] == "dog" and horses.caption == "A group of horses is standing in a field."
    shown = answers(predictor.ask(seen, horses.caption, [], [1], "pixels"))["regions"][0]
    assert shown["guess"]["text"] == "horse" and shown["best"][0]["probability"] > 0.6
    assert [c["text"] for c in shown["best"] if c["label"]] == ["dog"] and not any(c["true"] for c in shown["best"])
    assert (shown["target"], shown["truth"], shown["rank"]) == ("Detector’s label", "dog", 3)
    assert shown["verdict"].startswith("The caption lowers the probability of the detector’s label “dog”: ")


def test_a_label_has_its_own_probability_beside_the_score_that_ranks_the_boxes(predictor) -> None:
    astronaut = next(e for e in all_examples() if e.file == "astronaut.jpg")
    seen = predictor.see(Photo.open(astronaut.read()))
    with torch.inference_mode():
        classes = predictor.detector.heads.classify(seen.regions.appearance[1:].float()).softmax(dim=1)
    own = [float(row[predictor.labels.names.index(label, 1)])
           for row, label in zip(classes, seen.labels[1:], strict=True)]
    shown = region_views(seen)[1:]
    assert [r["probability"] for r in shown] == pytest.approx(own, abs=ROUNDING)
    uniform = next(r for r in shown if r["label"] == "uniform")
    assert uniform["percent"] == "18 %" and round(uniform["score"], 2) == 0.97


def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(tmp_path, capsys) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    assert main(["predict", "--image", str(tmp_path / "x.jpg"), "--caption", "a dog"]) == 2
    assert capsys.readouterr().err.startswith("error: This file is not a picture")


@pytest.mark.parametrize(("damage", "message"), [
    (lambda f: next(f.glob("*-vlbert.safetensors")).unlink(), r"exactly one \*-vlbert.safetensors; it holds none"),
    (lambda f: _cut(next(f.glob("*-detector.safetensors"))), "cut short"),
    (lambda f: (f / "labels.json").write_text("{"), "labels.json is broken"),
    (lambda f: (f / "vocab.txt").unlink(), "There is no vocabulary"),
    (lambda f: _swap(f), "holds a vlbert; a detector was expected"),
])
def test_damaged_weights_are_refused_with_the_file_named(tmp_path, damage, message) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in (ROOT / "assets" / "weights").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    damage(folder)
    with pytest.raises(WeightsError, match=message):
        load_all(folder)


def test_an_empty_folder_of_weights_says_what_it_lacks(tmp_path) -> None:
    with pytest.raises(WeightsError, match="it holds none"):
        Predictor.load(tmp_path)


def _boxes(folder) -> Path:
    path = folder / "boxes.json"
    path.write_text(json.dumps(BOXES))
    return path


def _cut(path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _swap(folder) -> None:
    model, detector = next(folder.glob("*-vlbert.safetensors")), next(folder.glob("*-detector.safetensors"))
    detector.write_bytes(model.read_bytes())


def test_inquiries_of_several_visitors_together_get_the_answers_of_each_alone(predictor, photo, seen) -> None:
    other = predictor.see(Photo.open(ROOT / "assets" / "examples" / "horses.jpg"))
    inquiries = [Inquiry(seen, CAPTION, (2,), (1,)), Inquiry(other, "Two horses stand in a wide green field.", (1, 7)),
                 Inquiry(seen, "[MASK] runs", (), (), "pixels"), Inquiry(other, "horses", (), (2, 1))]
    together = predictor.ask_many(inquiries)
    for inquiry, answer in zip(inquiries, together, strict=True):
        alone = predictor.ask(inquiry.seen, inquiry.caption, inquiry.hidden_words, inquiry.hidden_regions,
                              inquiry.masking)
        assert answer.masking == alone.masking
        assert [w.index for w in answer.words] == [w.index for w in alone.words]
        assert [r.index for r in answer.regions] == [r.index for r in alone.regions]
        for a, b in zip((*answer.words, *answer.regions), (*alone.words, *alone.regions), strict=True):
            assert a.truth == b.truth and a.probability == pytest.approx(b.probability, abs=ROUNDING)
            assert dataclasses.astuple(a.clues) == pytest.approx(dataclasses.astuple(b.clues), abs=ROUNDING)
            assert a.best[0].probability == pytest.approx(b.best[0].probability, abs=ROUNDING)
