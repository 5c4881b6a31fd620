"""Kinds of words whose truth a photograph shows: colours, numbers, actions and places."""

from __future__ import annotations

COLOURS = frozenset(
    "black white red blue green yellow orange pink purple brown gray grey tan blond blonde silver gold golden beige "
    "colorful striped".split())
NUMBERS = frozenset("one two three four five six seven eight nine ten several many".split())
PLACES = frozenset(
    "on under in behind beside above below near inside outside over underneath beneath between through across against "
    "along around into onto".split())
# Nouns and function words that end like an action.
NO_ACTIONS = frozenset(
    "building buildings clothing ring king string wing spring awning morning evening ceiling railing thing something "
    "nothing anything everything painting swing wedding crossing during being duckling frosting icing sling covering "
    "opening parking dressing topping flooring bedding lighting sibling fencing".split())


def kind_of(word: str) -> str | None:
    """The kind of a word: "colour", "number", "place", "action" (a present participle), or None for any other word."""
    word = word.lower()
    for kind, words in (("colour", COLOURS), ("number", NUMBERS), ("place", PLACES)):
        if word in words:
            return kind
    return "action" if len(word) > 4 and word.endswith("ing") and word not in NO_ACTIONS else None
