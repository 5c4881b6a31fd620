"""Each word of a caption masked alone, all its pieces at once: what `evaluate` reads masked words from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.tokenizer import WordPieces
from engine.predictor import Predictor
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions
from engine.tasks.chunks import chunked


@dataclass(frozen=True, eq=False)
class HiddenWord:
    """A masked word of K pieces.

    Attributes:
        item: which caption it belongs to
        word: its index in the caption
        states: [K, D], what the word head reads
        logits: [K, V] float32, calibrated
        truth: [K], its pieces
    """

    item: int
    word: int
    states: Tensor
    logits: Tensor
    truth: Tensor

    @property
    def losses(self) -> Tensor:
        """The negative log-probability of each piece, [K]."""
        return -self.logits.log_softmax(dim=1)[torch.arange(len(self.truth)), self.truth]


def measured_words(pieces: WordPieces, caption: Caption) -> list[int]:
    """The words that are masked: no punctuation, no [MASK], no word outside the vocabulary."""
    return [i for i, word in enumerate(caption.words)
            if not word.is_punctuation and word.known and pieces.unknown not in caption.piece_ids_of(i)]


@torch.inference_mode()
def hidden_words(predictor: Predictor, items: Sequence[tuple[Caption, Regions]]) -> Iterator[HiddenWord]:
    """Predict every word of every caption while it alone is masked.

    Args:
        predictor: the model
        items: captions, each with the regions that are visible

    Yields:
        The masked words; words of like length together, not in reading order.
    """
    asked = [(item, word) for item, (caption, _) in enumerate(items)
             for word in measured_words(predictor.pieces, caption)]
    examples = [Example(items[item][0].with_hidden([word], predictor.pieces.mask), items[item][1])
                for item, word in asked]
    for chunk in chunked(examples):
        text = predictor.encode([examples[k] for k in chunk]).text
        words = [items[item][0].words[word] for item, word in (asked[k] for k in chunk)]
        states = [row[word.first:word.stop] for row, word in zip(text, words, strict=True)]
        logits = predictor.model.heads.mlm.calibrated(torch.cat(states)).float().split([len(own) for own in states])
        for k, own, row in zip(chunk, states, logits, strict=True):
            item, word = asked[k]
            yield HiddenWord(item, word, own, row, torch.tensor(items[item][0].piece_ids_of(word)))
