"""One training run to its end: logged, and interrupted only between two steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from accelerate import Accelerator

from engine.errors import ConfigError
from engine.training.log import written
from engine.training.materials import locked
from engine.training.origin import Origin
from engine.training.processes import any_of
from engine.training.schedule import TrainingConfig
from engine.training.stopping import Interrupts
from engine.training.trainer import Report, Trainable, train


def run_stage(machine: Accelerator, task: Trainable, settings: TrainingConfig, folder: Path, *, stage: str, log: Path,
              tensorboard: bool, every: int = 20, watch: Callable[[Report], None] | None = None,
              origin: Origin | None = None) -> None:
    """Train with `state.pt` in `folder`; the main process appends to `log` after each `every` steps.

    watch: called after each step of the main process, with the model as it is then. origin: what the run began from.

    Raises KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved, ConfigError where another run is
    using `folder`, and what `train` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Interrupts() as stop, ExitStack() as alone:
        if machine.is_main_process and alone.enter_context(locked(folder)) is False:
            raise ConfigError(f"Another run is using {folder}. Wait until it ends, or give another folder.")
        reports = train(task, settings, folder, stop, origin)
        if machine.is_main_process:
            reports = written(reports, stage, log, every, tensorboard)
        for report in reports:
            if watch:
                watch(report)
        if any_of(machine, stop()):
            raise KeyboardInterrupt
