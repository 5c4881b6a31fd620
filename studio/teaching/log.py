"""The log of a run, read while it is written (see `engine.training.events`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

MOST_BYTES = 8 * 1024**2
ENDS = ("finished", "failed", "stopped")


@dataclass(frozen=True)
class Point:
    """One line on the losses: their sum, seconds since the (last) start, and seconds left. start: which it was."""

    step: int
    loss: float
    elapsed: float
    left: float
    start: int = 0


@dataclass(frozen=True)
class Measured:
    """One measurement on the held-out pictures. kinds: accuracy by kind of question."""

    step: int
    accuracy: float
    kinds: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Log:
    """preparing: (what, done, count) of the last line before the first step. steps, batch, examples: of the run.
    chance: what guessing reaches. before: questions of the first point, while it is all there is. end: how it ended,
    or nothing; why: the message of a failure."""

    preparing: tuple[str, int, int] | None = None
    steps: int = 0
    batch: int = 0
    examples: int = 0
    held_out: int = 0
    chance: float = 0.0
    before: int = 0
    points: tuple[Point, ...] = ()
    measured: tuple[Measured, ...] = ()
    end: str = ""
    why: str = ""
    adapter: str = ""

    @property
    def step(self) -> int:
        """The last one that is told of."""
        return max([p.step for p in self.points] + [m.step for m in self.measured], default=0)

    @property
    def speed(self) -> float:
        """Examples a second over the last lines of the last start; 0 where too little is known."""
        last = [p for p in self.points[-6:] if p.start == self.points[-1].start]
        if len(last) < 2 or last[-1].elapsed <= last[0].elapsed:
            return 0.0
        return (last[-1].step - last[0].step) * self.batch / (last[-1].elapsed - last[0].elapsed)


def read_log(path: Path) -> Log:
    """Lines that are no json, such as one that is being written, are left out. Raises OSError."""
    if not path.exists():
        return Log()
    state = path.stat()
    return _read(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, size: int, changed: int) -> Log:
    reader = _Reader()
    with path.open("rb") as file:
        for line in file.read(MOST_BYTES).splitlines():
            try:
                reader.take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
    return reader.log()


class _Reader:
    """Gathers lines. A run that was resumed tells steps again that it had to do again: the later word counts."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.points: dict[int, Point] = {}
        self.measured: dict[int, Measured] = {}
        self.starts = 0

    def take(self, line: dict[str, Any]) -> None:
        event = line.get("event")
        if event is None:
            point = Point(int(line["step"]), float(sum(line["losses"].values())), float(line["elapsed"]),
                          float(line["left"]), self.starts)
            self._forget(self.points, point.step)
            self.points[point.step] = point
            self.fields |= {"steps": int(line["steps"]), "preparing": None}
        elif event == "preparing":
            self.fields["preparing"] = (str(line["what"]), int(line["done"]), int(line["count"]))
            if line["what"] == "start":
                self.starts += 1
                self.fields |= {"end": "", "why": ""}
        elif event == "begun":
            self.fields |= {k: int(line[k]) for k in ("steps", "batch", "examples", "held_out")}
            self.fields["chance"] = float(line["chance"])
        elif event == "before" and not self.measured:
            self.measured[0] = _measured(line)
            self.fields |= {"chance": float(line["chance"]), "before": int(line["n"])}
        elif event == "evaluated":
            found = _measured(line)
            self._forget(self.measured, found.step)
            self.measured[found.step] = found
            self.fields |= {"preparing": None, "before": 0}
        elif event in ENDS:
            self.fields |= {"end": event, "why": str(line.get("why", "")),
                            "adapter": Path(str(line.get("file", ""))).name}

    def log(self) -> Log:
        return Log(points=tuple(self.points.values()), measured=tuple(self.measured.values()), **self.fields)

    @staticmethod
    def _forget(told: dict[int, Any], step: int) -> None:
        for later in [s for s in told if s >= step]:
            del told[later]


def _measured(line: dict[str, Any]) -> Measured:
    return Measured(int(line.get("step", 0)), float(line["accuracy"]),
                    tuple((str(k), float(v)) for k, v in line["kinds"].items()))
