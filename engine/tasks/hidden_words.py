"""Pre-training's hidden words, gone on with beside a task: what the words say is read off the picture, too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.data.masking import HiddenWords, WordMasking
from engine.data.sequences import Sequence as OneSequence
from engine.data.tokenizer import WordPieces
from engine.model.losses import cross_entropy
from engine.model.vlbert import VLBert
from engine.structures.batch import Asked
from engine.structures.example import Example, Regions, collate
from engine.tasks.chunks import chunked

HIDDEN = 0.3  # share of the words that are hidden, twice as many as in pre-training: the texts are short


class HiddenWordsLoss:
    """The cross-entropy of words that are hidden anew each time."""

    def __init__(self, vlbert: VLBert, pieces: WordPieces) -> None:
        self.vlbert = vlbert
        self.hide = WordMasking(HIDDEN, 0.0, pieces.mask, len(pieces.pieces))

    def __call__(self, sequences: Sequence[OneSequence], regions: Sequence[Regions],
                 generator: torch.Generator) -> Tensor:
        """Mean over the hidden pieces of all sequences, each with its picture's regions; 0 where none is hidden."""
        hidden: list[HiddenWords] = [self.hide.hide(s.piece_ids, s.words, (), generator) for s in sequences]
        built = [Example(h.piece_ids, own, second=s.second, tags=s.tags)
                 for h, s, own in zip(hidden, sequences, regions, strict=True)]
        states: list[Tensor] = []
        truth: list[int] = []
        for chunk in chunked(built):
            batch = collate([built[k] for k in chunk]).to(self.vlbert.device)
            text = self.vlbert(batch, Asked.of(batch, [hidden[k].places for k in chunk], regions=False)).text
            for row, k in zip(text, chunk, strict=True):
                states.append(row[hidden[k].places])
                truth.extend(hidden[k].truth)
        pieces = torch.tensor(truth, dtype=torch.int64, device=self.vlbert.device)
        return cross_entropy(self.vlbert.heads.mlm(torch.cat(states)), pieces)
