"""Visual question answering: question, one [MASK] as the answer, regions (specification, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.region_source import RegionSource
from engine.data.sequences import answered, open_question
from engine.data.tokenizer import WordPieces
from engine.data.vqa_answers import number_in, numbers_of
from engine.errors import ConfigError
from engine.model.task_heads import AnswerHead, FineTuned
from engine.structures.batch import Asked
from engine.structures.example import Example, Regions, collate
from engine.structures.questions import OpenQuestion
from engine.tasks.chunks import chunked, shown_by, trained_groups
from engine.tasks.hidden_words import HiddenWordsLoss


class VqaTask:
    """Answers open questions (see `engine.training.trainer.Trainable`).

    answers: the vocabulary, in the order of the head's outputs. most_detections: regions of the detector's own that
    join the given boxes, best first. Not in the paper are, each with its weight, evidence: finding the regions that
    show what is asked for, of the questions that name them; it needs a head with `regions`; words: going on with
    pre-training's masked words, on the questions with their best answers.
    """

    def __init__(self, model: FineTuned, questions: Sequence[OpenQuestion], source: RegionSource, pieces: WordPieces,
                 answers: Sequence[str], most_detections: int = 24, evidence: float = 0.0, words: float = 0.0) -> None:
        if not isinstance(model.head, AnswerHead) or (evidence and model.head.regions is None):
            raise ConfigError("Answering needs an AnswerHead, and one that scores regions where evidence is learned.")
        self.model: nn.Module = model
        self.tuned, self.vlbert, self.head = model, model.vlbert, model.head
        self.evidence, self.words = evidence, words
        self.questions, self.source = questions, source
        self.answers, self.numbers = tuple(answers), numbers_of(answers)
        self.sequences = [open_question(pieces, q.text) for q in questions]
        self.hidden_words = HiddenWordsLoss(model.vlbert, pieces)
        self.whole = [answered(pieces, q.text, max(q.answers, key=q.answers.__getitem__))
                      for q in questions] if words else []
        self.most_detections = most_detections

    def __len__(self) -> int:
        return len(self.questions)

    def groups(self) -> list[dict[str, Any]]:
        return trained_groups(self.tuned)

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Binary cross-entropy with the soft scores, summed over the vocabulary, mean over the questions.

        Where words are learned, one more: `words`, of the question with its best answer, hidden ones read again. Where
        evidence is learned, two more: `evidence`, whether a region shows what is asked for, mean over the
        regions; and `told`, the answer itself, asked of the regions that do. A region's element has what
        it looks like at hand, so it learns to answer first, and [MASK] learns from it.
        """
        logits, states, regions = self._run(examples)
        losses = {"answer": self._answered(logits, self.targets(examples))}
        if self.words:
            losses["words"] = self.words * self.hidden_words([self.whole[i] for i in examples], regions, generator)
        named = [k for k, i in enumerate(examples) if self.questions[i].boxes is not None]
        if not self.evidence or self.head.regions is None or not named:
            return losses
        shown = [shown_by(regions[k], self.questions[examples[k]].boxes or ()).to(self.vlbert.device)
                 for k in named]  # each [R]
        own = [states[k] for k in named]  # each [R, D]
        scores = self.head.regions(torch.cat(own))[..., 0]
        losses["evidence"] = self.evidence * F.binary_cross_entropy_with_logits(scores, torch.cat(shown))
        telling = [state[at > 0] for state, at in zip(own, shown, strict=True)]
        if any(len(state) for state in telling):
            truth = self.targets([examples[k] for k in named]).repeat_interleave(
                torch.tensor([len(state) for state in telling], device=self.vlbert.device), dim=0)
            losses["told"] = self._answered(self.head(torch.cat(telling)), truth)
        return losses

    def _answered(self, logits: Tensor, truth: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, truth) * len(self.answers)

    def logits(self, examples: Sequence[int], picture: bool = True) -> Tensor:
        """[K, A]. picture: whether the model sees the regions."""
        return self._run(examples, picture)[0]

    def _run(self, examples: Sequence[int], picture: bool = True) -> tuple[Tensor, list[Tensor], list[Regions]]:
        """Logits [K, A], and of every example the states of its regions, [R, D], and the regions."""
        asked = [self.questions[i].picture for i in examples]
        if picture:
            regions = self.source.regions([(p, range(min(self.source.detected(p), self.most_detections)))
                                           for p in asked])
        else:
            regions = [Regions.none(self.vlbert.regions.appearance)] * len(examples)
        own = [self.sequences[i] for i in examples]
        built = [Example(s.piece_ids, r, second=s.second) for s, r in zip(own, regions, strict=True)]
        logits: list[Tensor | None] = [None] * len(examples)
        states: list[Tensor] = [torch.empty(0)] * len(examples)
        for chunk in chunked(built):
            batch = collate([built[k] for k in chunk]).to(self.vlbert.device)
            places = [own[k].asked or 0 for k in chunk]
            encoded = self.vlbert(batch, Asked.of(batch, [[p] for p in places], regions=self.evidence > 0))
            answered = self.head(encoded.text[range(len(chunk)), places])
            for k, row, state in zip(chunk, answered, encoded.regions, strict=True):
                logits[k], states[k] = row, state[: len(regions[k])]
        return torch.stack([row for row in logits if row is not None]), states, regions

    def targets(self, examples: Sequence[int]) -> Tensor:
        """[K, A] soft scores, where the model is; answers outside the vocabulary are not learned and count nowhere."""
        targets = torch.zeros(len(examples), len(self.answers))
        for k, i in enumerate(examples):
            for text, score in self.questions[i].answers.items():
                number = number_in(self.numbers, text)
                if number is not None:
                    targets[k, number] = max(score, float(targets[k, number]))
        return targets.to(self.vlbert.device)
