"""The log of a run."""

import json
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.training.log import written
from engine.training.schedule import TrainingConfig
from engine.training.trainer import train
from tests.training.lines import Line

SETTINGS = TrainingConfig(epochs=1, batch_size=16)


def test_json_lines_and_tensorboard_tell_the_same(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    list(written(train(Line(), SETTINGS), "line", tmp_path / "log.jsonl", every=2, tensorboard=True))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [("line", 2), ("line", 4)]
    board = EventAccumulator(str(tmp_path / "tensorboard" / "line")).Reload()
    for tag, values in {"loss/square": [line["losses"]["square"] for line in lines],
                        "rate": [line["rate"] for line in lines]}.items():
        assert [(e.step, e.value) for e in board.Scalars(tag)] == [
            (s, pytest.approx(v, rel=1e-6)) for s, v in zip((2, 4), values, strict=True)]


def test_a_missing_tensorboard_is_named_before_the_first_step(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    task = Line()
    with pytest.raises(ConfigError, match=r"pip install tensorboard==.*or leave --tensorboard out"):
        list(written(train(task, SETTINGS), "line", tmp_path / "log.jsonl", tensorboard=True))
    assert not task.calls
