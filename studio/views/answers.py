"""A Prediction as the page's canvas takes it: plain lists, numbers and text."""

from __future__ import annotations

from math import prod
from typing import Any

from engine.structures.prediction import Candidate, Prediction, RegionAnswer, WordAnswer
from studio.views.clues import percent, verdict

BEST = 5
UNKNOWN = ("", "[MASK]")  # a literal [MASK] in a caption hides a word that nobody knows


def answers(prediction: Prediction) -> dict[str, Any]:
    """{"masking", "words", "regions"}: one answer each, in the order of caption and regions.

    An answer has index, truth, known, guess (what the hidden chip or box says), best (five), note and spoken; where the
    truth is known also rank, percent, clues (three bars) and verdict.
    """
    return {
        "masking": prediction.masking,
        "words": [_word(answer) for answer in prediction.words],
        "regions": [_answer(answer, answer.truth, _guess(answer.best[:1]), "caption") for answer in prediction.regions],
    }


def _word(answer: WordAnswer) -> dict[str, Any]:
    """The guess for a word of several pieces is the best of each, joined; the list shows its last piece."""
    guess = _guess([piece.best[0] for piece in answer.pieces]) if answer.pieces else _guess(answer.best[:1])
    shown = _answer(answer, answer.pieces[-1].truth if answer.pieces else answer.truth, guess, "words")
    if len(answer.pieces) > 1:
        pieces = " + ".join(_readable(piece.truth) for piece in answer.pieces)
        shown["note"] = f"The model reads this word as {pieces}; the list is about the last piece."
    return shown


def _answer(answer: WordAnswer | RegionAnswer, target: str, guess: dict[str, str], words: str) -> dict[str, Any]:
    """target: the candidate that is right."""
    known = answer.truth not in UNKNOWN
    shown: dict[str, Any] = {
        "index": answer.index, "truth": answer.truth, "known": known, "guess": guess, "note": "",
        "best": [_candidate(c, target) for c in answer.best[:BEST]],
        "spoken": _spoken(answer, guess),
    }
    if not known:
        return shown
    clues = answer.clues
    return {
        **shown,
        "rank": answer.rank,
        "percent": percent(answer.probability),
        "clues": [_clue("with every clue", clues.everything),
                  _clue("without the picture", clues.without_picture),
                  _clue(f"without the {words}", clues.without_words)],
        "verdict": verdict(answer.truth, clues, words),
    }


def _guess(best: tuple[Candidate, ...] | list[Candidate]) -> dict[str, str]:
    text = "".join(candidate.text.removeprefix("##") for candidate in best)
    return {"text": text, "percent": percent(prod(candidate.probability for candidate in best))}


def _candidate(candidate: Candidate, target: str) -> dict[str, Any]:
    return {"text": _readable(candidate.text), "probability": candidate.probability,
            "percent": percent(candidate.probability), "true": candidate.text.casefold() == target.casefold()}


def _clue(name: str, probability: float) -> dict[str, Any]:
    return {"name": name, "probability": probability, "percent": percent(probability)}


def _readable(piece: str) -> str:
    """BERT writes a piece within a word as ##piece."""
    return f"…{piece.removeprefix('##')}" if piece.startswith("##") else piece


def _spoken(answer: WordAnswer | RegionAnswer, guess: dict[str, str]) -> str:
    """What a screen reader announces."""
    says = f"the model says {guess['text']}, {guess['percent']}"
    if answer.truth in UNKNOWN:
        return f"Hidden: {says}."
    return f"{answer.truth} is hidden: {says}. The true answer has rank {answer.rank}."
