"""Names of words and regions that tell repeated ones apart. The page has the same rule: `numberedName` in boxes.js."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def word_names(words: Sequence[str]) -> list[str]:
    """Number words that occur more than once: "and (1)", "and (2)".

    Args:
        words: in reading order.

    Returns:
        One name for each.
    """
    return _numbered(words, "{} ({})")


def region_names(labels: Sequence[str]) -> list[str]:
    """Number labels that occur more than once: "dog 1", "dog 2".

    Args:
        labels: of all regions, in their order.

    Returns:
        One name for each.
    """
    return _numbered(labels, "{} {}")


def _numbered(texts: Sequence[str], pattern: str) -> list[str]:
    """pattern: of a text and its number."""
    every, before, names = Counter(texts), Counter[str](), []
    for text in texts:
        before[text] += 1
        names.append(pattern.format(text, before[text]) if every[text] > 1 else text)
    return names
