"""Pre-training on precomputed regions, from a folder in the published layout to weights that load."""

import base64
import json
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.config import EncoderConfig, ModelConfig
from engine.data.conceptual import ConceptualCaptions
from engine.data.tokenizer import WordPieces
from engine.errors import DataError
from engine.model.vlbert import VLBert
from engine.tasks.precomputed import PrecomputedTask, TextChunks
from engine.training import precomputed
from engine.weights.shipped import GENOME_CLASSES, load_model
from tests.tiny import VOCABULARY

WORDS = ("dog", "cat", "horse", "boat")
CONFIG = ModelConfig(name="tiny", precomputed=True,
                     encoder=EncoderConfig(hidden=32, layers=1, heads=4, feed_forward=64, dropout=0.0))


def member(kind: int, classes: int = GENOME_CLASSES, width: int = 2048, times: int = 1) -> str:
    """Three regions of one kind of thing, which their features, their classes and the caption tell; each so often."""
    features, told = np.zeros((3 * times, width), np.float32), np.zeros((3 * times, classes), np.float32)
    features[:, kind * 100:kind * 100 + 100] = 1
    told[:, 1 + kind] = (0.9 - 0.1 * np.arange(3)).repeat(times)
    coded = {name: base64.b64encode(rows.tobytes()).decode() for name, rows in (
        ("boxes", np.array([[0, 0, 50, 25], [10, 5, 60, 50], [40, 0, 100, 50]], np.float32).repeat(times, axis=0)),
        ("features", features), ("classes", told))}
    return json.dumps({"image_w": 100, "image_h": 50, "num_boxes": 3 * times} | coded)


@pytest.fixture
def folder(tmp_path):
    """Eight captions; the regions of the last one are broken."""
    with ZipFile(tmp_path / "train_frcnn.zip", "w") as archive:
        for i in range(8):
            archive.writestr(f"{i}.json", member(i % 4) if i < 7 else "{broken")
    lines = [{"image": f"train_image.zip@/{i}.jpg", "caption": ["a", WORDS[i % 4], "is", "here", "."],
              "frcnn": f"train_frcnn.zip@/{i}.json"} for i in range(8)]
    (tmp_path / "train_frcnn.json").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "text.txt").write_text("a dog is here .\na boat is there .\n")
    return tmp_path


def test_words_and_regions_are_hidden_and_the_detectors_distribution_is_what_is_asked_for(folder) -> None:
    data, pieces = ConceptualCaptions(folder, "train"), WordPieces(VOCABULARY)
    task = PrecomputedTask(VLBert.from_config(CONFIG), CONFIG, pieces, data, pieces.captions(["a dog is here ."]))
    asked = [task.question(5, torch.Generator().manual_seed(i)) for i in range(200)]
    assert sum(len(q.asked) for q in asked) == pytest.approx(200 * 3 * 0.15, rel=0.3)
    assert sum(len(q.example.hidden_regions) for q in asked) == pytest.approx(200 * 3 * 0.15 * 0.9, rel=0.3)
    assert sum(len(q.places) for q in asked) == pytest.approx(200 * 5 * 0.15, rel=0.3)
    for q in asked:
        regions = q.example.regions
        assert torch.equal(regions.appearance[0], regions.appearance[1:].mean(dim=0)) and len(regions) == 4
        assert q.belongs and not q.phrases and {*q.region_targets} == {*q.asked}
        for r, target in q.region_targets.items():
            assert target.argmax() == 2 and float(target.max()) == pytest.approx(0.9 - 0.1 * (r - 1))
    assert set(task.losses(list(range(7)), torch.Generator().manual_seed(1))) == {"words", "regions", "text"}


@pytest.mark.parametrize(("words", "boxes", "fit"), [
    (80, 99, (32, 32)), (20, 60, (22, 42)), (50, 12, (51, 13)), (31, 30, (33, 31)), (30, 30, (32, 31))])
def test_a_caption_and_its_surest_regions_share_64_elements(folder, words, boxes, fit) -> None:
    with ZipFile(folder / "train_frcnn.zip", "w") as archive:
        archive.writestr("0.json", member(0, times=boxes // 3))
    (folder / "train_frcnn.json").write_text(json.dumps({
        "image": "0.jpg", "caption": (["dog", "cat"] * words)[:words], "frcnn": "train_frcnn.zip@/0.json"}))
    data, pieces = ConceptualCaptions(folder, "train"), WordPieces(VOCABULARY)
    task = PrecomputedTask(VLBert.from_config(CONFIG), CONFIG, pieces, data, ())
    caption, end = pieces.captions([data.caption(0)])[0].piece_ids, fit[0] - 1
    boxes = torch.tensor(data[0].boxes[:fit[1] - 1])
    for i in range(10):
        q = task.question(0, torch.Generator().manual_seed(i))
        ids, regions = q.example.piece_ids, q.example.regions
        assert (len(ids), len(regions)) == fit and ids[end] == pieces.sep
        assert all(ids[place] == caption[place] for place in range(end) if place not in q.places)
        assert q.truth == [caption[place] for place in q.places] and all(place < end for place in q.places)
        assert torch.equal(regions.boxes[1:], boxes)
        assert {*q.example.hidden_regions} <= {*q.asked} == {*q.region_targets} <= {*range(1, fit[1])}
    assert {*task.losses([0], torch.Generator().manual_seed(0))} >= {"words"}


def test_broken_regions_are_left_out_and_counted_once(folder) -> None:
    data, pieces = ConceptualCaptions(folder, "train"), WordPieces(VOCABULARY)
    task = PrecomputedTask(VLBert.from_config(CONFIG), CONFIG, pieces, data, ())
    for _ in range(2):
        task.losses([6, 7], torch.Generator().manual_seed(0))
    assert data.skipped.count == 1 and "7.json in" in data.skipped.named[0]


def test_a_part_without_a_usable_caption_teaches_nothing_unless_nothing_can_be_read_any_more(folder) -> None:
    data, pieces = ConceptualCaptions(folder, "train"), WordPieces(VOCABULARY)
    task = PrecomputedTask(VLBert.from_config(CONFIG), CONFIG, pieces, data, pieces.captions(["a dog is here ."]))
    generator = torch.Generator().manual_seed(0)
    for examples in ([7] * 999, [6], [7] * 999):
        losses = task.losses(examples, generator)
    assert {name: loss.item() for name, loss in losses.items()} == {"words": 0.0}
    losses["words"].backward()
    assert {float(p.grad.abs().max()) for p in task.model.parameters() if p.grad is not None} == {0.0}
    with pytest.raises(DataError, match=r"None of the last 1000 captions can be used \(1 left out: 7.json in"):
        task.losses([7], generator)


@pytest.fixture
def command(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.commands.training.preset", lambda name: CONFIG)
    monkeypatch.setattr(precomputed, "load_bert", lambda model, path: ())
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "vocab.txt").write_bytes(VOCABULARY.read_bytes())
    return ["pretrain", "--precomputed", str(folder), "--text", str(folder / "text.txt"), "--bert",
            str(tmp_path / "bert"), "--out", str(tmp_path / "run"), "--precision", "no"]


def test_records_of_another_shape_are_left_out_wherever_they_stand(folder, command, capsys) -> None:
    with ZipFile(folder / "train_frcnn.zip", "w") as archive:
        archive.writestr("0.json", "{broken")
        for i in range(1, 8):
            archive.writestr(f"{i}.json", member(i % 4, **{1: {"classes": 81}, 5: {"width": 1024}}.get(i, {})))
    assert main([*command, "--epochs", "1"]) == 0
    told = capsys.readouterr().err
    assert "3 left out" in told and "0.json in" in told
    for numbers in ("2048 numbers and 81 classes", "1024 numbers and 1601 classes"):
        assert f"features of {numbers}; the model takes 2048 and 1601" in told
    assert main([*command[:-3], str(folder / "parts"), "--epochs", "1", "--accumulate", "8"]) == 0


def test_text_without_a_picture_fills_64_pieces_with_the_lines_that_follow() -> None:
    pieces = WordPieces(VOCABULARY)
    chunks = TextChunks(["a dog is here .", "boats , there", "the cat " * 50], pieces)
    dog, boats, cat = (pieces.captions([line])[0].piece_ids[1:-1] for line in chunks.lines)
    assert [c.piece_ids[1:-1] for c in chunks] == [(dog + boats + cat)[:62], (boats + cat)[:62], cat[:62]]
    few = TextChunks(["a dog", "here"], pieces)[1]
    assert few.text.split()[:4] == ["here", "a", "dog", "here"] and len(few.piece_ids) == 64
    assert few.piece_ids[-1] == pieces.sep and len(few.words) == 62


def test_what_any_process_left_out_is_told_once(command, monkeypatch, capsys) -> None:
    others = {7: ["7.json is broken"], 3: ["a box of 3.json", "a box of 3.json"]}
    monkeypatch.setattr(precomputed, "gather_object", lambda own: [*own, others, others])
    assert main([*command, "--epochs", "1"]) == 0
    told = capsys.readouterr().err
    assert "3 left out: 7.json in" in told and told.count("a box of 3.json") == 2


def test_the_command_trains_a_preset_whose_weights_a_detector_completes(folder, tmp_path, command, capsys) -> None:
    assert main([*command, "--epochs", "60"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 60 and {*lines[-1]["losses"]} == {"words", "regions", "text"}
    config, model, _, classes = load_model(tmp_path / "run" / "weights")
    assert config.precomputed and len(classes.names) == GENOME_CLASSES
    torch.manual_seed(0)
    fresh = VLBert.from_config(config).state_dict()
    for name in ("encoder.layers.0.attention.query.weight", "heads.mvrc.classify.bias", "regions.hidden_appearance"):
        assert not torch.equal(model.state_dict()[name], fresh[name].half().float()), name
    assert "7.json in" in capsys.readouterr().err
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(VOCABULARY.read_text().splitlines()[:30000]))
    assert main([*command[:-3], str(tmp_path / "new")]) == 2 and not (tmp_path / "new").exists()
    assert "vocab.txt holds 30000 pieces; the preset tiny has 30522" in capsys.readouterr().err
    (tmp_path / "bert" / "vocab.txt").write_bytes(VOCABULARY.read_bytes())
    assert main([*command, "--resnet", "x"]) == 2
    assert "With --precomputed, --resnet has no use" in capsys.readouterr().err
    with ZipFile(folder / "train_frcnn.zip", "w") as archive:
        archive.writestr("0.json", member(0, classes=81))
    assert main(command) == 2
    assert "2048 numbers and 81 classes; the model takes 2048 and 1601" in capsys.readouterr().err
