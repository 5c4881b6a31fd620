"""Visual question answering: question, one [MASK] as the answer, regions (specification, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.region_source import RegionSource
from engine.data.sequences import open_question
from engine.data.tokenizer import WordPieces
from engine.model.task_heads import FineTuned
from engine.structures.example import Example, Regions, collate
from engine.structures.questions import OpenQuestion
from engine.tasks.chunks import chunked, trained_groups


class VqaTask:
    """Answers open questions (see `engine.training.trainer.Trainable`).

    answers: the vocabulary, in the order of the head's outputs. most_detections: regions of the detector's own that
    join the given boxes, best first.
    """

    def __init__(self, model: FineTuned, questions: Sequence[OpenQuestion], source: RegionSource, pieces: WordPieces,
                 answers: Sequence[str], most_detections: int = 24) -> None:
        self.model: nn.Module = model
        self.tuned, self.vlbert, self.head = model, model.vlbert, model.head
        self.questions, self.source = questions, source
        self.answers = {text: i for i, text in enumerate(answers)}
        self.sequences = [open_question(pieces, q.text) for q in questions]
        self.most_detections = most_detections

    def __len__(self) -> int:
        return len(self.questions)

    def groups(self) -> list[dict[str, Any]]:
        return trained_groups(self.tuned)

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Binary cross-entropy with the soft scores, summed over the vocabulary, mean over the questions."""
        logits = self.logits(examples)
        return {"answer": F.binary_cross_entropy_with_logits(logits, self.targets(examples)) * len(self.answers)}

    def logits(self, examples: Sequence[int], picture: bool = True) -> Tensor:
        """[K, A]. picture: whether the model sees the regions."""
        asked = [self.questions[i].picture for i in examples]
        if picture:
            regions = self.source.regions([(p, range(min(self.source.detected(p), self.most_detections)))
                                           for p in asked])
        else:
            regions = [Regions.none(self.vlbert.regions.appearance)] * len(examples)
        own = [self.sequences[i] for i in examples]
        built = [Example(s.piece_ids, r, second=s.second) for s, r in zip(own, regions, strict=True)]
        logits: list[Tensor | None] = [None] * len(examples)
        for chunk in chunked(built):
            text = self.vlbert(collate([built[k] for k in chunk])).text
            asked_places = [own[k].asked or 0 for k in chunk]
            for k, row in zip(chunk, self.head(text[range(len(chunk)), asked_places]), strict=True):
                logits[k] = row
        return torch.stack([row for row in logits if row is not None])

    def targets(self, examples: Sequence[int]) -> Tensor:
        """[K, A] soft scores; answers outside the vocabulary cannot be learned and count nowhere."""
        targets = torch.zeros(len(examples), len(self.answers))
        for k, i in enumerate(examples):
            for text, score in self.questions[i].answers.items():
                if text in self.answers:
                    targets[k, self.answers[text]] = score
        return targets
