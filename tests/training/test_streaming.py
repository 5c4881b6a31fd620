"""Pre-training on a stream of photos: it learns from all of them, and goes on where it was."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.cli import main
from engine.config import PretrainingConfig, RecipeConfig
from engine.data import shards
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.nouns import RegionClasses
from engine.errors import DataError
from engine.tasks.streamed import StreamedTask
from engine.training import streaming
from engine.training.schedule import TrainingConfig
from engine.training.streaming import pretrain_streamed
from engine.training.trainer import train
from engine.weights.shipped import load_all, write_labels
from tests.tiny import CONFIG, write_tiny

COUNT = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Five noisy photos in shards of two; the last shard holds one; one photo has no box and is passed over."""
    data = tmp_path_factory.mktemp("data")
    (data / "images").mkdir()
    random = np.random.default_rng(0)
    records = []
    for i in range(COUNT):
        Image.fromarray(random.integers(0, 255, (64, 64, 3), np.uint8)).save(data / "images" / f"{i}.jpg")
        records.append({"image": f"{i}.jpg", "width": 64, "height": 64,
                        "boxes": [{"entities": [7], "box": [0.1, 0.2, 0.5, 0.9]}] if i else [],
                        "captions": [{"text": "a car runs over the grass", "phrases": [
                            {"start": 0, "end": 5, "types": ["vehicles"], "entity": 7}]}]})
    (data / "entities_train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (data / "text.txt").write_text("a man rides a horse\na cat sleeps\n")
    shards.write(data, "train", data / "shards", 2)
    hiding = PretrainingConfig(word_probability=0.5, region_probability=0.5)
    write_tiny(data / "weights", dataclasses.replace(CONFIG, pretraining=hiding))
    classes = RegionClasses(("background", "ball", "tree", "car"), {"car": "car"})
    write_labels(data / "weights" / "labels.json", classes, ("red",))
    return data


def losses(run: Path) -> list[dict]:
    return [json.loads(line)["losses"] for line in (run / "log.jsonl").read_text().splitlines()]


def streamed(folder: Path, run: Path, epochs: float) -> Path:
    return pretrain_streamed(RecipeConfig(tuning_epochs=epochs), folder=folder / "shards", text=folder / "text.txt",
                             run=run, init=folder / "weights")


def test_a_stream_is_learned_from_and_a_second_run_goes_on_where_the_first_one_ended(folder, tmp_path) -> None:
    weights = streamed(folder, tmp_path / "whole", 2)
    streamed(folder, tmp_path / "parts", 1)
    streamed(folder, tmp_path / "parts", 2)
    (whole,), (first, second) = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    assert whole.keys() >= {"words", "regions", "noun", "text"}
    for name, mean in whole.items():  # a line of the log holds the means since the line before
        assert mean == pytest.approx((first[name] + second[name]) / 2, abs=2e-4), name
    before, after = load_all(folder / "weights"), load_all(weights)
    for part in (1, 2):  # detector and VL-BERT both moved
        pairs = zip(before[part].parameters(), after[part].parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs)


def test_every_photo_with_a_box_comes_once_an_epoch(folder) -> None:
    stream = shards.photos(folder / "shards")
    drawn = [next(stream) for _ in range(2 * (COUNT - 1))]
    for epoch in (drawn[:COUNT - 1], drawn[COUNT - 1:]):
        assert sorted(p.path.name for p in epoch) == [f"{i}.jpg" for i in range(1, COUNT)]
    assert all(isinstance(p.source, bytes) for p in drawn)
    assert shards.count(folder / "shards") == COUNT


def test_a_loss_that_is_no_number_names_the_photos_that_were_drawn() -> None:
    class Dark:
        """Learns nothing of photos, and breaks where the sixth is among them."""

        def __init__(self, photos: Sequence[AnnotatedPhoto]) -> None:
            self.model, self.broken = torch.nn.Linear(1, 1), any(p.path.name == "5.jpg" for p in photos)

        def groups(self) -> list[dict]:
            return [{"params": list(self.model.parameters()), "scale": 1.0}]

        def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
            return {"dark": self.model(torch.ones(1, 1)).sum() * (float("nan") if self.broken else 1.0)}

    stream = (AnnotatedPhoto(Path(f"a.tar/{i}.jpg"), 1, 1, (), ()) for i in range(100))
    settings = TrainingConfig(epochs=1, batch_size=4, accumulate=2, precision="no")
    names = ", ".join(rf"{i}\.jpg in a\.tar" for i in (4, 5, 6, 7))
    with pytest.raises(DataError, match=rf"at step 2 \({names}\)\. Lower the rate.* leave these photos out"):
        list(train(StreamedTask(Dark, stream, 100), settings))


def test_each_of_several_processes_reads_its_own_shards(folder, tmp_path, monkeypatch) -> None:
    told = {}

    def begun(where: Path, **given) -> None:
        told.update(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(streaming, "accelerator", lambda: SimpleNamespace(process_index=1, num_processes=2))
    monkeypatch.setattr(shards, "photos", begun)
    with pytest.raises(KeyboardInterrupt):
        streamed(folder, tmp_path, 1)
    assert (told["rank"], told["world"]) == (1, 2)


def test_neither_data_nor_shards_is_refused_with_what_to_give(tmp_path, capsys) -> None:
    assert main(["pretrain", "--text", "x", "--out", str(tmp_path)]) != 0
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "told"), [
    (["--preset", "base"], "holds mini, not base"), (["--preset", "other"], "no preset 'other'"),
    (["--limit", "5"], "With --shards, --limit has no use"),
    (["--stages", "tuning"], "With --shards, --stages has no use")])
def test_what_a_stream_would_not_heed_is_refused(folder, tmp_path, capsys, flags, told) -> None:
    assert main(["pretrain", "--shards", str(folder / "shards"), "--text", str(folder / "text.txt"),
                 "--out", str(tmp_path), *flags]) == 2
    assert told in capsys.readouterr().err and not any(tmp_path.iterdir())
