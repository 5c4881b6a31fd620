"""How faithful each way of explaining is, over many photographs, and whether it points at what a noun means.

On a folder shaped like `engine.data.flickr8k` reads: of each photo caption 0 with one hidden noun that names boxes, and
the annotated boxes as regions. Where regions are asked, too, the first of those boxes is hidden in place of the noun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.grounded_captions import grounded_captions
from engine.errors import DataError
from engine.explain.attribution import attention, attribute
from engine.explain.game import Game
from engine.explain.hidings import resolve
from engine.explain.methods import DEFAULT, METHODS
from engine.explain.passes import Clock, Passes
from engine.explain.proof import chance, curves, leave_one_out_values, order_of, rank_correlation
from engine.explain.question import Asked, Question
from engine.explain.target import Target
from engine.predictor import Predictor, Seen
from engine.progress import counted
from engine.structures.photo import Photo

RESAMPLES = 2000
BASELINES = ("random", "attention")


@dataclass(frozen=True)
class Noun:
    """A question about a noun of a photo's caption, as a rule the hidden noun itself. boxes: the regions (from 1) that
    it names."""

    photo: AnnotatedPhoto
    question: Question
    asked: Asked
    boxes: frozenset[int]

    @property
    def of_its_region(self) -> Noun:
        """The noun in sight and its first box hidden. No box is right to point at: pointing is asked of words only."""
        region = min(self.boxes)
        return replace(self, question=Question(self.question.caption, (), (region,)), asked=Asked("region", region),
                       boxes=frozenset())

    def see(self, predictor: Predictor) -> Seen:
        """The photo with its annotated boxes as regions."""
        return predictor.see(Photo.open(self.photo.path), self.photo.boxes)


@dataclass(frozen=True)
class Score:
    """One method on one example. pointing, share: nothing where no region is the right one to point at."""

    deletion: float
    insertion: float
    spearman: float
    gap: float | None = None
    pointing: bool | None = None
    share: float | None = None


@dataclass(frozen=True)
class Record:
    """One example. heads: [N, H + 1] bool, whether each head, and each layer's mean, points at the noun's boxes.
    chance: of pointing at one of them blindly; area: their share of the area of all. All three are of hidden words."""

    scores: dict[str, Score]
    heads: Tensor
    chance: float
    area: float


def measure(predictor: Predictor, photos: Sequence[AnnotatedPhoto], *, regions: bool = False) -> dict[str, Any]:
    """Figures of every method, of attention by head and layer, and of chance. Raises DataError without such nouns.

    regions: also hide a region of each noun; then "kinds" has the figures of hidden words and of hidden regions.
    """
    records, of_regions = [], []
    for noun in counted(nouns(predictor, photos), "photos", len(photos)):
        records.append(record(predictor, noun))
        if regions:
            of_regions.append(record(predictor, noun.of_its_region))
    figures = summary(records) | {"n_images": len(photos)}
    if regions:
        figures["kinds"] = {"word": {k: figures[k] for k in ("methods", "n")},
                            "region": {"methods": by_method(of_regions), "n": len(of_regions)}}
    return figures


def by_method(records: Sequence[Record]) -> dict[str, Any]:
    """Of each method its means, and its differences to chance and to raw attention."""
    scores = {name: [r.scores[name] for r in records] for name in records[0].scores}
    return {name: _figures(own, scores) for name, own in scores.items()}


def nouns(predictor: Predictor, photos: Sequence[AnnotatedPhoto]) -> Iterator[Noun]:
    """One of each photo that has one: the first grounded noun of the first photo, the second of the second, ..."""
    for number, grounded in enumerate(grounded_captions(photos, predictor.pieces, captions=1)):
        known = [(word, boxes) for word, boxes in grounded.phrases
                 if predictor.pieces.unknown not in grounded.caption.piece_ids_of(word)]
        if known:
            word, boxes = known[number % len(known)]
            yield Noun(photos[grounded.photo], Question(grounded.caption.text, (word,), ()), Asked("word", word),
                       frozenset(b + 1 for b in boxes))


def record(predictor: Predictor, noun: Noun) -> Record:
    """Every method on one example."""
    seen = noun.see(predictor)
    passes = Passes(predictor, Game.of(predictor, seen, noun.question), Clock())
    target = resolve(passes, seen, noun.asked)
    area = seen.boxes.area[1:]
    share = float(area[[b - 1 for b in noun.boxes]].sum() / area.sum())
    return Record(_scores(passes, target, noun.boxes), _heads_point(passes, target, noun.boxes),
                  len(noun.boxes) / len(area), share)


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """Means over the examples. Raises DataError where there is none."""
    if not records:
        raise DataError("No caption has a noun that names a box. Take more photographs.")
    pointing = torch.stack([r.heads for r in records]).float().mean(dim=0)  # [N, H + 1]
    return {
        "methods": by_method(records), "default": DEFAULT,
        "attention_pointing": {"heads": pointing[:, :-1].tolist(), "layers": pointing[:, -1].tolist()},
        "chance": {"pointing": _mean([r.chance for r in records]), "area": _mean([r.area for r in records])},
        "n": len(records)}


def _scores(passes: Passes, target: Target, boxes: frozenset[int]) -> dict[str, Score]:
    """Every method on one example; random is the mean over its orders."""
    game, found = passes.game, {}
    exact = leave_one_out_values(passes, target)
    for name, method in METHODS.items():
        if name == "random":
            continue
        attribution = attribute(passes, target, method)
        value = game.gather(attribution.words, attribution.regions)
        deletion, insertion = curves(passes, target, order_of(value))
        found[name] = Score(deletion.area, insertion.area, rank_correlation(value, exact), attribution.gap,
                            *_points(attribution.regions, boxes))
    random = chance(passes, target)
    found["random"] = Score(random.deletion.area, random.insertion.area, 0)
    return found


def _points(regions: Sequence[float], boxes: frozenset[int]) -> tuple[bool | None, float | None]:
    """Whether the region with the highest value is one of the noun's, and their share of all positive value; nothing
    where no region is the right one."""
    if not boxes:
        return None, None
    values = torch.tensor(regions[1:])
    positive = values.clamp(min=0)
    own = [b - 1 for b in boxes]
    share = float(positive[own].sum() / positive.sum()) if float(positive.sum()) > 0 else None
    return int(values.argmax()) in own, share


@torch.inference_mode()
def _heads_point(passes: Passes, target: Target, boxes: frozenset[int]) -> Tensor:
    """[N, H + 1] bool: where each head, and the mean of each layer, looks most among the regions."""
    first = len(passes.game.caption.piece_ids) + 1
    others = slice(first, first + len(passes.game.regions) - 1)
    looks = attention(passes)[:, :, list(target.places), others].mean(dim=2)  # [N, H, R-1]
    best = torch.cat([looks, looks.mean(dim=1, keepdim=True)], dim=1).argmax(dim=2)
    return torch.isin(best + 1, torch.tensor(sorted(boxes)))


def _figures(own: Sequence[Score], scores: dict[str, list[Score]]) -> dict[str, Any]:
    """Means, and relative differences of the areas to random orders and to raw attention with their intervals."""
    figures: dict[str, Any] = {field: _mean([getattr(s, field) for s in own])
                               for field in ("deletion", "insertion", "spearman", "gap", "pointing", "share")}
    for area in ("deletion", "insertion"):
        for name in BASELINES:
            figures[f"{area}_against_{name}"] = relative_difference(
                np.array([getattr(s, area) for s in own]), np.array([getattr(s, area) for s in scores[name]]))
    return figures


def relative_difference(own: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """(mean of own - mean of other) / mean of other over paired examples, and its 95 % interval by the bootstrap."""
    rows = np.random.default_rng(0).integers(0, len(own), (RESAMPLES, len(own)))
    drawn = own[rows].mean(axis=1) / other[rows].mean(axis=1) - 1
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"difference": float(own.mean() / other.mean() - 1), "low": float(low), "high": float(high)}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(v) for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _interval(found: dict[str, float]) -> str:
    return f"{100 * found['difference']:+.1f} % ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def table(figures: dict[str, Any]) -> str:
    """Markdown: a line for each method. figures: of everything, or of one kind of question."""
    lines = ["| | deletion | against random | against raw attention | insertion | rank correlation | pointing | "
             "share on its boxes |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, own in figures["methods"].items():
        against = [own[f"deletion_against_{b}"] for b in BASELINES]
        shown = [f"{own['deletion']:.3f}", *(_interval(d) for d in against), f"{own['insertion']:.3f}",
                 f"{own['spearman']:.2f}", *(_percent(own[k]) for k in ("pointing", "share"))]
        lines.append(f"| {METHODS[name].title} | " + " | ".join(shown) + " |")
    return "\n".join(lines)
