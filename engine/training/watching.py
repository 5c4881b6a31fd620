"""A run that is watched: after some steps it is measured on held-out pictures, and asked about a few examples.

What it says goes to the log (`engine.training.events`) and, about the examples, to `watched.jsonl` beside it: first
{"asked": [Asked, …]}, where `photo` is the picture's file, then {"step", "believed": [Believed, …]} for each time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from engine.data.splitting import spread
from engine.measure.beliefs import Asked, Task, asked, believed
from engine.measure.held_out import HeldOut
from engine.structures.example import Regions
from engine.structures.questions import Pictured
from engine.training.events import Events
from engine.training.schedule import TrainingConfig, steps_of
from engine.training.trainer import Report

EXAMPLES = 12  # held-out questions whose answers are kept
FILE = "watched.jsonl"


@dataclass(frozen=True)
class Probe:
    """A photo of one's own and words about it: a phrase, or a question."""

    photo: Path
    text: str


class OnePicture:
    """A `RegionSource` of one picture whose regions all came from the detector."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions

    def given(self, picture: int) -> int:
        return 0

    def detected(self, picture: int) -> int:
        return len(self._regions) - 1

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        return [self._regions[[0, *(1 + d for d in detections)]] for _, detections in asked]


@dataclass(frozen=True)
class Watched:
    """Question `number` of `task`, with at most `most` regions of the detector's own (grounding). photo: its picture.
    """

    task: Task
    number: int
    most: int
    photo: Path


class Watch:
    """Measures and asks every so many steps, and at the end.

    own: a question of the visitor's, if there is one; beside it some of the held-out ones are watched.
    """

    def __init__(self, model: nn.Module, held_out: HeldOut, pictures: Sequence[Pictured], own: Watched | None,
                 events: Events, folder: Path, every: int) -> None:
        self.model, self.held_out = model, held_out
        self.events, self.file, self.every = events, folder / FILE, every
        self.examples = [own] if own else []
        for place in spread(len(held_out.numbers), EXAMPLES):
            number = held_out.numbers[place]
            picture = asked(held_out.task, number, held_out.most).picture
            self.examples.append(Watched(held_out.task, number, held_out.most, pictures[picture].path))

    def begin(self, examples: int, training: TrainingConfig, *, fresh: bool) -> None:
        """Before the first step: how much there is to learn, what is asked and what is believed untrained. fresh: no
        steps were done before; else only the first is told again."""
        steps = steps_of(examples, training)
        self.events.say("begun", examples=examples, held_out=len(self.held_out.numbers), steps=steps,
                        batch=training.batch_size, chance=round(self.held_out.chance(), 4))
        if fresh:
            told = [_told(asked(e.task, e.number, e.most), e.photo) for e in self.examples]
            self.file.write_text(json.dumps({"asked": told}) + "\n", encoding="utf-8")
            self._look(0, steps)

    def __call__(self, report: Report) -> None:
        if report.step % self.every == 0 or report.step == report.steps:
            self._look(report.step, report.steps)

    def _look(self, step: int, steps: int) -> None:
        training = self.model.training
        self.model.eval()
        accuracy, kinds = self.held_out.accuracy()
        beliefs = [dataclasses.asdict(believed(e.task, e.number, e.most)) for e in self.examples]
        self.model.train(training)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"step": step, "believed": beliefs}) + "\n")
        self.events.say("evaluated", step=step, steps=steps, accuracy=round(accuracy, 4),
                        kinds={k: round(v, 4) for k, v in kinds.items()}, n=len(self.held_out.numbers))


def _told(question: Asked, photo: Path) -> dict[str, Any]:
    return dataclasses.asdict(question) | {"photo": str(photo)}
