"""What the tests of the trainer start as processes of their own: `python -m tests.training.child VERB FOLDER`."""

import json
import sys
import time
from pathlib import Path

import torch

from engine.training.schedule import TrainingConfig
from engine.training.stopping import Interrupts
from engine.training.trainer import train
from tests.training.lines import Line

SHARED = TrainingConfig(epochs=2, batch_size=8, rate=1e-2, precision="no", save_every=0.0)


def share(folder: Path) -> None:
    """One of several processes: the main one writes what it was reported."""
    reports = list(train(Line(), SHARED, folder))
    if reports:
        (folder / "losses.json").write_text(json.dumps([r.losses["square"] for r in reports]))
    else:
        (folder / "silent").touch()


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
    {"share": share, "run_on": run_on}[sys.argv[1]](Path(sys.argv[2]))
