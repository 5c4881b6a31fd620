"""A run's log: json lines for machines, one line now and then for people, TensorBoard where it is asked for."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.training.events import mend
from engine.training.trainer import Report

SELDOM = 10.0  # seconds without a line on stderr, after which a step writes one


def written(reports: Iterable[Report], stage: str, file: Path, every: int = 20,
            tensorboard: bool = False) -> Iterator[Report]:
    """Pass reports on; append every `every`-th, with the mean of the losses since the last, to `file` and stderr.

    Slow steps are told on stderr in between, too. A norm that is not finite (float16's scale was too high; the step is
    left out) is null. tensorboard: the same figures go to the folder `tensorboard` beside `file`. Raises ConfigError
    where it is missing.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    sums: dict[str, float] = {}
    count, told = 0, 0.0
    with ExitStack() as closing:
        board = closing.enter_context(_board(file.parent / "tensorboard" / stage)) if tensorboard else None
        mend(file)
        out = closing.enter_context(file.open("a", encoding="utf-8"))
        for report in reports:
            count += 1
            for name, value in report.losses.items():
                sums[name] = sums.get(name, 0.0) + value
            due = report.step % every == 0 or report.step == report.steps
            if due or report.elapsed - told >= SELDOM:
                told = report.elapsed
                means = {name: round(value / count, 4) for name, value in sums.items()}
                text = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
                sys.stderr.write(f"{stage} {report.step}/{report.steps}  {text}  "
                                 f"{_clock(report.elapsed)} gone, {_clock(report.left)} left\n")
            if due:
                line = {"stage": stage, "step": report.step, "steps": report.steps, "losses": means,
                        "rate": report.rate, "norm": round(report.norm, 4) if math.isfinite(report.norm) else None,
                        "elapsed": round(report.elapsed, 1), "left": round(report.left, 1)}
                out.write(json.dumps(line, allow_nan=False) + "\n")
                out.flush()
                if board:
                    for name, value in {**{f"loss/{n}": v for n, v in means.items()}, "rate": report.rate,
                                        "norm": report.norm}.items():
                        board.add_scalar(name, value, report.step)
                sums, count = {}, 0
            yield report


def _board(folder: Path) -> Any:
    """TensorBoard's writer, imported only here: nothing else needs it."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError("TensorBoard is not installed. Run `pip install tensorboard==2.21.0`, "
                          "or leave --tensorboard out.") from error
    return SummaryWriter(str(folder))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
