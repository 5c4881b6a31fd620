"""How far long work is and how long it will take, as a bar on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")
Progress = Callable[[int, int], None]  # called with (done, of how many)

PATIENCE = 1.0  # seconds; what is done sooner needs no bar
OFTEN, SELDOM = 0.2, 10.0  # seconds between two looks of a bar: on a terminal, in a file


def counted(items: Iterable[T], what: str, count: int | None = None) -> Iterator[T]:
    """Pass the items on; the bar knows the time left where `count` or the length of `items` is known."""
    with _bar(what, items, total=count) as bar:
        yield from bar


def silent(done: int, count: int) -> None:
    """Progress that nobody follows."""


def shown(what: str) -> Progress:
    """A bar for work that tells its progress; it ends with the last item."""
    bar: tqdm[Any] | None = None

    def tell(done: int, count: int) -> None:
        nonlocal bar
        bar = bar if bar is not None else _bar(what, total=count)
        bar.update(done - bar.n)
        if done == count:
            bar.close()

    return tell


def _bar(what: str, items: Iterable[T] | None = None, total: int | None = None) -> tqdm[T]:
    often = OFTEN if sys.stderr.isatty() else SELDOM
    return tqdm(items, desc=what, total=total, delay=PATIENCE, mininterval=often, dynamic_ncols=True, file=sys.stderr)
