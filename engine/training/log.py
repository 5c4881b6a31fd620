"""A run's log: json lines for machines, one line now and then for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.training.trainer import Report


def written(reports: Iterable[Report], stage: str, file: Path, every: int = 20) -> Iterator[Report]:
    """Pass reports on; append every `every`-th, with the mean of the losses since the last, to `file` and stderr."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sums: dict[str, float] = {}
    count = 0
    with file.open("a", encoding="utf-8") as out:
        for report in reports:
            count += 1
            for name, value in report.losses.items():
                sums[name] = sums.get(name, 0.0) + value
            if report.step % every == 0 or report.step == report.steps:
                means = {name: round(value / count, 4) for name, value in sums.items()}
                line = {"stage": stage, "step": report.step, "steps": report.steps, "losses": means,
                        "rate": report.rate, "norm": round(report.norm, 4), "elapsed": round(report.elapsed, 1),
                        "left": round(report.left, 1)}
                out.write(json.dumps(line) + "\n")
                out.flush()
                text = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
                sys.stderr.write(f"{stage} {report.step}/{report.steps}  {text}  "
                                 f"{_clock(report.elapsed)} gone, {_clock(report.left)} left\n")
                sums, count = {}, 0
            yield report


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
