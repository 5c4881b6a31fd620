"""What a fine-tuned model answers about one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.structures.prediction import Candidate


@dataclass(frozen=True)
class OpenAnswer:
    """Answers to a question. Each probability is the answer's own (a sigmoid): several may be right, and they need not
    sum to 1.

    best: best first. blind: the best ones without the picture. still: probability of best[0] without the picture.
    """

    best: tuple[Candidate, ...]
    blind: tuple[Candidate, ...]
    still: float


@dataclass(frozen=True)
class ChoiceAnswer:
    """Probability of each of the four choices, given that one is right; blind: without the picture."""

    probabilities: tuple[float, ...]
    blind: tuple[float, ...]

    @property
    def best(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class PointAnswer:
    """Of each region, region 0 included, the probability that the words mean it (a sigmoid: several may be meant).

    mute: the same without the words, which shows what is pointed at anyway.
    """

    scores: tuple[float, ...]
    mute: tuple[float, ...]

    @property
    def best(self) -> int:
        return max(range(len(self.scores)), key=self.scores.__getitem__)


@dataclass(frozen=True)
class TaskElement:
    """A word, region or special piece of the sequence. index: of the word or region; for "special" its place."""

    kind: Literal["special", "word", "region"]
    index: int
    text: str


@dataclass(frozen=True)
class Looks:
    """What each element looks at: attention of the last layer, mean over its heads.

    weights: [E][E]; row i says how much element i takes from each other, summed over a word's pieces. answer: the
    element that the answer is read from.
    """

    elements: tuple[TaskElement, ...]
    weights: tuple[tuple[float, ...], ...]
    answer: int


@dataclass(frozen=True)
class Carried:
    """What an answer rests on: its probability as it is (full), and with each word and each region hidden alone.

    texts, words: each word and its value; nothing where words are not hidden. regions: one of each region; region 0,
    which cannot be hidden, has `full`.
    """

    full: float
    texts: tuple[str, ...]
    words: tuple[float, ...]
    regions: tuple[float, ...]
