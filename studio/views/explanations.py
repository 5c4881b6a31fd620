"""Attributions, proofs and single hidings as the page takes them: plain lists, numbers and text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from studio.views.clues import percent

if TYPE_CHECKING:
    from engine.explain.methods import Method
    from engine.explain.results import Attribution, Curve, HeadEffect, Hidings, Leak, Proof

_SAID = {"better than attention": "better than raw attention and than chance",
         "better than random": "better than chance but no better than raw attention",
         "no better than random": "no better than random"}
ENOUGH_LEAK = 0.05  # a smaller change of probability is not called a leak


def methods(known: Iterable[Method], default: str) -> dict[str, Any]:
    """Those that a visitor can choose; random orders only serve as a measure."""
    return {"default": default, "methods": [
        {"name": m.name, "title": m.title, "sentence": m.sentence, "source": m.source, "signed": m.signed,
         "long": m.long, "scaled": m.scaled} for m in known if m.name != "random"]}


def attribution(found: Attribution) -> dict[str, Any]:
    """words, regions: the values; scale: the largest size of any, so that one scale serves both."""
    values = [*found.words, *found.regions]
    return {
        "method": found.method, "answer": found.answer, "signed": found.signed,
        "words": list(found.words), "regions": list(found.regions),
        "scale": max((abs(v) for v in values), default=0.0),
        "full": found.full, "empty": found.empty, "gap": found.gap, "error": found.error,
        "sentence": attribution_ends(found),
    }


def attribution_ends(found: Attribution) -> str:
    """What the values add up from and to, as a sentence."""
    said = (f"“{found.answer}” has {percent(found.full)} with every word and region that is not hidden, and "
            f"{percent(found.empty)} with none of them.")
    if found.error is not None:
        said += f" The values are sampled; their standard error is at most {100 * found.error:.2g} points."
    return said


def proof(found: Proof, title: str) -> dict[str, Any]:
    """Curves, areas and one plain sentence. title: of the method."""
    return {
        "curves": {"deletion": [_curve(found.deletion, "map"), _curve(found.random_deletion, "random"),
                                _curve(found.attention_deletion, "attention")],
                   "insertion": [_curve(found.insertion, "map"), _curve(found.random_insertion, "random"),
                                 _curve(found.attention_insertion, "attention")]},
        "orders": found.orders, "seed": found.seed, "points": found.points, "better_than": found.better_than,
        "better_insertion_than": found.better_insertion_than, "rank_correlation": found.rank_correlation,
        "gap": found.gap, "by_deletion": found.by_deletion, "by_insertion": found.by_insertion,
        "verdict": found.verdict, "sentence": proof_sentence(found, title), "believable": found.believable,
    }


def _curve(curve: Curve, name: str) -> dict[str, Any]:
    return {"name": name, "probability": list(curve.probability), "area": curve.area}


def proof_sentence(found: Proof, title: str) -> str:
    """The verdict of both curves in words.

    Args:
        found: the curves and their verdicts.
        title: of the method.

    Returns:
        Whether to believe the map, with the areas that show it.
    """
    areas = ", ".join(
        f"{name} in its order leaves an area of {own.area:.2f} (random orders {random.area:.2f}, raw attention "
        f"{attention.area:.2f}; {better} is better)" for name, own, random, attention, better in (
            ("deletion", found.deletion, found.random_deletion, found.attention_deletion, "lower"),
            ("insertion", found.insertion, found.random_insertion, found.attention_insertion, "higher")))
    if found.verdict == "the curves disagree":
        return (f"The two curves disagree on this map. By deletion it is {_SAID[found.by_deletion]}, by insertion "
                f"{_SAID[found.by_insertion]}: {areas}.")
    if found.verdict == "no better than random":
        return f"Do not believe this map: by both curves it is no better than random on this example; {areas}."
    return f"{title} is {_SAID[found.verdict]} by both curves on this example: {areas}."


def hidings(found: Hidings) -> dict[str, Any]:
    """players: each with the asked answers' new probabilities and the model's new best answers, in the order of asked.
    """
    return {
        "asked": [{"kind": a.kind, "index": a.index, "answer": a.answer, "base": base, "top": top,
                   "percent": percent(base)}
                  for a, base, top in zip(found.asked, found.base, found.base_top, strict=True)],
        "players": [{"kind": p.kind, "index": p.index, "probability": list(row), "top": list(tops),
                     "percent": [percent(v) for v in row]}
                    for p, row, tops in zip(found.players, found.probability, found.top, strict=True)],
    }


def heads(found: Iterable[HeadEffect]) -> dict[str, Any]:
    """The largest change first."""
    return {"heads": [{"layer": e.layer, "head": e.head, "change": e.change} for e in found]}


def leaks(found: Iterable[Leak]) -> dict[str, Any]:
    """One for each hidden region, with a sentence on what the overlapping ones gave away."""
    return {"leaks": [{"region": leak.region, "truth": leak.truth, "feature": leak.feature, "pixels": leak.pixels,
                       "feature_percent": percent(leak.feature), "pixels_percent": percent(leak.pixels),
                       "feature_top": leak.feature_top, "pixels_top": leak.pixels_top, "overlap": leak.overlap,
                       "sentence": _leak(leak)} for leak in found]}


def _leak(leak: Leak) -> str:
    covered = f"One visible box covers {round(100 * leak.overlap)} % of it."
    if not leak.truth:
        return f"The model has no class for the detector’s label, so nothing can be compared. {covered}"
    lost = leak.feature - leak.pixels
    if lost >= ENOUGH_LEAK:
        return (f"It leaked: the detector’s label “{leak.truth}” falls by {100 * lost:.0f} points once the pixels are "
                f"hidden too, so overlapping boxes gave it away. {covered}")
    if lost <= -ENOUGH_LEAK:
        return (f"No leak: the detector’s label “{leak.truth}” even gains {-100 * lost:.0f} points when the pixels are "
                f"hidden, since the black box changes what the detector sees. {covered}")
    return f"No leak to speak of: both ways of hiding say about the same. {covered}"
