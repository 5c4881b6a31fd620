"""Pictures that are kept out of training, to measure on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.errors import DataError
from engine.structures.questions import DataSet


def split_off(data: DataSet[Any], share: float) -> tuple[DataSet[Any], DataSet[Any] | None]:
    """What is learned, and what is held out: all questions about a share of the pictures, the same ones whenever the
    data are the same. None where the share is 0. Both keep all pictures and their numbers.

    Raises DataError where fewer than two pictures have questions.
    """
    if not share:
        return data, None
    asked = sorted({q.picture for q in data.questions})
    if len(asked) < 2:
        raise DataError(f"{len(asked)} picture cannot be learned from and measured on. Give more, or hold nothing out.")
    random.Random(0).shuffle(asked)
    held = set(asked[:min(len(asked) - 1, max(1, round(share * len(asked))))])
    parts = [tuple(q for q in data.questions if (q.picture in held) == out) for out in (False, True)]
    return replace(data, questions=parts[0]), replace(data, questions=parts[1])


def spread(count: int, most: int) -> Sequence[int]:
    """At most `most` of the numbers below `count`, evenly."""
    return [i * count // min(count, most) for i in range(min(count, most))]
