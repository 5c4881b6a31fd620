"""Questions that a run does not train on, asked again and again while it learns: how many are right."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.data.vqa_answers import score_of
from engine.measure.beliefs import Task, candidates
from engine.precision import autocast
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask

AT_ONCE = 48


class HeldOut:
    """Measures `task` on its own questions, which no training sees.

    numbers: which of them; most_detections: regions of the detector's own among grounding's candidates.
    """

    def __init__(self, task: Task, numbers: Sequence[int], most_detections: int = 0) -> None:
        self.task, self.numbers, self.most = task, list(numbers), most_detections

    @torch.inference_mode()
    def accuracy(self) -> tuple[float, dict[str, float]]:
        """Share of right answers (VQA: mean score), and the same by kind."""
        right: list[float] = []
        for start in range(0, len(self.numbers), AT_ONCE):
            right += self._right(self.numbers[start:start + AT_ONCE])
        by_kind: dict[str, list[float]] = {}
        for number, value in zip(self.numbers, right, strict=True):
            for kind in self._kinds(number):
                by_kind.setdefault(kind, []).append(value)
        return sum(right) / len(right), {k: sum(v) / len(v) for k, v in sorted(by_kind.items())}

    def chance(self) -> float:
        """What guessing reaches: a region at random, the most frequent answer, one of four."""
        if isinstance(self.task, VcrTask):
            return 0.25
        if isinstance(self.task, VqaTask):
            sums: dict[str, float] = {}
            for number in self.numbers:
                for text, score in self.task.questions[number].answers.items():
                    sums[text] = sums.get(text, 0.0) + score
            return max(sums.values()) / len(self.numbers)
        found = [candidates(self.task, n, self.most)[1][1:] for n in self.numbers]
        return sum(float(right.mean()) for right in found if len(right)) / len(found)

    def _right(self, numbers: list[int]) -> list[float]:
        task = self.task
        with autocast():
            if isinstance(task, GroundingTask):
                found = [candidates(task, n, self.most) for n in numbers]
                scores = task.scores([task.built(n, r) for n, (r, _) in zip(numbers, found, strict=True)])
                return [float(t[1 + s[1:].argmax()]) if len(s) > 1 else 0.0
                        for s, (_, t) in zip(scores, found, strict=True)]
            if isinstance(task, VqaTask):
                best = task.logits(numbers).argmax(dim=1).tolist()
                return [score_of(task.answers[b], task.questions[n].answers)
                        for n, b in zip(numbers, best, strict=True)]
            best = task.scores(numbers).argmax(dim=1).tolist()
        return [float(task.truth(n) == b) for n, b in zip(numbers, best, strict=True)]

    def _kinds(self, number: int) -> tuple[str, ...]:
        task = self.task
        if isinstance(task, GroundingTask):
            return task.expressions[number].kinds
        if isinstance(task, VcrTask):
            return (task.asks[number // len(task.questions)],)
        kind = task.questions[number].kind
        return (kind,) if kind else ()
