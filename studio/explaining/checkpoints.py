"""Other models on this machine that can be asked what the page's own one was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import WeightsError
from studio.errors import RequestError
from studio.explaining.explanations import Subject
from studio.explaining.works import Works
from studio.flags import WEIGHTS
from studio.lane import Lane
from studio.service import Service, question
from studio.shelf import Shelf
from studio.task_desk import TrainedAdapter

if TYPE_CHECKING:
    from engine.predictor import Predictor, Seen
    from engine.structures.prediction import Prediction

MOST_OPEN, MOST_SEEN, MOST_KEPT = 2, 8, 128
TAUGHT = {"vqa": "answer questions", "vcr": "choose", "grounding": "point"}


@dataclass(frozen=True)
class Checkpoint:
    """key: by which it is asked for. name: for the visitor. path: a folder of weights, or the file of an adapter."""

    key: str
    name: str
    path: Path

    @property
    def is_adapter(self) -> bool:
        return self.path.is_file()


def beside(weights: Path, runs: Path) -> tuple[Path, ...]:
    """Folders of weights in the neighbourhood: the shipped ones, those beside `weights`, and those in `runs`."""
    found = [WEIGHTS, *_inside(weights.resolve().parent), *_inside(runs)]
    return tuple(dict.fromkeys(path.resolve() for path in found if _holds_weights(path)))


class Checkpoints:
    """Folders of weights and adapters that moved VL-BERT; two of them are open at a time, and asked one after another.

    folders: where weights may lie; they are looked for at every question. trained: the adapters of finished runs.
    load: from a folder of weights.
    """

    def __init__(self, service: Service, works: Works, folders: Callable[[], Sequence[Path]] = tuple,
                 trained: Callable[[], Sequence[TrainedAdapter]] = tuple,
                 load: Callable[[Path], Predictor] | None = None) -> None:
        self._service, self._works = service, works
        self._folders, self._trained, self._load = folders, trained, load or _load
        self._lane = Lane("checkpoints")
        self._open: Shelf[str, Predictor] = Shelf(MOST_OPEN)
        self._seen: Shelf[tuple[Hashable, ...], Seen] = Shelf(MOST_SEEN)
        self._kept: Shelf[tuple[Hashable, ...], Prediction] = Shelf(MOST_KEPT)
        for shelf in (self._seen, self._kept):
            service.when_closed(lambda digests, own=shelf: own.keep_only(lambda key: key[0] in digests))  # type: ignore[misc]

    def offers(self) -> tuple[Checkpoint, ...]:
        """All but the one that is loaded. Raises NotReadyError."""
        loaded = getattr(self._service.predictor, "folder", None)
        folders = [path for path in self._folders() if loaded is None or path.resolve() != loaded.resolve()]
        names = [path.name for path in folders]
        found = [Checkpoint(f"folder {i} {path.name}", _named(path, names[:i].count(path.name)), path)
                 for i, path in enumerate(folders)]
        return (*found, *self._adapters(loaded))

    def ask(self, asks: Subject, key: str) -> tuple[str, Prediction]:
        """Its name, and its answers to the same question about the same boxes.

        Raises what `Service.see` does, RequestError for a checkpoint that is gone, WeightsError for a damaged one,
        StoppedError, and whatever the engine says of the question.
        """
        chosen = next((offer for offer in self.offers() if offer.key == key), None)
        if chosen is None:
            raise RequestError("This checkpoint is gone from the server. Choose another one.")
        photo = self._service.visitors.photo(asks.visitor, asks.session.photo)
        known = (photo.digest, replace(asks.session, photo=""), asks.masking, key)
        kept = self._kept.get(known)
        if kept is None:
            with self._works.begin(asks.visitor, asks.number) as work:
                see = self._service.see_hidden if asks.masking == "pixels" else self._service.see
                seen = see(asks.visitor, asks.session)
                kept = self._lane.run(lambda: self._answer(asks, chosen, seen), work.queued)
            self._kept.put(known, kept)
        return chosen.name, kept

    def _answer(self, asks: Subject, chosen: Checkpoint, seen: Seen) -> Prediction:
        from engine.explain.explainer import Explainer  # imports PyTorch

        model = self._opened(chosen)
        if not chosen.is_adapter:
            seen = self._look(asks, chosen, model, seen)
        return Explainer(model).ask(seen, question(asks.session, asks.masking))

    def _look(self, asks: Subject, chosen: Checkpoint, model: Predictor, seen: Seen) -> Seen:
        """The same photo and boxes by this checkpoint's own detector."""
        key = (seen.photo.digest, asks.session.boxes, chosen.key)
        own = self._seen.get(key)
        if own is None:
            own = model.see(seen.photo, boxes=seen.boxes.fractions[1:].tolist())
            self._seen.put(key, own)
        return own

    def _opened(self, chosen: Checkpoint) -> Predictor:
        key = f"{chosen.key} {_time(chosen.path)}"
        opened = self._open.get(key)
        if opened is None:
            opened = (_fine_tuned(self._service.predictor, chosen.path) if chosen.is_adapter
                      else self._load(chosen.path))
            self._open.put(key, opened)
        return opened

    def _adapters(self, loaded: Path | None) -> Iterator[Checkpoint]:
        """Those that moved VL-BERT and belong to the loaded one; a damaged file is left out."""
        from engine.weights.adapters import read_info

        shipped = [] if loaded is None else [("shipped", p.stem, p) for p in sorted(loaded.glob("*-*.safetensors"))
                                             if p.stem.rpartition("-")[2] in TAUGHT]
        for name, key, path in (*shipped, *((run.name, run.run, run.path) for run in self._trained())):
            with contextlib.suppress(WeightsError):
                info = read_info(path)
                if info.tune != "head":
                    title = f"this model after it was taught to {TAUGHT[info.task]} ({name})"
                    yield Checkpoint(f"adapter {key}", title, path)


def _named(path: Path, before: int) -> str:
    name = "the shipped weights" if path.resolve() == WEIGHTS.resolve() else path.name
    return f"{name} ({before + 1})" if before else name


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _holds_weights(folder: Path) -> bool:
    return all(len(list(folder.glob(f"*-{part}.safetensors"))) == 1 for part in ("vlbert", "detector"))


def _time(path: Path) -> int:
    """When the weights were written: files that were replaced are read again."""
    newest = [path] if path.is_file() else list(path.glob("*.safetensors"))
    return max((file.stat().st_mtime_ns for file in newest), default=0)


def _load(folder: Path) -> Predictor:
    from engine.predictor import Predictor

    return Predictor.load(folder)


def _fine_tuned(predictor: Any, path: Path) -> Predictor:
    from engine.task_predictor import TaskPredictor

    return TaskPredictor.load(predictor, path).believing()
