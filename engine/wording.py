"""Values and ranges in the words of error messages: json's, which users write, not Python's."""

from __future__ import annotations

import json
from typing import Any

MOST_SHOWN = 80  # characters of a value that a message quotes
KINDS = ((bool, "true or false"), (str, "a text"), (int | float, "a number"), (dict, "an object"),
         (list | tuple, "a list"))


def shown(value: Any) -> str:
    """A value as json writes it, cut after 80 characters.

    Args:
        value: anything that came out of a file or a request.

    Returns:
        `true`, `null`, `"a text"`, `[1, 2]`; what json does not know is written as text.
    """
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def kind(value: Any) -> str:
    """What a json value is: "a list", "an object", "a text", "a number", "true or false", or "nothing" for null."""
    return next((name for type, name in KINDS if isinstance(value, type)), "nothing")


def limits(low: float | None, high: float | None, unit: str = "") -> str:
    """A range in words, to follow "it must".

    Args:
        low: least value, None for no limit.
        high: greatest value, None for no limit; one of the two is a number.
        unit: what is counted or measured, in the plural.

    Returns:
        "lie between 0 and 16", "be at least 1 step" or "be at most 9".
    """
    if low is not None and high is not None:
        return f"lie between {low} and {high} {unit}".rstrip()
    limit = high if low is None else low
    words = f"be at {'most' if low is None else 'least'} {limit}"
    return f"{words} {unit.removesuffix('s') if limit == 1 else unit}".rstrip()


def numbered(what: str, count: int) -> str:
    """Which numbers things have that are counted from 1: "no regions", "only region 1" or "regions 1 to 3"."""
    if count < 1:
        return f"no {what}s"
    return f"only {what} 1" if count == 1 else f"{what}s 1 to {count}"
