"""The clue meter in words: which clue the prediction depends on."""

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


def verdict(truth: str, clues: Clues) -> str:
    """One plain sentence on which clue raised the probability of the true word."""
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    picture, text = both - blind, both - mute
    name = f"“{truth}”"
    if max(both, blind, mute) < UNBELIEVED:
        return f"No clue helps: the model gives {name} {_said(both)} with everything it has."
    if min(picture, text) <= -NOTICEABLE and max(picture, text) >= NOTICEABLE:
        winner, loser = ("picture", "words") if blind < mute else ("words", "picture")
        return (f"The {winner} did it, against the {loser}: {name} has {_said(both)} with both, "
                f"{_said(min(blind, mute))} without the {winner} and {_said(max(blind, mute))} without the {loser}.")
    if max(picture, text) < NOTICEABLE:
        return _without_help(name, clues)
    if picture >= NOTICEABLE and text >= NOTICEABLE and min(picture, text) > max(picture, text) / 2:
        return (f"It took both: {name} falls from {_said(both)} to {_said(blind)} without the picture "
                f"and to {_said(mute)} without the words.")
    if picture > text:
        return f"The picture did it: without it the model gives {name} {_said(blind)} instead of {_said(both)}."
    return f"The words did it: without them the model gives {name} {_said(mute)} instead of {_said(both)}."


def _without_help(name: str, clues: Clues) -> str:
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    if blind - both >= NOTICEABLE and blind >= mute:
        return f"The picture misled it: without it the model gives {name} {_said(blind)} instead of {_said(both)}."
    if mute - both >= NOTICEABLE:
        return f"The words misled it: without them the model gives {name} {_said(mute)} instead of {_said(both)}."
    if min(blind, mute) >= 0.5:
        return (f"Either clue is enough: {name} keeps {_said(blind)} without the picture "
                f"and {_said(mute)} without the words.")
    return (f"Neither clue weighs much: {name} has {_said(both)} with both, {_said(blind)} without the picture "
            f"and {_said(mute)} without the words.")


def label_verdict(label: str, clues: Clues) -> str:
    """One plain sentence on what moves a hidden region's class towards the detector's label, or away from it.

    The label is no truth: the detector may be wrong, and a clue that lowers its probability may be right.
    """
    both, blind, mute = clues.everything, clues.without_picture, clues.without_words
    name = f"the detector’s label “{label}”"
    if max(both, blind, mute) < UNBELIEVED:
        return f"The model gives {name} only {_said(both)} with everything it has."
    figures = f"{_said(both)} with both, {_said(blind)} without the picture and {_said(mute)} without the caption."
    picture, caption = _way(both - blind), _way(both - mute)
    if picture == caption == "":
        return f"Neither clue changes the probability of {name} by much: {figures}"
    if picture == caption:
        return f"Picture and caption both {picture} the probability of {name}: {figures}"
    if picture and caption:
        return f"The picture {picture}s the probability of {name}, the caption {caption}s it: {figures}"
    clue = "picture" if picture else "caption"
    return f"The {clue} {picture or caption}s the probability of {name}: {figures}"


def _way(change: float) -> str:
    """What a clue does to a probability that changes so much when the clue is added; nothing for a small change."""
    return "raise" if change >= NOTICEABLE else "lower" if change <= -NOTICEABLE else ""
