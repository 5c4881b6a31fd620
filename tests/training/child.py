"""What the tests of the trainer start as processes of their own: `python -m tests.training.child FOLDER VERB ...`."""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import torch

from engine.cli import main
from engine.config import PRESETS
from engine.training import recipe, stages
from engine.training.origin import of_tensors
from engine.training.schedule import TrainingConfig
from engine.training.stopping import Interrupts
from engine.training.trainer import train
from tests.tiny import CONFIG as TINY
from tests.tiny import VOCABULARY
from tests.training.lines import Line

SHARED = TrainingConfig(epochs=2, batch_size=8, rate=1e-2, precision="no", save_every=0.0)


def share(folder: Path) -> None:
    """One of several processes, whose weights differ at first: the main one writes what it was reported."""
    line = Line()
    with torch.no_grad():
        line.model[0].weight.add_(int(os.environ["RANK"]))
    reports = list(train(line, SHARED, folder))
    if reports:
        (folder / "losses.json").write_text(json.dumps([r.losses["square"] for r in reports]))
    else:
        (folder / "silent").touch()


def pretrain(folder: Path) -> None:
    """One of several processes of the real command on a tiny preset: writes digests of its replica."""
    PRESETS["tiny"] = lambda: dataclasses.replace(TINY, detector=dataclasses.replace(TINY.detector, classes=5))
    stages.load_resnet = lambda *_: None
    recipe.load_bert = lambda *_: None
    original, rank = recipe.pretraining_stage, os.environ["RANK"]

    def watched(material, detector, model, *rest) -> None:
        digests = [of_tensors(detector), of_tensors(model)]
        original(material, detector, model, *rest)
        (folder / f"replica{rank}.json").write_text(json.dumps([*digests, of_tensors(model)]))

    recipe.pretraining_stage = watched
    data = str(folder / "data")
    assert main(["pretrain", "--preset", "tiny", "--data", data, data, "--text", str(folder / "text.txt"),
                 "--bert", str(VOCABULARY.parent), "--resnet", "none", "--views", "0", "--detector-epochs", "0.5",
                 "--epochs", "1", "--precision", "no", "--stages", "detector", "features", "pretraining",
                 "--out", str(folder / "run")]) == 0


def run_on(folder: Path) -> None:
    """A run of many steps which says when it has begun, and saves only when it ends."""
    torch.set_num_threads(1)
    with Interrupts() as stop:
        for report in train(Line(), TrainingConfig(epochs=10_000, batch_size=8, save_every=1e6), folder, stop):
            (folder / "begun").touch()
            (folder / "last").write_text(str(report.step))
            time.sleep(0.01)
        if stop():
            raise KeyboardInterrupt


if __name__ == "__main__":
    for verb in sys.argv[2:]:
        {"share": share, "pretrain": pretrain, "run_on": run_on}[verb](Path(sys.argv[1]))
