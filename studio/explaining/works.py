"""Long work that a visitor can follow and stop."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from studio.errors import BusyError

MOST_EACH = 8  # a page looks at one question in six ways at most, and stops what it needs no more
MOST_REMEMBERED = 1024  # stops that came before their work


class Work:
    """done of total steps. `advance` and `is_stopped` are what the engine calls."""

    def __init__(self) -> None:
        self.done, self.total = 0, 0
        self._told = threading.Event()
        self._queued: list[Future[Any]] = []

    def advance(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def is_stopped(self) -> bool:
        return self._told.is_set()

    def queued(self, future: Future[Any]) -> None:
        """What has not begun is not begun at all after a stop."""
        self._queued.append(future)
        if self._told.is_set():
            future.cancel()

    def stop(self) -> None:
        self._told.set()
        for future in self._queued:
            future.cancel()


class Works:
    """Work under way, by visitor and by the number that the visitor's page gave it. Nobody reaches another's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Work, tuple[str, int]] = {}
        self._stopped: OrderedDict[tuple[str, int], None] = OrderedDict()

    @contextmanager
    def begin(self, visitor: str, number: int) -> Iterator[Work]:
        """A stop may come before the work it is about: requests overtake one another.

        Raises BusyError where too much of this visitor's work goes on already.
        """
        work, key = Work(), (visitor, number)
        with self._lock:
            if sum(whose == visitor and not w.is_stopped() for w, (whose, _) in self._under_way.items()) >= MOST_EACH:
                raise BusyError(f"{MOST_EACH} of your questions are being worked on. Wait for one, or stop it.")
            self._under_way[work] = key
            if key in self._stopped:
                work.stop()
        try:
            yield work
        finally:
            with self._lock:
                del self._under_way[work]

    def progress(self, visitor: str, number: int) -> tuple[int, int]:
        """(done, total); (0, 0) where nothing is known of it."""
        with self._lock:
            return next(((w.done, w.total) for w, key in self._under_way.items() if key == (visitor, number)), (0, 0))

    def stop(self, visitor: str, number: int) -> None:
        """Also for work that is still to come."""
        with self._lock:
            found = [work for work, key in self._under_way.items() if key == (visitor, number)]
            self._stopped[visitor, number] = None
            while len(self._stopped) > MOST_REMEMBERED:
                self._stopped.popitem(last=False)
        for work in found:
            work.stop()

    def stop_all(self, visitor: str) -> None:
        """Everything under way for a visitor who has gone."""
        with self._lock:
            found = [work for work, (whose, _) in self._under_way.items() if whose == visitor]
        for work in found:
            work.stop()
