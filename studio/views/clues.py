"""The clue meter in words: which clue told the model."""

from __future__ import annotations

from engine.structures.prediction import Clues

NOTICEABLE = 0.10  # differences of probability below this are not worth a verdict
UNBELIEVED = 0.05


def percent(probability: float) -> str:
    """0.624 is "62 %"; small ones keep a digit, and nothing but 0 and 1 is rounded to 0 or 100."""
    value = 100 * probability
    if value >= 99.5:
        return ">99 %" if value < 100 else "100 %"
    if value >= 10:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else "<0.1 %"


def _said(probability: float) -> str:
    """The same within a sentence."""
    return percent(probability).replace("<", "under ").replace(">", "over ")


def verdict(truth: str, clues: Clues, words: str = "words") -> str:
    """One plain sentence on where the belief in `truth` came from.

    words: how the other clue is called, "words" for a hidden word, "caption" for a hidden region.
    """
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    picture, text = both - blind, both - mute
    name = f"“{truth}”"
    if max(both, blind, mute) < UNBELIEVED:
        return f"No clue helps: the model gives {name} {_said(both)} with everything it has."
    if min(picture, text) <= -NOTICEABLE and max(picture, text) >= NOTICEABLE:
        return _against_each_other(name, clues, words)
    if max(picture, text) < NOTICEABLE:
        return _without_help(name, clues, words)
    if picture >= NOTICEABLE and text >= NOTICEABLE and min(picture, text) > max(picture, text) / 2:
        return (f"It took both: {name} falls from {_said(both)} to {_said(blind)} without the picture "
                f"and to {_said(mute)} without the {words}.")
    if picture > text:
        return f"The picture did it: without it the model gives {name} {_said(blind)} instead of {_said(both)}."
    return (f"The {words} did it: without {_it(words)} the model gives {name} {_said(mute)} "
            f"instead of {_said(both)}.")


def _against_each_other(name: str, clues: Clues, words: str) -> str:
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    winner, loser = ("picture", words) if blind < mute else (words, "picture")
    return (f"The {winner} did it, against the {loser}: {name} has {_said(both)} with both, "
            f"{_said(min(blind, mute))} without the {winner} and {_said(max(blind, mute))} without the {loser}.")


def _without_help(name: str, clues: Clues, words: str) -> str:
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    if blind - both >= NOTICEABLE and blind >= mute:
        return f"The picture misled it: without it the model gives {name} {_said(blind)} instead of {_said(both)}."
    if mute - both >= NOTICEABLE:
        return (f"The {words} misled it: without {_it(words)} the model gives {name} {_said(mute)} "
                f"instead of {_said(both)}.")
    if min(blind, mute) >= 0.5:
        return (f"Either clue is enough: {name} keeps {_said(blind)} without the picture "
                f"and {_said(mute)} without the {words}.")
    return (f"Neither clue weighs much: {name} has {_said(both)} with both, {_said(blind)} without the picture "
            f"and {_said(mute)} without the {words}.")


def _it(words: str) -> str:
    return "them" if words.endswith("s") else "it"
