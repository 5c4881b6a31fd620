"""How far the probabilities that the page shows can be believed: `evaluate calibration`, and the fit of temperatures.

    words            every word of caption 0, masked alone; of a word of several pieces each piece is a prediction
    regions          every region that shows an annotated box, masked alone beside its caption
    visible_regions  the same regions while they are visible
    classes          the class that the detector shows of these regions
    answers          the first answer of a vqa adapter

The regions are the detector's own, as on the page, or the annotated boxes. A detected region shows the annotated box
that it meets with the largest IoU, at least 0.5; one that meets none has no known class and is left out. Right are the
classes by which people name the box, and the class of its label; where only the label is known, also every kind of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.nouns import RegionClasses
from engine.data.unreadable import Unreadable
from engine.data.vqa_answers import score_of
from engine.measure.hidden_words import hidden_words
from engine.measure.reliability import fitted_temperature, reliability, sigmoid_slope, softmax_slope
from engine.measure.seen_regions import SeenRegions
from engine.measure.tasks import readable
from engine.model.task_heads import FineTuned
from engine.precision import autocast
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.boxes import Boxes
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions
from engine.structures.photo import Photo
from engine.structures.questions import DataSet, OpenQuestion
from engine.tasks.chunks import MET, chunked
from engine.tasks.vqa import VqaTask

ROWS = 256  # predictions whose logits are computed at a time
MOST_FITTED = 4000  # predictions of one head that a temperature is fitted to, spread evenly


@dataclass(eq=False)
class Predictions:
    """What one head predicts, kept as the states it reads: logits of a whole vocabulary would not fit in memory.

    Attributes:
        head: states [K, D] -> logits [K, C] at temperature 1
        temperature: of the head
        first: the first class that is shown; 1 leaves out the background
        states: each [D]
        right: of each the classes that are right
    """

    head: Callable[[Tensor], Tensor]
    temperature: float
    first: int = 0
    states: list[Tensor] = field(default_factory=list)
    right: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, states: Tensor, right: Sequence[tuple[int, ...]]) -> None:
        """states: [K, D], of which a copy is kept; they can be part of a whole batch."""
        self.states.extend(states.clone())
        self.right.extend(right)

    def logits(self, chosen: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Of these predictions the logits [K, C] at temperature 1 and which classes are right, [K, C] bool."""
        for start in range(0, len(chosen), ROWS):
            numbers = chosen[start:start + ROWS]
            logits = self.head(torch.stack([self.states[i] for i in numbers])).float()
            right = torch.zeros(logits.shape, dtype=torch.bool)
            for row, i in enumerate(numbers):
                right[row, list(self.right[i])] = True
            yield logits, right

    @torch.inference_mode()
    def figures(self) -> dict[str, Any]:
        """Reliability of the first answers, and the mean negative log-likelihood (`nll`)."""
        confidence, hits, losses = [torch.zeros(0)], [torch.zeros(0)], [torch.zeros(0)]
        for logits, right in self.logits(range(len(self.states))):
            probability = (logits / self.temperature).softmax(dim=1)
            best = probability[:, self.first:].max(dim=1)
            confidence.append(best.values)
            hits.append(right.gather(1, best.indices[:, None] + self.first)[:, 0].float())
            losses.append(-(probability * right).sum(dim=1).clamp(min=1e-30).log())
        return {"temperature": self.temperature, "nll": float(torch.cat(losses).mean())} | reliability(
            torch.cat(confidence), torch.cat(hits))

    @torch.inference_mode()
    def fitted(self) -> float:
        """The temperature of the least negative log-likelihood; 1 where there is nothing to fit it to."""
        count = len(self.states)
        chosen = range(0, count, max(1, -(-count // MOST_FITTED)))

        def slope(inverse: float) -> float:
            return sum(float(softmax_slope(*own, inverse).double().sum()) for own in self.logits(chosen))

        return fitted_temperature(slope) if count else 1.0


@dataclass(eq=False)
class AnswerPredictions:
    """First answers of a vqa adapter: their logits at temperature 1 and their scores, 0..1."""

    temperature: float
    logits: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        logits = torch.tensor(self.logits, dtype=torch.float64)
        return {"temperature": self.temperature} | reliability((logits / self.temperature).sigmoid(),
                                                               torch.tensor(self.right))

    def fitted(self) -> float:
        logits, right = torch.tensor(self.logits).double(), torch.tensor(self.right).double()
        return fitted_temperature(lambda inverse: float(sigmoid_slope(logits, right, inverse).sum()))


def classes_shown(classes: RegionClasses, photo: AnnotatedPhoto, box: int) -> tuple[int, ...]:
    """The classes that are right for an annotated box, none where people name it by no class."""
    named, allowed = classes.counts(photo, box), classes.allowed(photo.label_of(box))
    return tuple(dict.fromkeys([*named, *allowed[:1]] if named else allowed))


def shown_classes(classes: RegionClasses, photo: AnnotatedPhoto, regions: Regions) -> dict[int, tuple[int, ...]]:
    """By the number of a region, from 1, the classes that are right for it, where any are known."""
    if not photo.boxes or len(regions) < 2:
        return {}
    annotated = Boxes.from_fractions(photo.boxes, 1.0, 1.0)
    best = Boxes(regions.boxes[1:], 1.0, 1.0).iou(annotated).max(dim=1)
    met = {r: classes_shown(classes, photo, box)
           for r, (iou, box) in enumerate(zip(best.values.tolist(), best.indices.tolist(), strict=True), 1)
           if iou >= MET}
    return {region: right for region, right in met.items() if right}


@torch.inference_mode()
def predictions(predictor: Predictor, photos: Sequence[AnnotatedPhoto], *,
                given_boxes: bool = False) -> dict[str, Predictions]:
    """What the model and the detector predict about annotated photographs.

    Args:
        predictor: the model
        photos: with boxes; those without a caption count for the detector's classes only
        given_boxes: whether the regions are the annotated boxes, not the detector's own; of a photo with captions those
            that a caption names, as in `evaluate pretraining`

    Returns:
        Of words, regions, visible_regions and classes the predictions.
    """
    heads = predictor.model.heads
    found = {"words": Predictions(heads.mlm, heads.mlm.temperature),
             "regions": Predictions(heads.mvrc, heads.mvrc.temperature),
             "visible_regions": Predictions(heads.mvrc, heads.mvrc.temperature),
             "classes": Predictions(predictor.detector.heads.classify, predictor.class_temperature, first=1)}
    for photo in counted(photos, "photos"):
        photo = photo.named() if given_boxes and photo.captions else photo
        seen = predictor.see(Photo.open(photo.source), photo.boxes if given_boxes else None)
        # The detector's classes are those of its own weights; another detector has its own names.
        shown = shown_classes(predictor.classes, photo, seen.regions)
        if predictor.labels is predictor.classes and shown:
            found["classes"].add(seen.regions.appearance[[*shown]].float(), [*shown.values()])
        if photo.captions:
            [caption] = predictor.pieces.captions([photo.captions[0].text])
            for hidden in hidden_words(predictor, [(caption, seen.regions)]):
                found["words"].add(hidden.states, [(piece,) for piece in hidden.truth.tolist()])
            _add_regions(predictor, caption, seen.regions, shown, found)
    return found


def _add_regions(predictor: Predictor, caption: Caption, regions: Regions, shown: dict[int, tuple[int, ...]],
                 found: dict[str, Predictions]) -> None:
    """Each of the regions masked alone, and all of them visible."""
    numbers = [*shown]
    examples = [Example(caption.piece_ids, regions, [number]) for number in numbers]
    for chunk in chunked(examples):
        states = predictor.encode([examples[k] for k in chunk]).regions
        rows = [numbers[k] for k in chunk]
        found["regions"].add(states[range(len(rows)), rows], [shown[number] for number in rows])
    if numbers:
        [states] = predictor.encode([Example(caption.piece_ids, regions)]).regions
        found["visible_regions"].add(states[numbers], [*shown.values()])


@torch.inference_mode()
def answer_predictions(predictor: Predictor, model: FineTuned, answers: Sequence[str],
                       data: DataSet[OpenQuestion]) -> tuple[AnswerPredictions, Unreadable]:
    """The first answer to every question, and the pictures that could not be read. Raises DataError where none can."""
    task = VqaTask(model, data.questions, SeenRegions(predictor, data.pictures), predictor.pieces, answers)
    found, left_out = AnswerPredictions(model.head.temperature), Unreadable()
    for numbers in readable(data, task.source, left_out):
        with autocast():
            best = task.logits(numbers).float().max(dim=1)
        found.logits.extend(best.values.tolist())
        found.right.extend(score_of(answers[b], data.questions[i].answers)
                           for b, i in zip(best.indices.tolist(), numbers, strict=True))
    return found, left_out
