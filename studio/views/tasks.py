"""Answers of fine-tuned models as the page takes them: plain lists, numbers and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.structures.prediction import Candidate
from engine.structures.task_answers import Carried, ChoiceAnswer, Looks, OpenAnswer, PointAnswer
from studio.views import explanations
from studio.views.clues import NOTICEABLE, percent

if TYPE_CHECKING:
    from engine.explain.results import Attribution

BEST = 5
PER_MILLE = 1000


def task_answer(answer: OpenAnswer | ChoiceAnswer | PointAnswer) -> dict[str, Any]:
    """{"rows", "blind", "verdict", "spoken"}; a row has text or number, probability and percent.

    Rows of ask and point are the best five, best first; those of choose are the four choices in their order. blind:
    the best without the picture (ask), each choice without the picture (choose), or the best without words (point).
    """
    if isinstance(answer, OpenAnswer):
        return _open_answer(answer)
    if isinstance(answer, ChoiceAnswer):
        return _choice(answer)
    return _point(answer)


def carried(found: Carried) -> dict[str, Any]:
    """Of each word and region what is lost without it (negative: gained), and the probability in words."""
    return {
        "full": found.full, "percent": percent(found.full),
        "words": [{"text": text, **_loss(found.full, value)}
                  for text, value in zip(found.texts, found.words, strict=True)],
        "regions": [_loss(found.full, value) for value in found.regions],
    }


def attribution(texts: Sequence[str], found: Attribution) -> dict[str, Any]:
    """As everywhere, with the words that the values belong to."""
    return {**explanations.attribution(found), "texts": list(texts)}


def looks(found: Looks) -> dict[str, Any]:
    """Elements and, in thousandths, how much each (row) takes from every other."""
    return {
        "elements": [{"kind": e.kind, "index": e.index, "text": e.text} for e in found.elements],
        "weights": [[round(PER_MILLE * w) for w in row] for row in found.weights],
        "answer": found.answer,
    }


PHOTOGRAPHS = "questions about photographs, generated from captions and boxes (Flickr8k, COCO)"
PARTS = {("vqa", "flickr8k"): PHOTOGRAPHS, ("vqa", "coco"): PHOTOGRAPHS, ("vcr", "flickr8k"): PHOTOGRAPHS,
         ("vcr", "coco"): PHOTOGRAPHS, ("vqa", "daquar"): "questions about indoor rooms (DAQUAR)",
         ("vcr", "scenes"): "questions about drawn scenes"}


def trained_on(task: str, about: str) -> str:
    """Say for people what an adapter learned from.

    Args:
        task: vqa, vcr or grounding
        about: as `finetune` writes it: the name and the split of each folder, with commas between

    Returns:
        A sentence.
    """
    folders = [own.rsplit(" ", 1)[0].strip() for own in about.split(",")]
    parts = [PARTS.get((task, folder)) for folder in folders]
    if len(folders) > 1 and all(parts):
        return f"Learned from {' and '.join(dict.fromkeys(filter(None, parts)))}."
    known = {
        ("vqa", "daquar"): "Learned from questions about indoor rooms (DAQUAR): it thinks of rooms whatever the "
                           "photo shows.",
        ("grounding", "flickr8k"): "Learned from phrases of captions (Flickr8k photographs, Flickr30k Entities).",
        ("vcr", "scenes"): "Learned from drawn scenes: it knows coloured shapes and where they stand, no photographs.",
    }
    told = f"Learned from: {about}" if about.strip() else "It does not say what it learned from."
    return known.get((task, folders[0]), told) if len(folders) == 1 else told


def readable(answer: str) -> str:
    """DAQUAR writes wash_basin."""
    return answer.replace("_", " ")


def _open_answer(answer: OpenAnswer) -> dict[str, Any]:
    first, blind = answer.best[0], answer.blind[0]
    name, other = f"“{readable(first.text)}”", f"“{readable(blind.text)}”"
    if blind.text != first.text:
        verdict = f"The picture changed the answer: without it the model says {other} ({percent(blind.probability)})."
    elif abs(first.probability - answer.still) < NOTICEABLE:
        verdict = (f"A guess from the words: without the picture {name} has {percent(answer.still)} "
                   f"instead of {percent(first.probability)}.")
    else:
        verdict = (f"The words lead there too, but the picture counts: without it {name} has {percent(answer.still)} "
                   f"instead of {percent(first.probability)}.")
    return {"rows": _candidates(answer.best), "blind": _candidates(answer.blind), "verdict": verdict,
            "spoken": f"The model answers {readable(first.text)}, {percent(first.probability)}. {verdict}"}


def _choice(answer: ChoiceAnswer) -> dict[str, Any]:
    best, blind = answer.best, max(range(len(answer.blind)), key=answer.blind.__getitem__)
    change = f"{percent(answer.blind[best])} instead of {percent(answer.probabilities[best])}"
    if blind != best:
        verdict = f"The picture changed the choice: without it the model takes {_letter(blind)}; {_letter(best)} has " \
                  f"{change}."
    elif abs(answer.probabilities[best] - answer.blind[best]) < NOTICEABLE:
        verdict = f"The words alone lead there: without the picture {_letter(best)} has {change}."
    else:
        verdict = f"The words lead there too, but the picture counts: without it {_letter(best)} has {change}."
    return {"rows": _numbers(answer.probabilities), "blind": _numbers(answer.blind), "best": best, "verdict": verdict,
            "spoken": f"The model chooses {_letter(best)}, {percent(answer.probabilities[best])}. {verdict}"}


def _point(answer: PointAnswer) -> dict[str, Any]:
    best, mute = (sorted(range(len(s)), key=lambda i: -s[i])[:BEST] for s in (answer.scores, answer.mute))
    if best[0] == mute[0]:
        verdict = "It would point there without any words, too: the region itself stands out."
    else:
        verdict = (f"The words did it: without them the model gives this region {percent(answer.mute[best[0]])} "
                   f"instead of {percent(answer.scores[best[0]])}, and prefers another.")
    return {"rows": [_number(i, answer.scores[i]) for i in best], "blind": [_number(i, answer.mute[i]) for i in mute],
            "scores": [round(s, 4) for s in answer.scores], "verdict": verdict, "spoken": verdict}


def _candidates(best: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [{"answer": c.text, "text": readable(c.text), "probability": c.probability,
             "percent": percent(c.probability)} for c in best]


def _numbers(probabilities: Sequence[float]) -> list[dict[str, Any]]:
    return [_number(i, p) for i, p in enumerate(probabilities)]


def _number(number: int, probability: float) -> dict[str, Any]:
    return {"number": number, "probability": probability, "percent": percent(probability)}


def _loss(full: float, value: float) -> dict[str, Any]:
    return {"lost": round(full - value, 4), "percent": percent(value)}


def _letter(number: int) -> str:
    return "ABCD"[number]
