"""The answer that is explained, and its probability in many views of the question at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.data.tokenizer import WordPieces
from engine.errors import AnswerError
from engine.explain.question import Kind
from engine.model.vlbert import Encoded, VLBert
from engine.predictor import Predictor


class Explained(Protocol):
    """An answer that can be explained. kind, index: of the element it is read from; places: that element's in the text,
    or the region."""

    @property
    def kind(self) -> Kind: ...

    @property
    def index(self) -> int: ...

    @property
    def answer(self) -> str: ...

    @property
    def places(self) -> tuple[int, ...]: ...

    def log_probability(self, model: VLBert, encoded: Encoded) -> Tensor:
        """[B], differentiable: the natural logarithm of the answer's probability in each row."""


@dataclass(frozen=True)
class Target:
    """A hidden word's or region's answer. places: of the asked pieces in the text, or the asked region. ids: the
    answer's pieces or class, one a place."""

    kind: Kind
    index: int
    answer: str
    places: tuple[int, ...]
    ids: tuple[int, ...]

    def log_probability(self, model: VLBert, encoded: Encoded) -> Tensor:
        """[B], differentiable: the natural logarithm of the answer's probability (of the product over its pieces)."""
        return self.log_probability_of(distribution(model, encoded, self.kind, self.places))

    def log_probability_of(self, logits: Tensor) -> Tensor:
        """The same from the logits of the asked places, [B, K, V or C] -> [B]."""
        every = logits.log_softmax(dim=-1)
        chosen = torch.tensor(self.ids, device=every.device)[None, :, None].expand(len(every), -1, 1)
        return every.gather(2, chosen)[..., 0].sum(dim=1)


def distribution(model: VLBert, encoded: Encoded, kind: Kind, places: Sequence[int]) -> Tensor:
    """Logits of the asked places of every row, [B, K, V] of word pieces or [B, K, C] of region classes."""
    states = (encoded.text if kind == "word" else encoded.regions)[:, list(places)].float()
    head = model.heads.mlm if kind == "word" else model.heads.mvrc
    return head.calibrated(states.flatten(0, 1)).float().unflatten(0, states.shape[:2])


def best_answers(predictor: Predictor, logits: Tensor, kind: Kind) -> list[tuple[str, tuple[int, ...]]]:
    """[B, K, V or C] -> of each row the most probable answer, as text and as ids."""
    rows = [tuple(row) for row in logits.argmax(dim=2).tolist()]
    if kind == "region":
        return [(predictor.classes.names[row[0]], row) for row in rows]
    return [(_joined(predictor.pieces, row), row) for row in rows]


def answer_ids(predictor: Predictor, kind: Kind, answer: str, places: int) -> tuple[int, ...]:
    """The pieces (as many as `places`) or the class of an answer that somebody wrote. Raises AnswerError."""
    if kind == "region":
        number = predictor.class_of(answer)
        if number is None:
            raise AnswerError(f"The model has no region class {answer!r}. Choose one that it offers.")
        return (number,)
    ids = tuple(predictor.pieces.of_word(answer))
    if not ids or predictor.pieces.unknown in ids:
        raise AnswerError(f"“{answer}” is not in the model's vocabulary, so the model gives it no probability. Choose "
                          "another answer.")
    if len(ids) != places:
        raise AnswerError(f"The hidden word has {_count(places)} and “{answer}” has {_count(len(ids))}. Choose an "
                          "answer of the same length.")
    return ids


def _count(places: int) -> str:
    return "1 word piece" if places == 1 else f"{places} word pieces"


def true_ids(predictor: Predictor, caption_ids: Sequence[int], known: bool) -> tuple[int, ...] | None:
    """The pieces of a hidden word where they are known and in the vocabulary."""
    if not known or predictor.pieces.unknown in caption_ids:
        return None
    return tuple(caption_ids)


def _joined(pieces: WordPieces, ids: Sequence[int]) -> str:
    first, *rest = (pieces.pieces[i] for i in ids)
    return first + "".join(piece.removeprefix("##") for piece in rest)
