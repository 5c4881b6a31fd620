"""The loaded engine, shared by all visitors: caches by content, takes turns, refuses more than it can do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from engine.errors import VLBertError
from engine.structures.photo import Photo
from studio.errors import NotReadyError, SupersededError, without_folders
from studio.lane import Lane
from studio.session import Box, Session
from studio.shelf import Shelf
from studio.together import Together
from studio.visitors import Visitors

if TYPE_CHECKING:
    from engine.explain.explainer import Explainer
    from engine.explain.question import Question
    from engine.predictor import Inquiry, Predictor, Seen
    from engine.structures.caption import Word
    from engine.structures.prediction import Prediction

Masking = Literal["feature", "pixels"]

MOST_SEEN, MOST_SEEN_BYTES = 48, 512 * 1024**2
MOST_FAITHFUL = 256
MOST_TOGETHER = 32  # hidden words and regions, of all questions that the encoder answers at once
SWEEP_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """state: whether questions can be answered. text: the model's name when ready, what went wrong when failed."""

    state: Literal["loading", "ready", "failed"]
    text: str = ""


def load_explainer(predictor: Predictor) -> Explainer:
    """Imports PyTorch and captum: called once the model is there."""
    from engine.explain.explainer import Explainer

    return Explainer(predictor)


class Service:
    """`load` returns a Predictor and may take seconds; `start` calls it in a background thread.

    What the engine sees in a photo is kept by the photo's content and its boxes, so that a click costs only the
    encoder. The engine serves one thread at a time, with one exception made here: quick questions, which only read what
    was seen, and slow ones (a new photo, hidden pixels) take turns among themselves, so that a click never waits for
    somebody else's photo. Quick questions that wait at the same time are answered together.
    """

    def __init__(self, load: Callable[[], Predictor], visitors: Visitors | None = None,
                 explain: Callable[[Predictor], Explainer] = load_explainer) -> None:
        self.visitors = visitors or Visitors()
        self._load, self._explain = load, explain
        self._status = Status("loading")
        self._predictor: Predictor | None = None
        self._explainer: Explainer | None = None
        self._forgetters: list[Callable[[set[str]], None]] = []
        self._lasting: set[str] = set()
        self._open, self._slow, self._quick = Lane("open"), Lane("slow"), Lane("quick")
        self._together = Together(self._quick, self._ask_all, MOST_TOGETHER,
                                  lambda asked: 1 + len(asked.hidden_words) + len(asked.hidden_regions))
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

    @property
    def predictor(self) -> Predictor:
        """The loaded model, for what takes turns of its own. Raises NotReadyError."""
        return self._ready()

    @property
    def explainer(self) -> Explainer:
        """Raises NotReadyError."""
        self._ready()
        if self._explainer is None:
            raise NotReadyError("The explanations are still loading. Wait a moment.")
        return self._explainer

    def when_closed(self, forget: Callable[[set[str]], None]) -> None:
        """`forget` gets the digests of all photos that are open or lasting whenever others have been closed."""
        self._forgetters.append(forget)

    def words(self, caption: str) -> tuple[Word, ...]:
        """Raises NotReadyError, CaptionError."""
        return self._ready().words(caption)

    def open(self, visitor: str, file: bytes, *, lasting: bool = False) -> tuple[str, Photo]:
        """Read a picture file and keep it: its ticket and the photo. Raises PhotoError, VisitorGoneError, BusyError.

        Results about a `lasting` photo stay cached after the last visitor closes it. Use it for the bundled examples:
        the next visitor starts with the same photo.
        """
        photo = self._open.run(lambda: Photo.open(file))
        if lasting:
            self._lasting.add(photo.digest)
        return self.visitors.keep(visitor, photo), photo

    def see(self, visitor: str, session: Session) -> Seen:
        """The photo's regions: once per photo and boxes. Raises NotReadyError, PhotoGoneError, BoxError, BusyError."""
        return self._see(self.visitors.photo(visitor, session.photo), session.boxes)

    def see_hidden(self, visitor: str, session: Session) -> Seen:
        """The same with the features of the session's hidden pixels in it, so that `pixels` costs nothing more."""
        seen = self.see(visitor, session)
        if session.hidden_regions:
            self._slow.run(lambda: self._ready().hidden_pixels(seen, session.hidden_regions))
        return seen

    def in_turn(self, look: Callable[[], Seen]) -> Seen:
        """Let something look at a picture when it is its turn among the slow ones. Raises BusyError."""
        return self._slow.run(look)

    def ask(self, visitor: str, session: Session, sequence: int, masking: Masking) -> Prediction:
        """What the model believes about everything hidden.

        Raises NotReadyError, PhotoGoneError, BusyError, whatever the engine says of caption, boxes and hidden places,
        and SupersededError for masking "pixels" where a later question of this visitor came meanwhile.
        """
        self.visitors.note(visitor, sequence)
        return self._answer(visitor, session, masking, lambda: not self.visitors.is_newest(visitor, sequence))

    def answer(self, visitor: str, session: Session, masking: Masking) -> Prediction:
        """The same, whatever else this visitor asks meanwhile."""
        return self._answer(visitor, session, masking, lambda: False)

    def _answer(self, visitor: str, session: Session, masking: Masking,
                overtaken: Callable[[], bool]) -> Prediction:
        photo = self.visitors.photo(visitor, session.photo)
        seen = self._see(photo, session.boxes)
        if masking == "feature":
            if session.heads_off:
                return self._quick.run(lambda: self._ask(seen, session, masking))
            return self._together.ask(_inquiry(seen, session, masking))
        key = (photo.digest, replace(session, photo=""))
        answer = self._faithful.get(key)
        if answer is None:
            answer = self._slow.run(lambda: self._ask_unless(overtaken, seen, session))
            self._faithful.put(key, answer)
        return answer

    def leave(self, visitor: str) -> None:
        """Forget a visitor's photos, and what was seen in photos that nobody else has open."""
        self.visitors.leave(visitor)
        self._forget_closed()

    def dismiss(self, visitor: str) -> None:
        """The same of a visitor who does not come back."""
        self.visitors.dismiss(visitor)
        self._forget_closed()

    def _ask(self, seen: Seen, session: Session, masking: Masking) -> Prediction:
        if session.heads_off:
            return self.explainer.ask(seen, question(session, masking))
        return self._ask_all([_inquiry(seen, session, masking)])[0]

    def _ask_all(self, inquiries: Sequence[Inquiry]) -> list[Prediction]:
        return self._ready().ask_many(inquiries)

    def _ask_unless(self, overtaken: Callable[[], bool], seen: Seen, session: Session) -> Prediction:
        if overtaken():
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
            self._prepare_explainer(predictor)
        except VLBertError as error:
            _log.error("The model could not be loaded: %s", error)
            self._status = Status("failed", without_folders(str(error)))
        except Exception:
            _log.exception("The model could not be loaded.")
            self._status = Status("failed", "The model could not be loaded. The studio's log says why.")
        while True:
            time.sleep(SWEEP_SECONDS)
            self.visitors.sweep()
            self._forget_closed()

    def _prepare_explainer(self, predictor: Predictor) -> None:
        try:
            self._explainer = self._explain(predictor)
        except Exception:
            # Answers do not need it, so the studio goes on without explanations.
            _log.exception("The explanations could not be loaded.")

    def _forget_closed(self) -> None:
        open_now = self.visitors.digests() | self._lasting
        self._seen.keep_only(lambda key: key[0] in open_now)
        self._faithful.keep_only(lambda key: key[0] in open_now)
        for forget in self._forgetters:
            forget(open_now)


def _inquiry(seen: Seen, session: Session, masking: Masking) -> Inquiry:
    from engine.predictor import Inquiry  # imports PyTorch: the page is built before

    return Inquiry(seen, session.caption, session.hidden_words, session.hidden_regions, masking)


def question(session: Session, masking: Masking) -> Question:
    """A session as the explanations ask about it."""
    from engine.explain.question import Question

    return Question(session.caption, session.hidden_words, session.hidden_regions, masking,
                    frozenset(session.heads_off))

