"""A stage of the recipe that is interrupted goes on when it is run again."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.training import checkpoint
from engine.training.processes import accelerator
from engine.training.recipe import _run
from engine.training.schedule import TrainingConfig
from tests.training.lines import Line


def test_ctrl_c_in_a_stage_saves_its_step_and_ends_the_recipe(tmp_path: Path) -> None:
    material = SimpleNamespace(run=tmp_path, machine=accelerator(), tensorboard=False)
    settings = TrainingConfig(epochs=5, batch_size=8)
    task = Line()
    losses = task.losses

    def interrupted(examples, generator):
        if task.calls == 24:
            os.kill(os.getpid(), signal.SIGINT)
        return losses(examples, generator)

    task.losses = interrupted
    with pytest.raises(KeyboardInterrupt):
        _run(material, task, settings, "line", True)
    assert checkpoint.load(tmp_path / "line" / "state.pt")["step"] == 25
    _run(material, Line(), settings, "line", True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40]
