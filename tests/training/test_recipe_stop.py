"""A stage of the recipe that is interrupted goes on when it is run again; too few photos are refused at once."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.cli import main
from engine.config import RecipeConfig, mini, mini_coco
from engine.data import scenes
from engine.errors import ConfigError, WeightsError
from engine.training import checkpoint, recipe
from engine.training.processes import accelerator
from engine.training.schedule import TrainingConfig
from engine.training.stage_material import gathered, run_or_load
from engine.training.stages import _sides
from tests.conftest import ROOT
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
        run_or_load(material, task, settings, "line", True)
    assert checkpoint.load(tmp_path / "line" / "state.pt")["step"] == 25
    run_or_load(material, Line(), settings, "line", True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40]


def test_stages_that_leave_no_weights_name_the_folder_of_the_run(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(recipe, "pretrain", lambda *_, run, **__: run / "weights")
    command = ["pretrain", "--data", "d", "--resnet", "r", "--bert", "b", "--text", "t", "--out", str(tmp_path),
               "--stages", "detector", "features"]
    assert main(command) == 0 and capsys.readouterr().out == f"{tmp_path}\n"
    (tmp_path / "weights").mkdir()
    assert main(command) == 0 and capsys.readouterr().out == f"{tmp_path / 'weights'}\n"


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_a_second_run_in_the_same_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    material = SimpleNamespace(run=tmp_path, machine=accelerator(), tensorboard=False)
    settings = TrainingConfig(epochs=1, batch_size=8)
    task, refused = Line(), []
    losses = task.losses

    def meanwhile(examples, generator):
        with pytest.raises(ConfigError, match=r"Another run is using .*line. Wait until it ends, or give another"):
            run_or_load(material, Line(), settings, "line", True)
        refused.append(task.calls)
        if task.calls == 3:
            raise OSError("the first run breaks off")
        return losses(examples, generator)

    task.losses = meanwhile
    with pytest.raises(OSError, match="breaks off"):
        run_or_load(material, task, settings, "line", True)
    assert refused == [0, 1, 2, 3]
    run_or_load(material, Line(), settings, "line", True)
    assert [p.name for p in (tmp_path / "line").iterdir()] == ["state.pt"]
    assert checkpoint.load(tmp_path / "line" / "state.pt")["step"] == 8


def test_photos_that_name_fewer_classes_than_the_preset_has_are_refused_with_both_numbers(tmp_path: Path) -> None:
    scenes.write(tmp_path, 2, seed=1)
    with pytest.raises(ConfigError, match=r"2 photos name \d+ region classes, .* preset mini has 401. Take more"):
        gathered(mini(), RecipeConfig(), [str(tmp_path)], tmp_path / "run", ROOT / "assets" / "weights" / "vocab.txt")


def test_a_vocabulary_of_another_length_than_the_presets_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    pieces = (ROOT / "assets" / "weights" / "vocab.txt").read_text().splitlines()
    (tmp_path / "vocab.txt").write_text("\n".join([*pieces, "[more]"]))
    with pytest.raises(WeightsError, match=r"vocab.txt holds 30523 pieces; the preset mini has 30522, those of bert"):
        gathered(mini(), RecipeConfig(), [str(tmp_path)], tmp_path / "run", tmp_path / "vocab.txt")


def test_sides_of_the_detectors_pictures_are_refused_where_they_are_not_used_or_no_numbers() -> None:
    assert _sides("320, 384 448", mini_coco()) == (320, 384, 448) and _sides("", mini()) == ()
    with pytest.raises(ConfigError, match=r"aspect ratio; mini resizes them otherwise\. Leave it out, or use --preset"):
        _sides("320", mini())
    with pytest.raises(ConfigError, match=r"detector_sides is 'wide'; give sides in pixels, such as 352 416 480\."):
        _sides("wide", mini_coco())
