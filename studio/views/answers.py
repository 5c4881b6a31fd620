"""A Prediction as the page's canvas takes it: plain lists, numbers and text."""

from __future__ import annotations

from typing import Any

from engine.structures.prediction import Candidate, Prediction, RegionAnswer, WordAnswer
from studio.views.clues import percent, verdict

BEST = 5
UNKNOWN = ("", "[MASK]")  # a literal [MASK] in a caption hides a word that nobody knows


def answers(prediction: Prediction) -> dict[str, Any]:
    """{"masking", "words", "regions"}; each answer as `_answer` says, in the order of caption and regions."""
    return {
        "masking": prediction.masking,
        "words": [_answer(a, "words") for a in prediction.words],
        "regions": [_answer(a, "caption") for a in prediction.regions],
    }


def _answer(answer: WordAnswer | RegionAnswer, words: str) -> dict[str, Any]:
    """index, truth, best (five), and, where the truth is known, rank, probability, clues, verdict and spoken."""
    shown: dict[str, Any] = {"index": answer.index, "truth": answer.truth, "known": answer.truth not in UNKNOWN,
                             "best": [_candidate(c, answer.truth) for c in answer.best[:BEST]]}
    if not shown["known"]:
        return {**shown, "spoken": _spoken(answer)}
    clues = answer.clues
    return {
        **shown,
        "rank": answer.rank,
        "probability": answer.probability,
        "percent": percent(answer.probability),
        "clues": [_clue("with every clue", clues.everything),
                  _clue("without the picture", clues.without_picture),
                  _clue(f"without the {words}", clues.without_words)],
        "verdict": verdict(answer.truth, clues, words),
        "spoken": _spoken(answer),
    }


def _candidate(candidate: Candidate, truth: str) -> dict[str, Any]:
    return {"text": candidate.text, "probability": candidate.probability, "percent": percent(candidate.probability),
            "true": candidate.text.casefold() == truth.casefold()}


def _clue(name: str, probability: float) -> dict[str, Any]:
    return {"name": name, "probability": probability, "percent": percent(probability)}


def _spoken(answer: WordAnswer | RegionAnswer) -> str:
    """What a screen reader announces."""
    first = answer.best[0]
    guess = f"the model says {first.text}, {percent(first.probability)}"
    if answer.truth in UNKNOWN:
        return f"Hidden: {guess}."
    return f"{answer.truth} is hidden: {guess}. The true answer has rank {answer.rank}."
