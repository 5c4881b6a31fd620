"""What is right before anything is learned: the same as a run measures, on the same pictures."""

import json

import pytest
import torch

from engine.cli import main
from engine.config import FineTuneConfig
from engine.data import scenes
from engine.predictor import Predictor
from engine.training.first_look import first_look
from tests.tiny import write_tiny


@pytest.mark.parametrize("task", ["grounding", "vqa", "vcr"])
def test_a_first_look_measures_what_a_run_measures_before_its_first_step(tmp_path, task):
    weights = write_tiny(tmp_path / "weights")
    scenes.write(tmp_path / "scenes", 10, 7)
    assert main(["finetune", task, "--data", str(tmp_path / "scenes"), "--init", str(weights), "--out",
                 str(tmp_path / "run"), "--tune", "full", "--steps", "1", "--batch-size", "4", "--held-out", "0.4",
                 "--evaluate-every", "1", "--extra-regions", "0"]) == 0
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    begun = next(line for line in log if line.get("event") == "begun")
    measured = next(line for line in log if line.get("event") == "evaluated" and line["step"] == 0)
    settings = FineTuneConfig(task=task, tune="full", held_out=0.4, extra_regions=0)
    predictor = Predictor.load(weights)
    turns = []

    def turn(see):
        turns.append(see)
        return see()

    torch.manual_seed(settings.seed)  # the head of a task starts at random
    found = first_look(predictor, settings, tmp_path / "scenes", "train", most=20, apart=False, turn=turn)
    assert 0 < len(turns) <= 4  # held out of 10 pictures; not every one admits four answers
    assert (found.n, found.chance) == (measured["n"], pytest.approx(begun["chance"], abs=1e-3))
    # A run's features went through float16, so an answer may turn.
    assert found.accuracy == pytest.approx(measured["accuracy"], abs=2.01 / found.n)
    few = first_look(predictor, settings, tmp_path / "scenes", "train", most=3, apart=True)
    assert 0 < few.n < found.n * 3 and 0 <= few.accuracy <= 1
