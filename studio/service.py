"""The loaded engine, shared by all visitors: caches by content, takes turns, refuses more than it can do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from engine.errors import VLBertError
from engine.structures.photo import Photo
from studio.errors import BusyError, NotReadyError, SupersededError
from studio.session import Box, Session
from studio.shelf import Shelf
from studio.visitors import Visitors

if TYPE_CHECKING:
    from engine.predictor import Predictor, Seen
    from engine.structures.caption import Word
    from engine.structures.prediction import Prediction

Masking = Literal["feature", "pixels"]
Result = TypeVar("Result")

MOST_SEEN, MOST_SEEN_BYTES = 48, 512 * 1024**2
MOST_FAITHFUL = 256
MOST_WAITING = 32
SWEEP_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """state: whether questions can be answered. text: the model's name when ready, what went wrong when failed."""

    state: Literal["loading", "ready", "failed"]
    text: str = ""


class Service:
    """`load` returns a Predictor and may take seconds; `start` calls it in a background thread.

    What the engine sees in a photo is kept by the photo's content and its boxes, so that a click costs only the
    encoder. The engine serves one thread at a time, with one exception made here: quick questions, which only read what
    was seen, and slow ones (a new photo, hidden pixels) take turns among themselves, so that a click never waits for
    somebody else's photo.
    """

    def __init__(self, load: Callable[[], Predictor], visitors: Visitors | None = None) -> None:
        self.visitors = visitors or Visitors()
        self._load = load
        self._status = Status("loading")
        self._predictor: Predictor | None = None
        self._open, self._slow, self._quick = _Lane("open"), _Lane("slow"), _Lane("quick")
        self._seen: Shelf[tuple[str, tuple[Box, ...] | None], Seen] = Shelf(
            MOST_SEEN, MOST_SEEN_BYTES, lambda seen: seen.photo.pixels.nbytes)
        self._faithful: Shelf[tuple[str, Session], Prediction] = Shelf(MOST_FAITHFUL)

    def start(self) -> None:
        """Load the model in the background, then drop idle visitors' photos from time to time."""
        threading.Thread(target=self._run, name="model", daemon=True).start()

    @property
    def status(self) -> Status:
        """How far the model is."""
        return self._status

    def words(self, caption: str) -> tuple[Word, ...]:
        """Raises NotReadyError, CaptionError."""
        return self._ready().words(caption)

    def open(self, visitor: str, file: bytes) -> tuple[str, Photo]:
        """Read a picture file and keep it: its ticket and the photo. Raises PhotoError, VisitorGoneError, BusyError."""
        photo = self._open.run(lambda: Photo.open(file))
        return self.visitors.keep(visitor, photo), photo

    def see(self, visitor: str, session: Session) -> Seen:
        """The photo's regions: once per photo and boxes. Raises NotReadyError, PhotoGoneError, BoxError, BusyError."""
        return self._see(self.visitors.photo(visitor, session.photo), session.boxes)

    def ask(self, visitor: str, session: Session, sequence: int, masking: Masking) -> Prediction:
        """What the model believes about everything hidden.

        Raises NotReadyError, PhotoGoneError, BusyError, whatever the engine says of caption, boxes and hidden places,
        and SupersededError for masking "pixels" where a later question of this visitor came meanwhile.
        """
        self.visitors.note(visitor, sequence)
        photo = self.visitors.photo(visitor, session.photo)
        seen = self._see(photo, session.boxes)
        if masking == "feature":
            return self._quick.run(lambda: self._ask(seen, session, masking))
        key = (photo.digest, replace(session, photo=""))
        answer = self._faithful.get(key)
        if answer is None:
            answer = self._slow.run(lambda: self._ask_unless_overtaken(visitor, sequence, seen, session))
            self._faithful.put(key, answer)
        return answer

    def leave(self, visitor: str) -> None:
        """Forget a visitor's photos, and what was seen in photos that nobody else has open."""
        self.visitors.leave(visitor)
        self._forget_closed()

    def _ask(self, seen: Seen, session: Session, masking: Masking) -> Prediction:
        return self._ready().ask(seen, session.caption, hidden_words=list(session.hidden_words),
                                 hidden_regions=list(session.hidden_regions), masking=masking)

    def _ask_unless_overtaken(self, visitor: str, sequence: int, seen: Seen, session: Session) -> Prediction:
        if not self.visitors.is_newest(visitor, sequence):
            raise SupersededError("A later question came meanwhile.")
        return self._ask(seen, session, "pixels")

    def _see(self, photo: Photo, boxes: tuple[Box, ...] | None) -> Seen:
        key = (photo.digest, boxes)

        def look() -> Seen:
            # Another click may have looked at the same photo while this one waited for its turn.
            seen = self._seen.get(key)
            if seen is None:
                predictor = self._ready()
                seen = predictor.see(photo) if boxes is None else predictor.see(photo, boxes=list(boxes))
                self._seen.put(key, seen)
            return seen

        return self._seen.get(key) or self._slow.run(look)

    def _ready(self) -> Predictor:
        if self._predictor is None:
            raise NotReadyError(self._status.text if self._status.state == "failed"
                                else "The model is still loading. Your photo and caption are kept; wait a moment.")
        return self._predictor

    def _run(self) -> None:
        try:
            predictor = self._load()
            self._predictor, self._status = predictor, Status("ready", predictor.config.name)
        except VLBertError as error:
            self._status = Status("failed", str(error))
        except Exception:
            _log.exception("The model could not be loaded.")
            self._status = Status("failed", "The model could not be loaded. The studio's log says why.")
        while True:
            time.sleep(SWEEP_SECONDS)
            self.visitors.sweep()
            self._forget_closed()

    def _forget_closed(self) -> None:
        open_now = self.visitors.digests()
        self._seen.keep_only(lambda key: key[0] in open_now)
        self._faithful.keep_only(lambda key: key[0] in open_now)


class _Lane:
    """One piece of work at a time, and a bounded number waiting.

    A thread of its own, since PyTorch keeps a pool of helpers for each thread that calls it.
    """

    def __init__(self, name: str) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = threading.Semaphore(MOST_WAITING)

    def run(self, work: Callable[[], Result]) -> Result:
        """Raises BusyError, and whatever `work` raises."""
        if not self._waiting.acquire(blocking=False):
            raise BusyError(f"{MOST_WAITING} questions are waiting already. Try again in a moment.")
        try:
            return self._worker.submit(work).result()
        finally:
            self._waiting.release()
