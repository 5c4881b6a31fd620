"""Does a sentence belong to a photo: pairs with a hard negative, statements about places, retrieval.

Three scores of a sentence and a photo:

    matching   the probability that the sentence belongs to the photo, from the sentence-image relationship head; only
               for weights that were trained with it
    pll        pseudo-log-likelihood (Salazar et al. 2020, Masked Language Model Scoring): the sum of the
               log-probabilities of the words, each masked alone (all its pieces at once). Punctuation and words outside
               the vocabulary are left out.
    gain       pll with the photo minus pll without it: an estimate of log p(c|v) - log p(c)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.data.matching import MatchingData, Pair, Statement, kinds_of
from engine.data.unreadable import Unreadable
from engine.errors import DataError, PhotoError
from engine.measure.hidden_words import hidden_words
from engine.measure.ranking import area_under_roc, preferred, ranks, retrieved
from engine.measure.tasks import share
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions
from engine.structures.photo import Photo
from engine.tasks.chunks import chunked

VIEWS = ("image", "no_image")
Figures = dict[str, Any]


@dataclass(frozen=True)
class Scores:
    """The scores of one sentence with one photo, each with the image and without it.

    Attributes:
        matching: probabilities, None where the weights have no trained relationship head
        pll: pseudo-log-likelihoods
    """

    matching: dict[str, float] | None
    pll: dict[str, float]

    @property
    def gain(self) -> float:
        """How much the image adds to the pseudo-log-likelihood."""
        return self.pll["image"] - self.pll["no_image"]


def has_matching_head(predictor: Predictor) -> bool:
    """Whether the weights were trained to tell which captions belong to a photo."""
    return predictor.config.pretraining.matches


def pseudo_log_likelihood(predictor: Predictor, items: Sequence[tuple[Caption, Regions]]) -> Tensor:
    """The sum of the log-probabilities of each caption's words, each masked alone, [N]."""
    found = torch.zeros(len(items), dtype=torch.float64)
    for hidden in hidden_words(predictor, items):
        found[hidden.item] -= hidden.losses.double().sum()
    return found


@torch.inference_mode()
def match_probability(predictor: Predictor, items: Sequence[tuple[Caption, Regions]]) -> Tensor:
    """The probability that each caption belongs to the photo of its regions, [N]."""
    examples = [Example(caption.piece_ids, regions) for caption, regions in items]
    found = torch.zeros(len(items), dtype=torch.float64)
    for chunk in chunked(examples):
        pooled = predictor.encode([examples[k] for k in chunk]).pooled
        found[chunk] = predictor.model.heads.relationship(pooled).double().softmax(dim=1)[:, 1]
    return found


class _Measurement:
    """Scores everything about one photo after the other, so that its regions are computed once."""

    def __init__(self, predictor: Predictor, data: MatchingData, given_boxes: bool, pll_retrieval: bool) -> None:
        self.predictor, self.data, self.given_boxes, self.pll_retrieval = predictor, data, given_boxes, pll_retrieval
        self.head = has_matching_head(predictor)
        self.nothing = Regions.none(predictor.config.appearance)
        self.left_out = Unreadable("sentence")
        self.scores: dict[tuple[Path, str], Scores] = {}
        self.rows: dict[str, dict[Path, Tensor]] = {"matching": {}, "pll": {}}

    def run(self) -> None:
        """Raises DataError where no picture can be read, or --given-boxes lacks the boxes of one."""
        texts: dict[Path, dict[str, None]] = {}
        for pair in self.data.pairs:
            texts.setdefault(pair.image, {}).update({pair.caption: None, pair.negative: None})
        for statement in self.data.statements:
            texts.setdefault(statement.image, {})[statement.text] = None
        captioned = {photo.path for photo in self.data.photos}
        captions = self.predictor.pieces.captions([photo.captions[0].text for photo in self.data.photos])
        retrieving = self.head or self.pll_retrieval
        for image in counted([*dict.fromkeys([*texts, *(captioned if retrieving else ())])], "photos"):
            try:
                regions = self._regions(image)
            except PhotoError as error:
                self.left_out.add(str(error), len(texts.get(image, ())) + (image in captioned))
                continue
            self._score(image, [*texts.get(image, ())], regions)
            if image in captioned and self.head:
                self.rows["matching"][image] = match_probability(self.predictor, [(c, regions) for c in captions])
            if image in captioned and self.pll_retrieval:
                self.rows["pll"][image] = pseudo_log_likelihood(self.predictor, [(c, regions) for c in captions])
        if not self.scores and not any(self.rows.values()) and self.left_out.count:
            raise DataError(f"There is nothing to use in this data: {self.left_out}")

    def _regions(self, image: Path) -> Regions:
        boxes = self.data.boxes.get(image) if self.given_boxes else None
        if self.given_boxes and boxes is None:
            raise DataError(f"--given-boxes needs the boxes of {image.name}, which are in no line of the file of "
                            "entities. Leave the flag out to use the detector's own regions.")
        return self.predictor.see(Photo.open(image), boxes).regions

    def _score(self, image: Path, texts: list[str], regions: Regions) -> None:
        captions = self.predictor.pieces.captions(texts)
        items = [(caption, clue) for clue in (regions, self.nothing) for caption in captions]
        pll = pseudo_log_likelihood(self.predictor, items).view(2, -1)
        matching = match_probability(self.predictor, items).view(2, -1) if self.head else None
        for i, own in enumerate(texts):
            self.scores[image, own] = Scores(
                None if matching is None else dict(zip(VIEWS, matching[:, i].tolist(), strict=True)),
                dict(zip(VIEWS, pll[:, i].tolist(), strict=True)))


def measure(predictor: Predictor, data: MatchingData, *, given_boxes: bool = False,
            pll_retrieval: bool = False) -> tuple[Figures, Unreadable]:
    """Measure every part of the data that is there.

    Args:
        predictor: the model
        data: pairs, statements and photographs
        given_boxes: whether the regions are the annotated boxes that a caption names, not the detector's own
        pll_retrieval: whether photographs are also retrieved by `gain`, which takes a pass for each word of each
            caption with each photo

    Returns:
        The figures, and the pictures that could not be read.

    Raises:
        DataError: no picture can be read, or a photo has no annotated boxes where they are asked for.
    """
    measurement = _Measurement(predictor, data, given_boxes, pll_retrieval)
    measurement.run()
    figures: Figures = {"matching_head": measurement.head,
                        "regions": "annotated boxes" if given_boxes else "detected", "missing": list(data.missing)}
    if data.pairs:
        figures["sugarcrepe"] = _of_pairs(data.pairs, measurement.scores)
    if data.statements:
        figures["spatial"] = _of_statements(data.statements, measurement.scores)
    if data.photos:
        figures["retrieval"] = _of_retrieval(measurement)
    return figures, measurement.left_out


def _of_pairs(pairs: Sequence[Pair], scores: dict[tuple[Path, str], Scores]) -> Figures:
    """How often the caption has the better score than its negative, by kind, and the mean of the kinds."""
    kinds: Figures = {}
    for kind in kinds_of(pairs):
        own = [(scores[p.image, p.caption], scores[p.image, p.negative]) for p in pairs
               if p.kind == kind and (p.image, p.caption) in scores]
        kinds[kind] = {
            "matching": {view: preferred([(_head(a, view), _head(b, view)) for a, b in own]) for view in VIEWS}
            if own and own[0][0].matching is not None else None,
            "pll": {view: preferred([(a.pll[view], b.pll[view]) for a, b in own]) for view in VIEWS},
            "gain": preferred([(a.gain, b.gain) for a, b in own]), "n": len(own)}
    measured = [own for own in kinds.values() if own["n"]]
    mean: Figures = {name: {view: share([own[name][view] for own in measured]) for view in VIEWS}
                     if measured and measured[0][name] is not None else None for name in ("matching", "pll")}
    return {"mean": mean | {"gain": share([own["gain"] for own in measured]), "kinds": len(measured)},
            "kinds": kinds, "n": sum(own["n"] for own in kinds.values())}


def _of_statements(statements: Sequence[Statement], scores: dict[tuple[Path, str], Scores]) -> Figures:
    """The head's accuracy at a probability of one half, and the area under the ROC curve of every score."""
    asked = [(scores[s.image, s.text], s.true) for s in statements if (s.image, s.text) in scores]
    truth = [true for _, true in asked]

    def head(view: str) -> Figures:
        found = [_head(own, view) for own, _ in asked]
        return {"accuracy": share([(p >= 0.5) == true for p, true in zip(found, truth, strict=True)]),
                "auc": area_under_roc(found, truth)}

    return {"matching": {view: head(view) for view in VIEWS} if asked and asked[0][0].matching is not None else None,
            "pll": {view: {"auc": area_under_roc([own.pll[view] for own, _ in asked], truth)} for view in VIEWS},
            "gain": {"auc": area_under_roc([own.gain for own, _ in asked], truth)},
            "n": len(asked), "n_true": sum(truth)}


def _of_retrieval(measurement: _Measurement) -> Figures:
    """Photographs and their first captions, both ways; a row of the table of scores is a photo."""
    captions = {photo.path: i for i, photo in enumerate(measurement.data.photos)}
    found: Figures = {"matching": None, "gain": None}
    for name, rows in measurement.rows.items():
        if not rows:
            continue
        table = torch.stack([*rows.values()])[:, [captions[image] for image in rows]]  # [N, N]
        if name == "pll":
            own = measurement.predictor.pieces.captions(
                [measurement.data.photos[captions[image]].captions[0].text for image in rows])
            table = table - pseudo_log_likelihood(measurement.predictor, [(c, measurement.nothing) for c in own])
        found["gain" if name == "pll" else name] = {
            "photo_to_caption": retrieved(ranks(table)), "caption_to_photo": retrieved(ranks(table.T))}
        found["n"] = len(rows)
    return found


def _head(scores: Scores, view: str) -> float:
    return float("nan") if scores.matching is None else scores.matching[view]
