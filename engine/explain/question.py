"""What is asked for an explanation."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

from engine.errors import MaskError

Kind = Literal["word", "region"]


@dataclass(frozen=True)
class Question:
    """A caption with words (from 0) and regions (from 1) hidden.

    masking: how the regions of `hidden_regions` are hidden, as in `Predictor.ask`. heads_off: (layer, head), from 0,
    attention heads that say nothing.
    """

    caption: str
    hidden_words: tuple[int, ...]
    hidden_regions: tuple[int, ...]
    masking: Literal["feature", "pixels"] = "feature"
    heads_off: frozenset[tuple[int, int]] = frozenset()

    def seed(self, kind: Kind, index: int) -> int:
        """For what is random in an explanation of one element: the same for the same question and element."""
        fields = self.caption, self.hidden_words, self.hidden_regions, self.masking, sorted(self.heads_off)
        return zlib.crc32(repr((*fields, kind, index)).encode())


@dataclass(frozen=True)
class Asked:
    """One hidden word (index from 0) or hidden region (from 1) and the answer whose probability is explained.

    answer: "" is the true word or the detector's label where the model has it, else the model's best answer. For a word
    of several pieces it must have as many pieces, and its probability is their product.
    """

    kind: Kind
    index: int
    answer: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("word", "region"):
            raise MaskError(f"A hidden 'word' or a hidden 'region' can be asked about, not {self.kind!r}.")


@dataclass(frozen=True)
class Player:
    """A visible word (index from 0) or region (from 1) that can be taken out."""

    kind: Kind
    index: int
