"""Adapters that visitors ask with: those shipped, those trained here, and those they bring along."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from engine.errors import WeightsError
from studio.errors import AdapterGoneError, RequestError
from studio.explaining.works import Work
from studio.lane import Lane
from studio.service import Service
from studio.session import Session
from studio.shelf import Shelf

if TYPE_CHECKING:
    from engine.explain.results import Attribution, Proof
    from engine.structures.task_answers import Carried, ChoiceAnswer, Looks, OpenAnswer, PointAnswer
    from engine.task_predictor import TaskPredictor, TaskQuestion

Result = TypeVar("Result")

TASKS = {"ask": "vqa", "choose": "vcr", "point": "grounding"}
MOST_OPEN, MOST_OPEN_BYTES = 24, 384 * 1024**2
MOST_KEPT = 512
SHIPPED = "shipped "  # before the file name of an adapter in the folder of the weights
OWN = "own "  # before the digest of a file that a visitor brought


class TrainedAdapter(Protocol):
    """The adapter of a finished run."""

    @property
    def run(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def path(self) -> Path: ...


@dataclass(frozen=True)
class Offer:
    """key: by which it is asked with. task: one of `TASKS`. about: what it was trained on, where it says so."""

    key: str
    task: str
    name: str
    about: str


@dataclass(frozen=True)
class Inquiry:
    """A visitor's photo and boxes, the adapter to ask with, and the question."""

    visitor: str
    session: Session
    adapter: str
    task: str
    question: TaskQuestion


class TaskDesk:
    """Answers take turns among themselves and do not hold up clicks; what carries an answer has turns of its own.

    Every method raises what `Service.see` does, BusyError, AdapterGoneError, and whatever the engine says of an adapter
    or a question. trained: the adapters of finished runs. load: from the predictor and a file.
    """

    def __init__(self, service: Service, trained: Callable[[], Sequence[TrainedAdapter]] = tuple,
                 load: Callable[[Any, Path], TaskPredictor] | None = None) -> None:
        self._service, self._trained, self._load = service, trained, load or _load
        self._answering, self._searching = Lane("tasks"), Lane("carried")
        self._open: Shelf[str, TaskPredictor] = Shelf(MOST_OPEN, MOST_OPEN_BYTES, lambda own: own.nbytes)
        self._kept: Shelf[tuple[Hashable, ...], Any] = Shelf(MOST_KEPT)
        service.when_closed(lambda digests: self._kept.keep_only(lambda key: key[0] in digests))

    def offers(self) -> tuple[Offer, ...]:
        """Of each task the shipped adapter, then those of finished runs; a file that is damaged is left out."""
        found = []
        for key, (path, name) in self._files().items():
            try:
                found.append(_offer(key, path, name))
            except WeightsError:
                continue
        return tuple(found)

    def key_of(self, name: str, task: str) -> str:
        """Find an adapter on this server.

        Args:
            name: its key, its name, or the file of a shipped one; the shipped one if empty
            task: one of `TASKS`

        Raises:
            RequestError: none or several are called so; the message lists all for this task.
        """
        known = [offer for offer in self.offers() if offer.task == TASKS[task]]
        found = [offer for offer in known if (name in (offer.key, offer.name, offer.key.removeprefix(SHIPPED)) if name
                                              else offer.key.startswith(SHIPPED))]
        if len(found) == 1:
            return found[0].key
        listed = ", ".join(f"{offer.key!r} ({offer.name})" for offer in known) or "none"
        called = f"{len(found) or 'No'} adapter{'s' if len(found) > 1 else ''} for {TASKS[task]} on this server"
        raise RequestError(f"{called} can be meant by {name!r}. Give the key of one of these: {listed}.")

    def bring(self, content: bytes, name: str) -> Offer:
        """Check an adapter that a visitor hands over and open it; it is kept in memory only, and not for ever."""
        key = OWN + hashlib.sha256(content).hexdigest()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adapter.safetensors"
            path.write_bytes(content)
            try:
                opened = self._answering.run(lambda: self._load(self._service.predictor, path))
            except WeightsError as error:
                raise WeightsError(str(error).replace(str(path), name)) from error
        self._open.put(key, opened)
        return Offer(key, opened.info.task, name, opened.info.about)

    def answer(self, asks: Inquiry) -> OpenAnswer | ChoiceAnswer | PointAnswer:
        """What the adapter answers."""
        def compute(own: TaskPredictor, seen: Any) -> OpenAnswer | ChoiceAnswer | PointAnswer:
            methods: dict[str, Callable[..., Any]] = {"ask": own.ask, "choose": own.choose, "point": own.point}
            return cast("OpenAnswer | ChoiceAnswer | PointAnswer", methods[asks.task](seen, asks.question))

        return self._once(asks, ("answer",), self._answering, compute)

    def carried(self, asks: Inquiry, answer: str | int) -> Carried:
        """What an answer rests on. answer: its text for ask, else the number of the choice or region."""
        def compute(own: TaskPredictor, seen: Any) -> Carried:
            return own.carried(seen, asks.question, _number(own, asks, seen, answer))

        return self._once(asks, ("carried", answer), self._searching, compute)

    def looks(self, asks: Inquiry, answer: int) -> Looks:
        """What looks at what. answer: the number of the choice or region; for ask of no meaning."""
        return self._once(asks, ("looks", answer), self._answering, lambda own, seen: own.looks(
            seen, asks.question, _within(asks, seen, answer)))

    def attribute(self, asks: Inquiry, answer: str | int, method: str,
                  work: Work) -> tuple[tuple[str, ...], Attribution]:
        """The words of the question (of choose with that answer's) and how much each word and region does for it, by
        one of the engine's methods. Also raises StoppedError."""
        def compute(own: TaskPredictor, seen: Any) -> tuple[tuple[str, ...], Attribution]:
            explainer, number = self._explainer(own), _number(own, asks, seen, answer)
            return explainer.words(seen, asks.question, number), explainer.attribute(
                seen, asks.question, number, method, work.advance, work.is_stopped)

        return self._once(asks, ("map", answer, method), self._searching, compute, work)

    def prove(self, asks: Inquiry, answer: str | int, method: str, work: Work) -> Proof:
        """Whether that map can be believed, for this very answer. Also raises StoppedError."""
        _, found = self.attribute(asks, answer, method, work)
        return self._once(
            asks, ("proof", answer, method), self._searching, lambda own, seen: self._explainer(own).prove(
                seen, asks.question, _number(own, asks, seen, answer), found, work.advance, work.is_stopped), work)

    def _explainer(self, own: TaskPredictor) -> Any:
        from engine.explain.task_explainer import TaskExplainer

        return TaskExplainer(own, self._known)

    @cached_property
    def _known(self) -> Any:
        """What the maps and proofs of one answer share."""
        from engine.explain.passes import KnownValues

        return KnownValues()

    def _once(self, asks: Inquiry, what: tuple[Hashable, ...], lane: Lane,
              compute: Callable[[TaskPredictor, Any], Result], work: Work | None = None) -> Result:
        photo = self._service.visitors.photo(asks.visitor, asks.session.photo)
        key = (photo.digest, replace(asks.session, photo=""), asks.adapter, asks.task, asks.question, *what)
        kept = self._kept.get(key)
        if kept is None:
            seen = self._service.see(asks.visitor, asks.session)
            kept = lane.run(lambda: compute(self._opened(asks), seen), work.queued if work else None)
            self._kept.put(key, kept)
        return cast(Result, kept)

    def _opened(self, asks: Inquiry) -> TaskPredictor:
        opened = self._open.get(asks.adapter)
        if opened is None:
            files = self._files()
            if asks.adapter not in files:
                raise AdapterGoneError("The studio no longer keeps this adapter. Hand it in again."
                                       if asks.adapter.startswith(OWN) else
                                       "This adapter is gone: its run was deleted or went on. Choose another one.")
            opened = self._load(self._service.predictor, files[asks.adapter][0])
            self._open.put(asks.adapter, opened)
        return opened

    def _files(self) -> dict[str, tuple[Path, str]]:
        """By key the file of each adapter on this machine, and how it is called. Raises NotReadyError."""
        found: dict[str, tuple[Path, str]] = {}
        folder = getattr(self._service.predictor, "folder", None)
        if folder is not None:
            for task in TASKS.values():
                for path in sorted(folder.glob(f"*-{task}.safetensors")):
                    found[f"{SHIPPED}{path.name}"] = path, "the shipped adapter"
        for run in self._trained():
            if run.path.is_file():  # a run that goes on leaves another file: its number is that of its time, too
                found[f"run {run.run} {run.path.stat().st_mtime_ns}"] = run.path, run.name
        return found


def _number(own: TaskPredictor, asks: Inquiry, seen: Any, answer: str | int) -> int:
    """Of an answer's text in ask, else the number itself, if there is such a choice or region."""
    return own.answer_number(answer) if isinstance(answer, str) else _within(asks, seen, answer)


def _within(asks: Inquiry, seen: Any, number: int) -> int:
    most = {"choose": len(asks.question.choices), "point": len(seen.labels)}.get(asks.task, 1)
    if not 0 <= number < most:
        raise RequestError(f"There is no answer {number}; there are {most}, counted from 0. Reload the page.")
    return number


def _offer(key: str, path: Path, name: str) -> Offer:
    from engine.weights.adapters import read_info

    info = read_info(path)
    return Offer(key, info.task, name, info.about)


def _load(predictor: Any, path: Path) -> TaskPredictor:
    from engine.task_predictor import TaskPredictor

    return TaskPredictor.load(predictor, path)
