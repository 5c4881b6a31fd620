"""Names that tell repeated words apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def numbered(texts: Sequence[str]) -> list[str]:
    """Number texts that occur more than once: "and (1)", "and (2)".

    Args:
        texts: in reading order.

    Returns:
        One name for each.
    """
    every, before, names = Counter(texts), Counter[str](), []
    for text in texts:
        before[text] += 1
        names.append(f"{text} ({before[text]})" if every[text] > 1 else text)
    return names
