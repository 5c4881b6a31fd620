"""Attributes of boxes: the words that describe a noun ("a small brown dog"), by frequency."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.data.flickr8k import AnnotatedPhoto

FUNCTION_WORDS = frozenset(
    "a an the of in on at to and or with for from by as is are his her their its my our your this that these those "
    "some another other others each both all two three four five six one several many group his them it".split())


def describing_words(phrase: str) -> list[str]:
    """Every word of a phrase but its last and the function words, in lower case."""
    words = re.findall(r"[a-z][a-z'-]*", phrase.lower())
    return [w for w in words[:-1] if w not in FUNCTION_WORDS]


def attributes_from(photos: Sequence[AnnotatedPhoto], count: int) -> tuple[str, ...]:
    """The `count` words that describe the most boxes of these photos."""
    found: Counter[str] = Counter()
    for photo in photos:
        for box in range(len(photo.boxes)):
            found.update({w for p in photo.phrases_of(box) for w in describing_words(p.text)})
    return tuple(sorted(found, key=lambda w: (-found[w], w))[:count])
