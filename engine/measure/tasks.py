"""What fine-tuning taught: grounding, question answering, choosing among four."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from engine.data.region_source import RegionSource
from engine.data.unreadable import Unreadable
from engine.data.vqa_answers import score_of
from engine.errors import DataError, PhotoError
from engine.measure.seen_regions import SeenRegions
from engine.model.task_heads import FineTuned
from engine.precision import autocast
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.boxes import Boxes
from engine.structures.example import Example, Regions
from engine.structures.questions import CHOICES, ChoiceQuestion, DataSet, OpenQuestion, ReferringExpression
from engine.tasks.chunks import MET
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask

Figures = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What a model gets right, and what it answers.

    Attributes:
        figures: for people; of questions whose right answers are not known only their number
        answers: by the number of a question the text of the answer (vqa), the probabilities of the four answers and
            then of the four rationales given each answer (vcr), or the boxes (grounding)
        left_out: the pictures that could not be read
    """

    figures: Figures
    answers: dict[int, Any]
    left_out: Unreadable


@torch.inference_mode()
def grounding(predictor: Predictor, model: FineTuned, data: DataSet[ReferringExpression]) -> Measured:
    """`given_boxes`: the best-scored of the picture's own boxes is one of the expression's, or (`at_iou_0.5`, RefCOCO's
    published measure) overlaps one by at least a half. `proposals`: the best of the detector's own regions does;
    `upper_bound`: any of them does. `no_image`: of the given boxes where the model knows nothing but their places."""
    given = GroundingTask(model, data.questions, SeenRegions(predictor, data.pictures), predictor.pieces)
    own = GroundingTask(model, data.questions, SeenRegions(predictor, data.pictures, own=True), predictor.pieces)
    right: dict[bool, list[bool]] = {True: [], False: []}
    near: dict[bool, list[bool]] = {True: [], False: []}
    found: list[bool] = []
    possible: list[bool] = []
    kinds: list[tuple[str, ...]] = []
    left_out, answers = Unreadable(), dict[int, Any]()
    for numbers in readable(data, given.source, left_out):
        picture = data.questions[numbers[0]].picture
        boxes = Boxes.from_fractions(data.pictures[picture].boxes, 1.0, 1.0)
        regions = given.source.regions([(picture, ())])[0]
        asked = [given.built(i, regions) for i in numbers]
        alike = boxes.iou(boxes) >= MET  # [G, G]
        for seen, built in ((True, asked), (False, [without_picture(e) for e in asked])):
            for i, scores in zip(numbers, scores_of(given, built), strict=True):
                best, true = int(scores[1:].argmax()), list(data.questions[i].boxes)
                right[seen].append(best in true)
                near[seen].append(bool(alike[true, best].any()))
                if seen:
                    answers[i] = {"given": _box(regions, 1 + best, scores, model.head.temperature)}
        regions = own.source.regions([(picture, range(own.source.detected(picture)))])[0]
        met = boxes.iou(Boxes(regions.boxes, 1.0, 1.0)) >= MET  # [G, R]
        for i, scores in zip(numbers, scores_of(own, [own.built(i, regions) for i in numbers]), strict=True):
            region = int(scores.argmax())
            answers[i]["detected"] = _box(regions, region, scores, model.head.temperature)
            true = list(data.questions[i].boxes)
            found.append(bool(met[true, region].any()))
            possible.append(bool(met[true].any()))
            kinds.append(data.questions[i].kinds)

    def of_given(seen: bool, chosen: Sequence[int]) -> Figures:
        return {"given_boxes": {"accuracy": share([right[seen][i] for i in chosen]),
                                "at_iou_0.5": share([near[seen][i] for i in chosen])}}

    def figures(chosen: Sequence[int]) -> Figures:
        return of_given(True, chosen) | {
            "proposals": {"accuracy": share([found[i] for i in chosen]),
                          "upper_bound": share([possible[i] for i in chosen])},
            "no_image": of_given(False, chosen), "n": len(chosen)}

    every = sorted({kind for own_kinds in kinds for kind in own_kinds})
    by_kind = {kind: figures([i for i, k in enumerate(kinds) if kind in k]) for kind in every}
    return Measured(figures(range(len(kinds))) | {"by_kind": by_kind}, answers, left_out)


@torch.inference_mode()
def vqa(predictor: Predictor, model: FineTuned, answers: Sequence[str], data: DataSet[OpenQuestion]) -> Measured:
    """`accuracy`: the score people gave the model's answer (where there is one right answer: exact match);
    `accuracy_single`: of the questions whose answer is one word; `exact_match`: how often no other answer has a better
    score than the model's. The same without the picture, by kind of question and, where there are several data sets, by
    source."""
    task = VqaTask(model, data.questions, SeenRegions(predictor, data.pictures), predictor.pieces, answers)
    names, said, left_out = list(answers), dict[int, Any](), Unreadable()
    scores: dict[bool, list[float]] = {True: [], False: []} if data.labelled else {True: []}
    asked: list[OpenQuestion] = []
    for numbers in readable(data, task.source, left_out):
        asked.extend(data.questions[i] for i in numbers)
        for picture, own in scores.items():
            with autocast():
                best = task.logits(numbers, picture).argmax(dim=1).tolist()
            if picture:
                said |= {i: names[b] for i, b in zip(numbers, best, strict=True)}
            own.extend(score_of(names[b], data.questions[i].answers) for i, b in zip(numbers, best, strict=True))
    if not data.labelled:
        return Measured({"n": len(asked)}, said, left_out)
    single = {k for k, q in enumerate(asked) if all(" " not in text and "," not in text for text in q.answers)}
    kinds, sources = sorted({q.kind for q in asked}), list(dict.fromkeys(q.source for q in asked))

    def figures(own: Sequence[float]) -> Figures:
        exact = [s > 0 and s == max(q.answers.values()) for s, q in zip(own, asked, strict=True)]
        return _accuracies(own, range(len(asked)), single) | {
            "exact_match": share(exact),
            "by_kind": {kind: share([s for s, q in zip(own, asked, strict=True) if q.kind == kind]) for kind in kinds}}

    found = figures(scores[True]) | {
        "no_image": figures(scores[False]), "n": len(asked), "n_single": len(single),
        "n_by_kind": {kind: sum(q.kind == kind for q in asked) for kind in kinds}}
    if len(sources) > 1:
        found["by_source"] = {}
        for source in sources:
            chosen = [k for k, q in enumerate(asked) if q.source == source]
            found["by_source"][source] = _accuracies(scores[True], chosen, single) | {
                "no_image": _accuracies(scores[False], chosen, single), "n": len(chosen),
                "n_single": len(single.intersection(chosen))}
    return Measured(found, said, left_out)


def _accuracies(own: Sequence[float], chosen: Sequence[int], single: Collection[int]) -> Figures:
    """Of the chosen questions the mean score, and that of those whose answer is one word."""
    return {"accuracy": share([own[k] for k in chosen]),
            "accuracy_single": share([own[k] for k in chosen if k in single])}


@torch.inference_mode()
def vcr(predictor: Predictor, model: FineTuned, data: DataSet[ChoiceQuestion], *,
        every_rationale: bool = False) -> Measured:
    """VCR's three accuracies: Q -> A, QA -> R, and Q -> AR (both right). The first two without the picture, too; all by
    kind of question where the data have kinds and, where there are several data sets, by source.

    every_rationale: also find the probabilities of the rationales given each of the four answers, which `answers` then
    has; figures need those given the right one only."""
    task = VcrTask(model, data.pictures, data.questions, SeenRegions(predictor, data.pictures), predictor.pieces)
    right: dict[tuple[bool, int], list[bool]] = {(picture, ask): [] for picture in (True, False) for ask in (0, 1)}
    left_out, answers = Unreadable(), dict[int, Any]()
    measured: list[ChoiceQuestion] = []
    for numbers in readable(data, task.source, left_out):
        measured.extend(data.questions[i] for i in numbers)
        for (picture, ask), own in right.items() if data.labelled else ():
            asked = [ask * len(data.questions) + i for i in numbers]
            with autocast():
                best = task.scores(asked, picture).argmax(dim=1).tolist()
            own.extend(task.truth(i) == b for i, b in zip(asked, best, strict=True))
        if every_rationale:
            answers |= {i: _chosen(task, data.questions[i]) for i in numbers}
        else:
            answers |= dict.fromkeys(numbers)
    if not data.labelled:
        return Measured({"n": len(answers)}, answers, left_out)
    def figures(chosen: Sequence[int]) -> Figures:
        own = {key: [values[k] for k in chosen] for key, values in right.items()}
        both = [a and b for a, b in zip(own[True, 0], own[True, 1], strict=True)]
        return {"answer": share(own[True, 0]), "rationale": share(own[True, 1]), "both": share(both),
                "no_image": {"answer": share(own[False, 0]), "rationale": share(own[False, 1])}, "n": len(both)}

    found = figures(range(len(measured)))
    for name, of in (("by_kind", [q.kind for q in measured]), ("by_source", [q.source for q in measured])):
        if len(set(of)) > 1:
            found[name] = {one: figures([k for k, own in enumerate(of) if own == one]) for one in sorted(set(of))}
    return Measured(found, answers, left_out)


def _chosen(task: VcrTask, question: ChoiceQuestion) -> list[list[float]]:
    """Probabilities [5][4]: of the answers, then of the rationales given each answer."""
    given = [replace(question, answer=k) for k in range(CHOICES)]
    each = VcrTask(task.tuned, task.pictures, given, task.source, task.pieces)
    with autocast():
        logits = each.scores([0, *range(CHOICES, 2 * CHOICES)])
    return (logits.float() / task.tuned.head.temperature).softmax(dim=1).tolist()


def _box(regions: Regions, region: int, scores: torch.Tensor, temperature: float) -> dict[str, Any]:
    """A region's place as fractions of the picture, and its probability."""
    return {"box": [round(v, 5) for v in regions.boxes[region].tolist()],
            "score": round(float((scores[region].float() / temperature).sigmoid()), 4)}


def without_picture(example: Example) -> Example:
    """The same words and places, with no look at any region, nor at the whole."""
    regions = example.regions
    return replace(example, regions=Regions(torch.zeros_like(regions.appearance), regions.boxes),
                   hidden_regions=range(len(regions)))


def scores_of(task: GroundingTask, examples: Sequence[Any]) -> list[torch.Tensor]:
    with autocast():
        return task.scores(examples)


def readable(data: DataSet[Any], source: RegionSource, left_out: Unreadable) -> Iterator[list[int]]:
    """The numbers of the questions, picture by picture.

    Args:
        data: questions
        source: keeps the regions of the last picture, which is read here
        left_out: receives the pictures that cannot be read

    Raises:
        DataError: no picture can be read.
    """
    for numbers in counted(by_picture(data), "pictures"):
        try:
            source.regions([(data.questions[numbers[0]].picture, ())])
        except PhotoError as error:
            left_out.add(str(error), len(numbers))
            continue
        yield numbers
    if left_out.count == len(data.questions):
        raise DataError(f"There is nothing to use in this data: {left_out}")


def by_picture(data: DataSet[Any]) -> list[list[int]]:
    """The numbers of the questions, picture by picture."""
    groups: dict[int, list[int]] = {}
    for i, question in enumerate(data.questions):
        groups.setdefault(question.picture, []).append(i)
    return list(groups.values())


def share(values: Sequence[float] | Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
