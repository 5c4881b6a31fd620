"""Ctrl-C and a polite kill end a run after the step that they fall into."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
IMPATIENT = 2.0  # seconds after which another Ctrl-C is meant; a launcher passes the first one on a second time


class Interrupts:
    """While it is entered, SIGINT and SIGTERM are only noted; a later second SIGINT raises KeyboardInterrupt at once.

    Calling it says whether one came. Outside the main thread, where Python takes no signals, it never does.
    """

    def __init__(self) -> None:
        self._came: float | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self._came is not None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._note) for s in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._came is None:
            self._came = now
        elif number == signal.SIGINT and now - self._came > IMPATIENT:
            raise KeyboardInterrupt
