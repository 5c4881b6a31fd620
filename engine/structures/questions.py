"""What fine-tuning asks about a picture: an answer, a choice, a region (specification, "Fine-tuning")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from engine.errors import CaptionError, DataError
from engine.wording import numbered

Fractions = tuple[float, float, float, float]
Q = TypeVar("Q")
CHOICES = 4
MASK_SIDE = 14


@dataclass(frozen=True, eq=False)
class Pictured:
    """A picture on disk. boxes: x1, y1, x2, y2 as fractions; names: what is in each, or nothing at all.

    masks: None, or [K, 14, 14] float32 in 0..1, the segmentation of each box inside it (VCR).
    """

    path: Path
    boxes: tuple[Fractions, ...] = ()
    names: tuple[str, ...] = ()
    masks: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.names and len(self.names) != len(self.boxes):
            raise DataError(f"{self.path.name} has {len(self.boxes)} boxes and {len(self.names)} names for them.")
        if self.masks is not None and self.masks.shape != (len(self.boxes), MASK_SIDE, MASK_SIDE):
            raise DataError(f"{self.path.name} has {len(self.boxes)} boxes and masks of the shape "
                            f"{list(self.masks.shape)}; expected [{len(self.boxes)}, {MASK_SIDE}, {MASK_SIDE}].")


@dataclass(frozen=True)
class OpenQuestion:
    """A question with one answer. picture: its number in the data set. answers: each right one and its score, 0..1
    (VQA: min(0.3 x people who gave it, 1)). kind: what the figures are reported by, or nothing. boxes: those of the
    picture, counted from 0, that show what is asked for, maybe none; None where the data do not say. id: what the data
    call it, if they do; it is no part of what is learned. source: the name of its data set, where there are several."""

    picture: int
    text: str
    answers: dict[str, float]
    kind: str = ""
    boxes: tuple[int, ...] | None = None
    id: int | str | None = field(default=None, repr=False, compare=False)
    source: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class TaggedText:
    """Words in reading order; tags: for each the box it names, counted from 1, or 0 for none."""

    words: tuple[str, ...]
    tags: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.tags):
            raise DataError(f"{' '.join(self.words)!r} has {len(self.words)} words and {len(self.tags)} tags.")

    @classmethod
    def plain(cls, text: str) -> TaggedText:
        """Words that name no box."""
        words = tuple(text.split())
        return cls(words, (0,) * len(words))

    @classmethod
    def read(cls, text: str, boxes: int) -> TaggedText:
        """From words of which "star [2]" names box 2 of so many. Raises CaptionError that says what is wrong."""
        words: list[str] = []
        tags: list[int] = []
        for number, word in re.findall(r"\[\s*(\d{1,9})\s*\]|((?:(?!\[\s*\d+\s*\])\S)+)", text):
            if word:
                words.append(word)
                tags.append(0)
            elif not words:
                raise CaptionError(f"[{number}] stands before the first word. Put it after the word that names it.")
            elif not 1 <= int(number) <= boxes:
                raise CaptionError(f"“{words[-1]} [{number}]” names a region that is not there; the picture has "
                                   f"{numbered('region', boxes)}.")
            else:
                tags[-1] = int(number)
        if not words:
            raise CaptionError("There are no words. Write some.")
        return cls(tuple(words), tuple(tags))

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def marked(self) -> str:
        """As `read` reads it: with the number of its box after each word that names one."""
        return " ".join(f"{word} [{tag}]" if tag else word for word, tag in zip(self.words, self.tags, strict=True))


@dataclass(frozen=True)
class ChoiceQuestion:
    """A question with four answers, and four reasons for the right one (VCR). answer, rationale: which is right;
    where that is not public (`labelled` of the data set), 0. id: what the data call it, if they do."""

    picture: int
    question: TaggedText
    answers: tuple[TaggedText, ...]
    answer: int
    rationales: tuple[TaggedText, ...]
    rationale: int
    kind: str = ""
    id: int | str | None = field(default=None, repr=False, compare=False)
    source: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, texts, right in (("answers", self.answers, self.answer),
                                   ("rationales", self.rationales, self.rationale)):
            if len(texts) != CHOICES or not 0 <= right < CHOICES:
                raise DataError(f"{self.question.text!r} has {len(texts)} {name} of which number {right} is right; "
                                f"expected {CHOICES}, counted from 0.")


@dataclass(frozen=True)
class ReferringExpression:
    """Words that mean one thing in the picture. boxes: the picture's boxes that show it, counted from 0.

    context: the sentence the words stand in, or nothing. kinds: what the figures are reported by. id: what the data
    call it, if they do.
    """

    picture: int
    text: str
    boxes: tuple[int, ...]
    context: str = ""
    kinds: tuple[str, ...] = ()
    id: int | str | None = field(default=None, repr=False, compare=False)
    source: str = field(default="", repr=False, compare=False)


@dataclass
class Skipped:
    """Lines that could not be used: how many, and what was wrong with the first three."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        self.count += 1
        if len(self.named) < 3:
            self.named.append(what)

    def __str__(self) -> str:
        return f"{self.count} left out: {'; '.join(self.named)}" + (" …" if self.count > 3 else "")


@dataclass(frozen=True)
class DataSet(Generic[Q]):
    """Pictures, what is asked about them, and what was left out. labelled: whether the right answers are known; those
    of a test split are not public. note: how the data were read where they leave it open, in words. Raises DataError
    where nothing is left."""

    pictures: tuple[Pictured, ...]
    questions: tuple[Q, ...]
    skipped: Skipped = field(default_factory=Skipped)
    labelled: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        if not self.questions:
            why = f" ({self.skipped})" if self.skipped.count else ""
            raise DataError(f"There is nothing to use in this data{why}.")
