"""A Prediction as the page's canvas takes it: plain lists, numbers and text."""

from __future__ import annotations

from math import prod
from typing import Any

from engine.structures.caption import quoted
from engine.structures.prediction import Candidate, Prediction, RegionAnswer, WordAnswer
from studio.views.clues import label_verdict, percent, verdict

BEST = 5
TRUE_WORD, LABEL = "True word", "Detector’s label"
UNKNOWN = ("", "[MASK]")  # a literal [MASK] in a caption hides a word that nobody knows


def answers(prediction: Prediction) -> dict[str, Any]:
    """{"masking", "words", "regions"}: one answer each, in the order of caption and regions.

    An answer has index, title, target ("True word" or "Detector’s label"), truth (the text of this target), known,
    guess (what the hidden chip or box says), best (five), note and spoken; where the target is known also rank,
    percent, clues (three bars) and verdict. Of the best, the true word has `true`, the detector's label, which may be
    wrong, `label`.
    """
    return {
        "masking": prediction.masking,
        "words": [_word(answer) for answer in prediction.words],
        "regions": [_region(answer) for answer in prediction.regions],
    }


def _word(answer: WordAnswer) -> dict[str, Any]:
    """The guess for a word of several pieces is the best of each, joined; the list shows its last piece."""
    guess = _guess([piece.best[0] for piece in answer.pieces]) if answer.pieces else _guess(answer.best[:1])
    right = answer.pieces[-1].truth if answer.pieces else answer.truth
    shown = _answer(answer, guess, TRUE_WORD, [_candidate(c, right, "") for c in answer.best[:BEST]])
    if not answer.readable:
        shown["title"] = answer.text
        shown["note"] = (f"The model’s vocabulary does not hold {quoted(answer.text)}: while it is visible, the model "
                         "sees [UNK] in its place. So there is no true answer to compare with.")
    elif len(answer.pieces) > 1:
        pieces = " + ".join(_readable(piece.truth) for piece in answer.pieces)
        shown["note"] = f"The model reads this word as {pieces}; the list is about the last piece."
    return shown | _clues(answer, "words", verdict(answer.truth, answer.clues)) if shown["known"] else shown


def _region(answer: RegionAnswer) -> dict[str, Any]:
    guess = _guess(answer.best[:1])
    shown = _answer(answer, guess, LABEL, [_candidate(c, "", answer.truth) for c in answer.best[:BEST]])
    return shown | _clues(answer, "caption", label_verdict(answer.truth, answer.clues)) if shown["known"] else shown


def _answer(answer: WordAnswer | RegionAnswer, guess: dict[str, str], target: str,
            best: list[dict[str, Any]]) -> dict[str, Any]:
    known = answer.truth not in UNKNOWN
    return {
        "index": answer.index, "title": answer.truth if known else "[MASK]", "target": target, "truth": answer.truth,
        "known": known, "guess": guess, "note": "", "best": best, "spoken": _spoken(answer, guess, target),
    }


def _clues(answer: WordAnswer | RegionAnswer, words: str, verdict: str) -> dict[str, Any]:
    """words: what the other clue beside the picture is called."""
    clues = answer.clues
    return {
        "rank": answer.rank,
        "percent": percent(answer.probability),
        "clues": [_clue("with every clue", clues.everything),
                  _clue("without the picture", clues.without_picture),
                  _clue(f"without the {words}", clues.without_words)],
        "verdict": verdict,
    }


def _guess(best: tuple[Candidate, ...] | list[Candidate]) -> dict[str, str]:
    text = "".join(candidate.text.removeprefix("##") for candidate in best)
    return {"text": text, "percent": percent(prod(candidate.probability for candidate in best))}


def _candidate(candidate: Candidate, right: str, label: str) -> dict[str, Any]:
    text = candidate.text.casefold()
    return {"text": _readable(candidate.text), "probability": candidate.probability,
            "percent": percent(candidate.probability), "true": text == right.casefold(),
            "label": text == label.casefold()}


def _clue(name: str, probability: float) -> dict[str, Any]:
    return {"name": name, "probability": probability, "percent": percent(probability)}


def _readable(piece: str) -> str:
    """BERT writes a piece within a word as ##piece."""
    return f"…{piece.removeprefix('##')}" if piece.startswith("##") else piece


def _spoken(answer: WordAnswer | RegionAnswer, guess: dict[str, str], target: str) -> str:
    """What a screen reader announces."""
    says = f"the model says {guess['text']}, {guess['percent']}"
    if answer.truth in UNKNOWN:
        return f"Hidden: {says}."
    who = answer.truth if target == TRUE_WORD else f"The region labelled {answer.truth}"
    return f"{who} is hidden: {says}. The {target[0].lower()}{target[1:]} has rank {answer.rank}."
