"""The log of a run."""

import json
import math
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.training.events import Events
from engine.training.log import written
from engine.training.schedule import TrainingConfig
from engine.training.trainer import Report, train
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


def test_every_line_is_strict_json_also_after_a_full_disk_and_a_norm_beyond_all_numbers(tmp_path: Path) -> None:
    def refused(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    file = tmp_path / "log.jsonl"
    file.write_text('{"stage": "line", "st')
    list(written([Report(1, 1, {"square": 0.5}, 1e-3, math.inf, 1.0, 0.0)], "line", file))
    file.write_text(file.read_text() + '{"cut')
    Events(file).say("finished", file="x")
    cut, line, half, event = file.read_text().splitlines()
    assert json.loads(line, parse_constant=refused)["norm"] is None
    assert json.loads(event)["event"] == "finished" and (cut, half) == ('{"stage": "line", "st', '{"cut')


def test_slow_steps_are_told_on_stderr_before_the_log_has_its_line(tmp_path: Path, capsys) -> None:
    steps = enumerate((4.0, 12.0, 13.0, 30.0, 31.0), 1)
    list(written([Report(i, 5, {"square": float(i)}, 1e-3, 1.0, elapsed, 0.0) for i, elapsed in steps], "line",
                 tmp_path / "log.jsonl"))
    assert [line.split("  ")[:2] for line in capsys.readouterr().err.splitlines()] == [
        ["line 2/5", "square 1.500"], ["line 4/5", "square 2.500"], ["line 5/5", "square 3.000"]]
    line, = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert line["step"] == 5 and line["losses"] == {"square": 3.0}


def test_a_missing_tensorboard_is_named_before_the_first_step(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    task = Line()
    with pytest.raises(ConfigError, match=r"pip install tensorboard==.*or leave --tensorboard out"):
        list(written(train(task, SETTINGS), "line", tmp_path / "log.jsonl", tensorboard=True))
    assert not task.calls
