"""Visual commonsense reasoning: four answers, then four rationales (specification, "Fine-tuning")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.data.region_source import RegionSource
from engine.data.sequences import Sequence as OneSequence
from engine.data.sequences import choice, joined
from engine.data.tokenizer import WordPieces
from engine.errors import ConfigError
from engine.model.losses import cross_entropy, mean_or_zero
from engine.model.task_heads import ChoiceHead, FineTuned
from engine.structures.batch import Asked
from engine.structures.example import Example, Regions, collate
from engine.structures.questions import CHOICES, ChoiceQuestion, Pictured
from engine.tasks.chunks import chunked, trained_groups
from engine.tasks.hidden_words import HiddenWordsLoss

ASKS = ("answer", "rationale")  # Q -> A, and QA -> R

Encoding = tuple[Tensor, Tensor]  # of one sequence: the states of its pieces [T, D] and of its regions [R, D]


class VcrTask:
    """Chooses among four (see `engine.training.trainer.Trainable`). An example is one question of one kind: the first
    half of the numbers asks for answers, the second, where there is one, for rationales.

    asks: "answer" (Q -> A), "rationale" (QA -> R), or both, which one model then learns. class_numbers: of each
    region class its number from 1, for the auxiliary loss (the whole picture is 0); empty for none. Not in the paper
    are, each with its weight, words: going on with pre-training's masked words on the right choices; evidence: telling
    which words make a choice wrong; ranking: choosing the best of the four, beside judging each. most_detections:
    regions of the detector's own, best first, of pictures without boxes.
    """

    def __init__(self, model: FineTuned, pictures: Sequence[Pictured], questions: Sequence[ChoiceQuestion],
                 source: RegionSource, pieces: WordPieces, asks: Sequence[str] = ASKS,
                 class_numbers: dict[str, int] | None = None, words: float = 0.0,
                 evidence: float = 0.0, ranking: float = 0.0, most_detections: int = 24) -> None:
        if not isinstance(model.head, ChoiceHead) or (evidence and model.head.words is None):
            raise ConfigError("Choosing among four needs a ChoiceHead, and one that scores words where evidence is "
                              "learned.")
        self.model: nn.Module = model
        self.tuned, self.vlbert, self.head = model, model.vlbert, model.head
        self.pictures, self.questions, self.source, self.pieces = pictures, questions, source, pieces
        self.asks = tuple(asks)
        self.class_numbers = class_numbers or {}
        self.words, self.evidence, self.ranking = words, evidence, ranking
        self.most_detections = most_detections
        self.hidden_words = HiddenWordsLoss(model.vlbert, pieces)

    def __len__(self) -> int:
        return len(self.questions) * len(self.asks)

    def groups(self) -> list[dict[str, Any]]:
        return trained_groups(self.tuned)

    def truth(self, number: int) -> int:
        question, ask = self._asked(number)
        return question.answer if ask == "answer" else question.rationale

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Binary cross-entropy over the four choices, and whatever else has a weight: the class of each region, the
        right choices' hidden words, which words make a choice wrong, and the softmax over the four."""
        sequences = [self._sequences(i) for i in examples]
        right = [self.truth(i) for i in examples]
        judged = [own for k, four in zip(right, sequences, strict=True)
                  for own in judged_words(four, k)] if self.evidence else []
        classify = self.head.regions if self.class_numbers else None
        scores, encoded, regions = self._run(examples, sequences, [[p for p, _ in own] for own in judged],
                                             read_regions=classify is not None)
        truth = torch.tensor(right, device=self.vlbert.device)
        losses = {"choice": F.binary_cross_entropy_with_logits(scores, F.one_hot(truth, CHOICES).float())}
        if self.ranking:
            losses["ranking"] = self.ranking * cross_entropy(scores, truth)
        if classify is not None:
            rows: list[Tensor] = []
            labels: list[int] = []
            for k, (i, own) in enumerate(zip(examples, regions, strict=True)):
                names = self.pictures[self._asked(i)[0].picture].names[: len(own) - 1]
                known = {0: 0} | {r: self.class_numbers[n] for r, n in enumerate(names, 1) if n in self.class_numbers}
                for place in range(k * CHOICES, (k + 1) * CHOICES):
                    rows.extend(encoded[place][1][r] for r in known)
                    labels.extend(known.values())
            losses["classes"] = cross_entropy(classify(torch.stack(rows)),
                                              torch.tensor(labels, device=self.vlbert.device))
        if self.evidence and self.head.words is not None:
            losses["evidence"] = self.evidence * self._wrong_words(judged, [text for text, _ in encoded])
        if self.words:
            said = [four[k] for k, four in zip(right, sequences, strict=True)]
            losses["words"] = self.words * self.hidden_words(said, regions, generator)
        return losses

    def scores(self, examples: Sequence[int], picture: bool = True) -> Tensor:
        """[K, 4] logits. picture: whether the model sees the regions."""
        return self._run(examples, [self._sequences(i) for i in examples], picture=picture)[0]

    def _run(self, examples: Sequence[int], sequences: Sequence[list[OneSequence]], read: Sequence[Sequence[int]] = (),
             *, read_regions: bool = False, picture: bool = True) -> tuple[Tensor, list[Encoding], list[Regions]]:
        """Scores [K, 4], the states of every example and choice, and the regions of every example.

        read: of every example and choice the pieces whose states are read, or nothing for none; read_regions: whether
        the regions' are.
        """
        asked = [(p, range(0 if self.source.given(p) else min(self.source.detected(p), self.most_detections)))
                 for p in (self._asked(i)[0].picture for i in examples)]
        nothing = Regions.none(self.vlbert.regions.appearance)
        regions = self.source.regions(asked) if picture else [nothing] * len(examples)
        built = [Example(s.piece_ids, own, second=s.second, tags=s.tags if len(own) else ())
                 for four, own in zip(sequences, regions, strict=True) for s in four]
        scores: list[Tensor | None] = [None] * len(built)
        states: list[Encoding] = [(torch.empty(0), torch.empty(0))] * len(built)
        for chunk in chunked(built):
            batch = collate([built[k] for k in chunk]).to(self.vlbert.device)
            places = [read[k] for k in chunk] if read else ()
            encoded = self.vlbert(batch, Asked.of(batch, places, regions=read_regions))
            for k, score, *own in zip(chunk, self.head(encoded.pooled), encoded.text, encoded.regions, strict=True):
                scores[k], states[k] = score, (own[0], own[1])
        return torch.stack([s for s in scores if s is not None]).view(-1, CHOICES), states, regions

    def _wrong_words(self, judged: Sequence[list[tuple[int, float]]], texts: Sequence[Tensor]) -> Tensor:
        """Binary cross-entropy of the words by which the choices differ; judged: of each example and choice its words;
        texts: the states of each one's pieces."""
        assert self.head.words is not None
        true = torch.tensor([r for own in judged for _, r in own], device=self.vlbert.device)
        states = torch.cat([text[[place for place, _ in own]] for text, own in zip(texts, judged, strict=True)])
        return mean_or_zero(F.binary_cross_entropy_with_logits(self.head.words(states)[:, 0], true, reduction="none"))

    def _sequences(self, number: int) -> list[OneSequence]:
        """Of each choice."""
        question, ask = self._asked(number)
        if ask == "answer":
            first, choices = question.question, question.answers
        else:
            first, choices = joined(question.question, question.answers[question.answer]), question.rationales
        return [choice(self.pieces, first, own) for own in choices]

    def _asked(self, number: int) -> tuple[ChoiceQuestion, str]:
        ask, question = divmod(number, len(self.questions))
        return self.questions[question], self.asks[ask]


def judged_words(four: Sequence[OneSequence], right: int) -> list[list[tuple[int, float]]]:
    """Of each choice its pieces by which the four differ, as (place, 1 where the right choice has it too, else 0).

    A piece is the same as another if the two carry the same region, too.
    """
    own = [{place: (s.piece_ids[place], s.tags[place]) for place in range(s.second or 0, len(s.piece_ids) - 1)}
           for s in four]
    common = set.intersection(*(set(pieces.values()) for pieces in own))
    true = set(own[right].values())
    return [[(place, float(piece in true)) for place, piece in pieces.items() if piece not in common]
            for pieces in own]
