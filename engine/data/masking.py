"""Which words and regions are hidden in training (specification, tasks 1 and 2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch

from engine.data.word_kinds import kind_of
from engine.structures.caption import Caption

DESCRIBED = ("colour", "number", "action")


@dataclass(frozen=True)
class HiddenWords:
    """piece_ids: the sequence as the model sees it; places: which of its pieces are asked; truth: their true ids."""

    piece_ids: list[int]
    places: list[int]
    truth: list[int]


@dataclass(frozen=True)
class WordMasking:
    """Whole words are chosen with `probability`; all pieces of a chosen word become [MASK] (80 %), a random piece
    (10 %) or stay (10 %), and every one is predicted. Nothing is forced. Nouns that name a box are chosen with
    `grounded_probability` instead, and colours, numbers and actions with `described_probability`, where that is not 0.
    """

    probability: float
    grounded_probability: float
    mask_id: int
    vocabulary: int
    described_probability: float = 0.0

    def __call__(self, caption: Caption, grounded: Collection[int], generator: torch.Generator,
                 visible: Collection[int] = ()) -> HiddenWords:
        """grounded: indices of the words that are nouns with a box; visible: of those that are not to be hidden."""
        spans = [(word.first, word.stop) if word.known and index not in visible else (0, 0)
                 for index, word in enumerate(caption.words)]
        described = [i for i, word in enumerate(caption.words) if kind_of(word.text) in DESCRIBED] \
            if self.described_probability else ()
        return self.hide(caption.piece_ids, spans, grounded, generator, described)

    def hide(self, piece_ids: Sequence[int], words: Sequence[tuple[int, int]], grounded: Collection[int],
             generator: torch.Generator, described: Collection[int] = ()) -> HiddenWords:
        """The same for any sequence. words: the places of each one's pieces, (first, stop)."""
        pieces = list(piece_ids)
        places: list[int] = []
        draws = torch.rand(len(words), 2, generator=generator).tolist()
        for index, (word, (chosen, how)) in enumerate(zip(words, draws, strict=True)):
            own = range(*word)
            if chosen >= self._probability(index in grounded, index in described) or not own:
                continue
            places.extend(own)
            if how < 0.8:
                for place in own:
                    pieces[place] = self.mask_id
            elif how < 0.9:
                for place in own:
                    pieces[place] = int(torch.randint(self.vocabulary, (), generator=generator))
        return HiddenWords(pieces, places, [piece_ids[p] for p in places])

    def _probability(self, grounded: bool, described: bool) -> float:
        """With which a word is chosen."""
        return ((grounded and self.grounded_probability) or (described and self.described_probability)
                or self.probability)


@dataclass(frozen=True)
class HiddenRegions:
    """asked: regions whose class is predicted; hidden: those of them that are hidden."""

    asked: list[int]
    hidden: list[int]


@dataclass(frozen=True)
class RegionMasking:
    """Every region but 0 is chosen with `probability`; of those, `masked` are hidden and all are predicted."""

    probability: float
    masked: float

    def __call__(self, regions: int, generator: torch.Generator) -> HiddenRegions:
        """`regions`: R, region 0 included."""
        draws = torch.rand(max(regions, 1), 2, generator=generator).tolist()
        asked = [i for i in range(1, regions) if draws[i][0] < self.probability]
        return HiddenRegions(asked, [i for i in asked if draws[i][1] < self.masked])
