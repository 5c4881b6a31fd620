"""Referring expressions: which region do the words mean (RefCOCO+; specification, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.region_source import RegionSource
from engine.data.sequences import expression
from engine.data.tokenizer import WordPieces
from engine.model.losses import mean_or_zero
from engine.model.task_heads import FineTuned
from engine.structures.batch import Asked
from engine.structures.example import Example, Regions, collate
from engine.structures.questions import ReferringExpression
from engine.tasks.chunks import chunked, shown_by, trained_groups

CONTEXT_KEPT = 0.7  # share of training examples that keep the sentence an expression stands in


class GroundingTask:
    """Scores regions for an expression (see `engine.training.trainer.Trainable`).

    most_detections: at most so many regions of the detector's own join the given boxes in training. ranking: weight of
    the cross-entropy of choosing among the regions (not in the paper, which judges each by itself).
    """

    def __init__(self, model: FineTuned, expressions: Sequence[ReferringExpression], source: RegionSource,
                 pieces: WordPieces, most_detections: int = 0, ranking: float = 0.0) -> None:
        self.model: nn.Module = model
        self.tuned, self.vlbert, self.head = model, model.vlbert, model.head
        self.expressions, self.source, self.pieces = expressions, source, pieces
        self.most_detections, self.ranking = most_detections, ranking

    def __len__(self) -> int:
        return len(self.expressions)

    def groups(self) -> list[dict[str, Any]]:
        return trained_groups(self.tuned)

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Binary cross-entropy of every region; those that meet a box of the expression are right. Where it has a
        weight, also `ranking`: the cross-entropy of the softmax over all regions but the whole picture."""
        draws = torch.rand(len(examples), 2, generator=generator).tolist()
        asked = []
        for i, (share, _) in zip(examples, draws, strict=True):
            picture = self.expressions[i].picture
            most = self.source.detected(picture)
            joining = torch.randperm(most, generator=generator)[:min(most, round(share * self.most_detections))]
            asked.append((picture, joining.tolist()))
        regions = self.source.regions(asked)
        each, chosen = [], []
        for i, own, scores in zip(examples, regions, self.scores(
                [self.built(i, r, with_context=draw[1] < CONTEXT_KEPT)
                 for i, r, draw in zip(examples, regions, draws, strict=True)]), strict=True):
            right = self.targets(i, own)
            each.append(F.binary_cross_entropy_with_logits(scores, right, reduction="none"))
            if self.ranking:
                chosen.append(_ranked(scores[1:], right[1:]))
        losses = {"region": mean_or_zero(torch.cat(each))}
        if self.ranking:
            losses["ranking"] = self.ranking * mean_or_zero(torch.cat(chosen))
        return losses

    def built(self, number: int, regions: Regions, *, with_context: bool = True) -> Example:
        asked = self.expressions[number]
        sequence = expression(self.pieces, asked.text, asked.context if with_context else "")
        return Example(sequence.piece_ids, regions, second=sequence.second)

    def scores(self, examples: Sequence[Example]) -> list[Tensor]:
        """Of each example its regions' logits, [R]."""
        found: list[Tensor | None] = [None] * len(examples)
        for chunk in chunked(examples):
            batch = collate([examples[k] for k in chunk]).to(self.vlbert.device)
            logits = self.head(self.vlbert(batch, Asked.of(batch, (), regions=True)).regions)[..., 0]
            for k, row in zip(chunk, logits, strict=True):
                found[k] = row[: len(examples[k].regions)]
        return [row for row in found if row is not None]

    def targets(self, number: int, regions: Regions) -> Tensor:
        """[R] in {0, 1}, where the model is."""
        return shown_by(regions, self.expressions[number].boxes).to(self.vlbert.device)


def _ranked(scores: Tensor, right: Tensor) -> Tensor:
    """Cross-entropy of choosing among R regions, spread evenly over the right ones: [1], or [0] where none is right."""
    if not right.any():
        return scores.new_zeros(0)
    return -(right / right.sum() * scores.log_softmax(dim=0)).sum()[None]
