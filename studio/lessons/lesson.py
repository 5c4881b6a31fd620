"""What a lesson is: steps that each set a scene on the canvas, ask for a prediction and name what may come out.

A lesson file holds no figures. Which of a step's choices came true is computed from the model's answers: on the page
for the learner, and in the tests for the shipped model, by the same conditions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from engine.errors import DataError

FOLDER = Path(__file__).parent.parent.parent / "assets" / "lessons"
MOST_MINUTES = 5
CHOICES = 2, 4
Fractions = tuple[float, float, float, float]
Facts = Mapping[str, float | str]


@dataclass(frozen=True)
class Scene:
    """A state of the canvas.

    example: its number. words: those to hide, as the caption writes them (of several alike the first). regions: to
    hide, from 1. boxes: the visitor's own; none asks for the detector's. reversed: the same boxes from last to first.
    why: whether the attention map and its proof for the first hidden thing are wanted, too.
    """

    example: int
    caption: str
    words: tuple[str, ...] = ()
    regions: tuple[int, ...] = ()
    boxes: tuple[Fractions, ...] = ()
    reversed: bool = False
    why: bool = False

    def __post_init__(self) -> None:
        if self.boxes and self.reversed:
            raise DataError(f"The scene of {self.caption!r} reverses the detector's boxes and brings its own.")


@dataclass(frozen=True)
class Condition:
    """left < factor * right, or left > factor * right, or the text left is `right`.

    left: a fact, such as "after.fast.word.everything" (`studio.lessons.facts`). right: a fact, a text, or nothing,
    which counts as 1.
    """

    left: str
    sign: Literal["<", ">", "is"]
    right: str = ""
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.sign not in ("<", ">", "is"):
            raise DataError(f"A condition compares by <, > or is, not by {self.sign!r}.")

    def holds(self, facts: Facts) -> bool:
        """Raises DataError for a fact that the scenes do not give."""
        left = self._fact(facts, self.left)
        if self.sign == "is":
            return left == self.right
        right = self.factor * float(self._fact(facts, self.right) if self.right else 1.0)
        return float(left) < right if self.sign == "<" else float(left) > right

    @staticmethod
    def _fact(facts: Facts, name: str) -> float | str:
        if name not in facts:
            raise DataError(f"The scenes give no {name}; there are {', '.join(sorted(facts))}.")
        return facts[name]


@dataclass(frozen=True)
class Choice:
    """when: what must all hold for this choice to have come true; the last choice of a step needs nothing."""

    text: str
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Step:
    """text: what is explained, a paragraph each. before, after: the canvas while the learner predicts, and then.

    choices: the first whose conditions hold came true. expected: which does with the shipped model. reveal: a sentence
    on the outcome; {after.fast.word.guess} in it stands for a fact, and a number is written in per cent. tab: where the
    learner may go on. watch: whether a run of fine-tuning can be started and followed beside the step.
    """

    text: tuple[str, ...]
    before: Scene
    after: Scene
    question: str
    choices: tuple[Choice, ...]
    expected: int
    reveal: str
    tab: str = ""
    watch: bool = False

    def __post_init__(self) -> None:
        if not CHOICES[0] <= len(self.choices) <= CHOICES[1] or not 0 <= self.expected < len(self.choices):
            raise DataError(f"{self.question!r} has {len(self.choices)} choices and expects number {self.expected}; "
                            f"{CHOICES[0]} to {CHOICES[1]} are needed, counted from 0.")
        if self.choices[-1].when or not all(choice.when for choice in self.choices[:-1]):
            raise DataError(f"{self.question!r}: every choice but the last needs a condition, and the last none.")

    def outcome(self, facts: Facts) -> int:
        """The number of the choice that came true."""
        return next(i for i, choice in enumerate(self.choices) if all(c.holds(facts) for c in choice.when))


@dataclass(frozen=True)
class Lesson:
    """name: of its file, under which progress is kept. about: one sentence for the list."""

    name: str
    title: str
    about: str
    minutes: int
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps or not 0 < self.minutes < MOST_MINUTES:
            raise DataError(f"The lesson {self.name!r} has {len(self.steps)} steps for {self.minutes} minutes; at "
                            f"least 1 is needed, in under {MOST_MINUTES}.")

    @classmethod
    def from_json(cls, name: str, fields: Mapping[str, Any]) -> Lesson:
        """Raises DataError for what does not fit together, KeyError or TypeError for a field missing or unknown."""
        return cls(name, fields["title"], fields["about"], fields["minutes"], tuple(map(_step, fields["steps"])))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def all_lessons() -> tuple[Lesson, ...]:
    """In the order of their file names."""
    return tuple(Lesson.from_json(path.stem, json.loads(path.read_text(encoding="utf-8")))
                 for path in sorted(FOLDER.glob("*.json")))


def _step(fields: Mapping[str, Any]) -> Step:
    """`after` names only what differs from `before`."""
    return Step(tuple(fields["text"]), _scene(fields["before"]), _scene({**fields["before"], **fields["after"]}),
                fields["question"], tuple(map(_choice, fields["choices"])), fields["expected"], fields["reveal"],
                fields.get("tab", ""), fields.get("watch", False))


def _scene(fields: Mapping[str, Any]) -> Scene:
    lists = {name: tuple(fields.get(name, ())) for name in ("words", "regions")}
    boxes = tuple((b[0], b[1], b[2], b[3]) for b in fields.get("boxes", ()))
    return Scene(**{**fields, **lists, "boxes": boxes})


def _choice(fields: Mapping[str, Any]) -> Choice:
    return Choice(fields["text"], tuple(Condition(**c) for c in fields.get("when", ())))
