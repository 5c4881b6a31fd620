"""A question as a game: which words and regions may be taken out, and what is asked of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import MaskError
from engine.explain.question import Asked, Player, Question
from engine.predictor import Predictor, Seen
from engine.structures.batch import Batch
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions, collate


@dataclass(frozen=True, eq=False)
class Game:
    """caption: all words as written. hidden_words, hidden_regions: what the question hides, sorted.

    players: the visible words, then the visible regions; P of them.
    """

    question: Question
    caption: Caption
    regions: Regions
    hidden_words: tuple[int, ...]
    hidden_regions: tuple[int, ...]
    players: tuple[Player, ...]
    mask: int

    @classmethod
    def of(cls, predictor: Predictor, seen: Seen, question: Question) -> Game:
        """Raises CaptionError and MaskError."""
        caption = predictor.pieces.masked_caption(question.caption)
        words = predictor.hidden_words(caption, question.hidden_words)
        regions = predictor.hidden_regions(seen, question.hidden_regions, question.masking)
        features = predictor.hidden_pixels(seen, tuple(regions)) if question.masking == "pixels" else seen.regions
        players = [Player("word", i) for i in range(len(caption.words)) if i not in words]
        players += [Player("region", i) for i in range(1, len(seen.boxes)) if i not in regions]
        return cls(question, caption, features, tuple(words), tuple(regions), tuple(players), predictor.pieces.mask)

    def example(self, present: Sequence[bool]) -> Example:
        """What the model sees when only these players are in; `present` has P entries."""
        out = [p for p, inside in zip(self.players, present, strict=True) if not inside]
        words = [p.index for p in out if p.kind == "word"]
        regions = [p.index for p in out if p.kind == "region"]
        return Example(self.caption.with_hidden([*self.hidden_words, *words], self.mask), self.regions,
                       [*self.hidden_regions, *regions])

    def batch(self, present: Tensor) -> Batch:
        """present [B, P] bool -> the model's input, one row for each of these sets of players."""
        return collate([self.example(row) for row in present.tolist()])

    def asked(self) -> tuple[Asked, ...]:
        """Everything that the question hides."""
        return (*(Asked("word", i) for i in self.hidden_words), *(Asked("region", i) for i in self.hidden_regions))

    def check(self, asked: Asked) -> None:
        """Raises MaskError where the asked element is not hidden, or nothing is left that could explain it."""
        if asked.index not in (self.hidden_words if asked.kind == "word" else self.hidden_regions):
            raise MaskError(f"The {asked.kind} {asked.index} is not hidden. Hide it first; then its answer can be "
                            "explained.")
        if not self.players:
            raise MaskError("Everything is hidden, so nothing is left that could explain the answer. "
                            "Show a word or a region.")

    def spread(self, values: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """One value of each player -> one of each word of the caption and one of each region, 0 for the others."""
        words, regions = [0.0] * len(self.caption.words), [0.0] * len(self.regions)
        for player, value in zip(self.players, values, strict=True):
            (words if player.kind == "word" else regions)[player.index] = float(value)
        return tuple(words), tuple(regions)

    def gather(self, words: Sequence[float], regions: Sequence[float]) -> Tensor:
        """The inverse of `spread`: [P], the players' values."""
        return torch.tensor([(words if p.kind == "word" else regions)[p.index] for p in self.players])
