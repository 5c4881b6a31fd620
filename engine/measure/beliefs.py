"""One question as people see it, and what a model believes about it at this moment of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.data.vqa_answers import number_in, score_of
from engine.model.taps import Taps
from engine.precision import autocast
from engine.structures.example import Regions
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask

Task = GroundingTask | VqaTask | VcrTask
TOLD = 5  # answers of an open question that are told


@dataclass(frozen=True)
class Asked:
    """regions: boxes [K, 4] as fractions that the model has, without the whole picture. choices: of VCR. truth: numbers
    of the right regions (from 1) or of the right choice (from 0), or the right answers."""

    picture: int
    text: str
    regions: list[list[float]]
    choices: list[str]
    truth: list[Any]


@dataclass(frozen=True)
class Believed:
    """probabilities: of each region (grounding) or choice (VCR); answers: the best ones of VQA. true: the probability
    of what is right; blind: the same without the picture, None for grounding. right: whether the best one is right.
    attention: what the asking words take from each region in the last layer, heads averaged, [K]."""

    probabilities: list[float]
    answers: list[tuple[str, float]]
    true: float
    blind: float | None
    right: float
    attention: list[float]


def candidates(task: GroundingTask, number: int, most: int) -> tuple[Regions, Tensor]:
    """The given regions and at most `most` of the detector's own, [R]; and which of them are right, [R] in {0, 1}."""
    own = task.expressions[number]
    regions = task.source.regions([(own.picture, range(min(most, task.source.detected(own.picture))))])[0]
    right = task.targets(number, regions) if own.boxes else torch.zeros(len(regions), device=task.vlbert.device)
    return regions, right


def asked(task: Task, number: int, most: int = 0) -> Asked:
    """The question of this number in the task."""
    if isinstance(task, GroundingTask):
        regions, right = candidates(task, number, most)
        own = task.expressions[number]
        return Asked(own.picture, own.text, _boxes(regions), [], right.nonzero()[:, 0].tolist())
    if isinstance(task, VqaTask):
        question = task.questions[number]
        detected = range(min(task.source.detected(question.picture), task.most_detections))
        boxes = _boxes(task.source.regions([(question.picture, detected)])[0])
        best = sorted(question.answers, key=lambda text: -question.answers[text])
        return Asked(question.picture, question.text, boxes, [], best)
    ask, place = divmod(number, len(task.questions))
    choice = task.questions[place]
    boxes = [list(box) for box in task.pictures[choice.picture].boxes]
    if task.asks[ask] == "answer":
        return Asked(choice.picture, choice.question.text, boxes, [a.text for a in choice.answers], [choice.answer])
    text = f"{choice.question.text} {choice.answers[choice.answer].text}. Why?"
    return Asked(choice.picture, text, boxes, [r.text for r in choice.rationales], [choice.rationale])


@torch.inference_mode()
def believed(task: Task, number: int, most: int = 0) -> Believed:
    """What the model says about one question, each loss of dropout left out by the caller (`eval`)."""
    with autocast():
        if isinstance(task, GroundingTask):
            return _pointed(task, number, most)
        return _answered(task, number) if isinstance(task, VqaTask) else _chosen(task, number)


def _pointed(task: GroundingTask, number: int, most: int) -> Believed:
    regions, right = candidates(task, number, most)
    with Taps(task.vlbert) as taps:
        probability = task.scores([task.built(number, regions)])[0].float().sigmoid()
    true = float((probability * right).max()) if right.any() else 0.0
    best = 1 + int(probability[1:].argmax()) if len(probability) > 1 else 0
    return Believed(_rounded(probability[1:]), [], round(true, 4), None, float(right[best]), _attention(taps))


def _answered(task: VqaTask, number: int) -> Believed:
    place = task.sequences[number].asked
    with Taps(task.vlbert) as taps:
        probability = task.logits([number])[0].float().sigmoid()
    blind = task.logits([number], picture=False)[0].float().sigmoid()
    answers, names = task.questions[number].answers, task.answers
    right = [number_in(task.numbers, answer) for answer in answers]
    known = [(float(probability[n]), float(blind[n])) for n in right if n is not None]
    true, without = max(known, default=(0.0, 0.0))
    top = probability.topk(min(TOLD, len(names)))
    best = [(names[i], round(p, 4)) for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True)]
    return Believed([], best, round(true, 4), round(without, 4), score_of(best[0][0], answers),
                    _attention(taps, [place or 0]))


def _chosen(task: VcrTask, number: int) -> Believed:
    truth = task.truth(number)
    with Taps(task.vlbert) as taps:
        probability = task.scores([number])[0].float().softmax(dim=0)
    blind = task.scores([number], picture=False)[0].float().softmax(dim=0)
    return Believed(_rounded(probability), [], round(float(probability[truth]), 4), round(float(blind[truth]), 4),
                    float(int(probability.argmax()) == truth), _attention(taps, [0]))


def _attention(taps: Taps, words: Sequence[int] | None = None) -> list[float]:
    """What these words (all of them for None) take from each region, averaged over words, heads and rows."""
    layout = taps.layout
    if layout is None or not layout.region_real.any():
        return []
    found = []
    for row, probabilities in enumerate(taps.attention[-1].float().mean(dim=1)):  # [L, L]
        places = layout.text_places[row][layout.text_real[row]]
        chosen = places if words is None else places[list(words)]
        found.append(probabilities[chosen][:, layout.region_places[row][layout.region_real[row]]].mean(dim=0))
    return _rounded(torch.stack(found).mean(dim=0)[1:])


def _boxes(regions: Regions) -> list[list[float]]:
    return [_rounded(box) for box in regions.boxes[1:]]


def _rounded(values: Tensor) -> list[float]:
    return [round(v, 4) for v in values.tolist()]
