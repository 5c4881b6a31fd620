"""One training run to its end: logged, and interrupted only between two steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from accelerate import Accelerator

from engine.training.log import written
from engine.training.materials import alone
from engine.training.origin import Origin
from engine.training.processes import any_of
from engine.training.schedule import TrainingConfig
from engine.training.stopping import Interrupts
from engine.training.trainer import Report, Trainable, train


def run_stage(machine: Accelerator, task: Trainable, settings: TrainingConfig, folder: Path, *, stage: str, log: Path,
              tensorboard: bool, every: int = 20, watch: Callable[[Report], None] | None = None,
              origin: Origin | None = None, held: bool = False) -> None:
    """Train with `state.pt` in `folder`; the main process appends to `log` after each `every` steps.

    watch: called after each step of the main process, with the model as it is then. origin: what the run began from.
    held: the caller keeps other runs out of `folder` already (`engine.training.materials.alone`).

    Raises KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved, ConfigError where another run is
    using `folder`, and what `train` raises.
    """
    with Interrupts() as stop, nullcontext() if held else alone(folder):
        reports = train(task, settings, folder, stop, origin)
        if machine.is_main_process:
            reports = written(reports, stage, log, every, tensorboard)
        trained = False
        for report in reports:
            trained = True
            if watch:
                watch(report)
        if any_of(machine, stop()):
            raise KeyboardInterrupt
        if not trained and machine.is_main_process:
            sys.stderr.write(f"{stage} was finished before in {folder}: nothing is left to train. A longer run "
                             "continues it.\n")
