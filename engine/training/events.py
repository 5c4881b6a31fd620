"""What a run tells while it goes on, besides its losses: json lines in the same file, written at once.

    {"event": "preparing", "what": "scenes", "done": 120, "count": 460}
    {"event": "before", "accuracy": 0.2, "kinds": {"look": 0.2, "place": 0.2}, "chance": 0.22, "n": 55}
    {"event": "begun", "examples": 1170, "held_out": 180, "steps": 140, "batch": 32, "chance": 0.22}
    {"event": "evaluated", "step": 20, "steps": 140, "accuracy": 0.41, "kinds": {"look": 0.45, "place": 0.3}, "n": 180}
    {"event": "finished", "file": "mini-grounding.safetensors"}
    {"event": "failed", "why": "…"}, {"event": "stopped"}

"before" comes from outside, on other pictures, while the run prepares (`engine.training.first_look`).
A run without one of the last three is going on, or was killed. Nothing here imports PyTorch: the first line comes at
once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import VLBertError
from engine.progress import Progress, shown

OFTEN = 0.5  # seconds between two lines about the same preparation


def mend(file: Path) -> None:
    """End a last line that a full disk cut short, so that the next one stands by itself."""
    if file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size:
        with file.open("a", encoding="utf-8") as out:
            out.write("\n")


class Events:
    """Appends to the log of a run; without a `file` it says nothing."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            mend(file)

    def say(self, event: str, **fields: Any) -> None:
        """Append one line."""
        if self.file:
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps({"event": event} | fields) + "\n")

    def progress(self, what: str, exactly: str = "") -> Progress:
        """The first and the last are told, and one now and then between them; and a bar on stderr, named `exactly`."""
        told, bar = float("-inf"), shown(exactly or what)

        def say(done: int, count: int) -> None:
            nonlocal told
            bar(done, count)
            if done == count or time.monotonic() - told >= OFTEN:
                told = time.monotonic()
                self.say("preparing", what=what, done=done, count=count)

        return say

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Says how the run ended, if it was not with its file, and passes the error on."""
        try:
            yield
        except KeyboardInterrupt:
            self.say("stopped")
            raise
        except (VLBertError, OSError) as error:
            self.say("failed", why=str(error))
            raise
        except Exception as error:
            self.say("failed", why=f"{type(error).__name__}: {error}")
            raise
