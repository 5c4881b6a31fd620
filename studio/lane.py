"""One piece of work at a time, and a bounded number waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

from engine.errors import StoppedError
from studio.errors import BusyError

Result = TypeVar("Result")

MOST_WAITING = 64
MOST_THREADS = 10 * MOST_WAITING  # of the server: whoever waits holds one, and however full the lanes, Stop finds one


class Lane:
    """A thread of its own, since PyTorch keeps a pool of helpers for each thread that calls it."""

    def __init__(self, name: str) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = threading.Semaphore(MOST_WAITING)

    def run(self, work: Callable[[], Result], queued: Callable[[Future[Result]], None] | None = None) -> Result:
        """queued: gets the work's future, so that somebody can cancel what has not begun.

        Raises BusyError, StoppedError for work that was cancelled, and whatever `work` raises.
        """
        if not self._waiting.acquire(blocking=False):
            raise BusyError(f"{MOST_WAITING} questions are waiting already. Try again in a moment.")
        try:
            future = self._worker.submit(work)
            if queued:
                queued(future)
            return future.result()
        except CancelledError as error:
            raise StoppedError("Stopped before it began.") from error
        finally:
            self._waiting.release()
