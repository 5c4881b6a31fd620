"""What a task's head gets right before anything is learned, measured by a loaded model on a few pictures.

A run measures the same on all held-out pictures, but only once it has drawn scenes and looked at every picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.config import FineTuneConfig
from engine.data.sequences import readable
from engine.data.several import sources_of
from engine.data.splitting import split_off
from engine.errors import PhotoError
from engine.measure.held_out import HeldOut
from engine.model.task_heads import FineTuned
from engine.predictor import Predictor
from engine.structures.example import Regions
from engine.structures.photo import Photo
from engine.structures.questions import Pictured
from engine.structures.seen import Seen
from engine.training.finetune import info_of, questions, task_of

Turn = Callable[[Callable[[], Seen]], Seen]


@dataclass(frozen=True)
class FirstLook:
    """accuracy: share of right answers, and by kind; chance: what guessing reaches; n: questions that were asked."""

    accuracy: float
    kinds: Mapping[str, float]
    chance: float
    n: int


class FewPictures:
    """A `RegionSource` of the pictures that were seen: by number their regions, and how many boxes came with them."""

    def __init__(self, seen: Mapping[int, tuple[Regions, int]]) -> None:
        self._seen = seen

    def given(self, picture: int) -> int:
        return self._seen[picture][1]

    def detected(self, picture: int) -> int:
        regions, given = self._seen[picture]
        return len(regions) - 1 - given

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        found = []
        for picture, detections in asked:
            regions, given = self._seen[picture]
            found.append(regions[[*range(1 + given), *(1 + given + d for d in detections)]])
        return found


def first_look(predictor: Predictor, settings: FineTuneConfig, data: Path, split: str, *, most: int, apart: bool,
               turn: Turn = lambda see: see()) -> FirstLook:
    """Measure on at most `most` pictures.

    apart: the run learns from none of these data; else only what it holds out is asked. turn: calls what it is given,
    `Predictor.see` of one picture, when it may run. Raises DataError, and ConfigError where the weights have no folder.
    """
    sources = sources_of(data, split)
    found = readable(questions(settings, sources), predictor.pieces, answers=settings.words > 0)
    learned, held_out = split_off(found, settings.held_out)
    asked = found if apart or held_out is None else held_out
    extra = settings.extra_regions if settings.task == "grounding" else 0
    seen = _few(predictor, found.pictures, sorted({q.picture for q in asked.questions}), most, extra, turn)
    asked = replace(asked, questions=tuple(q for q in asked.questions if q.picture in seen))
    source = FewPictures(seen)
    assert predictor.folder is not None
    info = info_of(settings, sources, predictor.folder, learned)
    model = FineTuned(predictor.model, info.head(predictor.config.encoder.hidden)).eval()
    task = task_of(info, model, asked, source, predictor.pieces, settings.extra_regions)
    held = HeldOut(task, range(len(task)), settings.extra_regions)
    accuracy, kinds = held.accuracy()
    return FirstLook(accuracy, kinds, held.chance(), len(held.numbers))


def _few(predictor: Predictor, pictures: Sequence[Pictured], asked: Sequence[int], most: int, extra: int,
         turn: Turn) -> dict[int, tuple[Regions, int]]:
    """The first `most` of the pictures that can be read."""
    seen: dict[int, tuple[Regions, int]] = {}
    for number in asked:
        if len(seen) == most:
            break
        try:
            seen[number] = _regions(predictor, pictures[number], extra, turn)
        except PhotoError:  # the run itself counts and names it
            continue
    return seen


def _regions(predictor: Predictor, pictured: Pictured, extra: int, turn: Turn) -> tuple[Regions, int]:
    """The picture's own boxes, then detections: `extra` of them, or all where it has no boxes; and how many are its
    own."""
    photo, own = Photo.open(pictured.path), list(pictured.boxes)
    detected: list[tuple[float, ...]] = []
    if extra or not own:
        seen = turn(lambda: predictor.see(photo))
        if not own:
            return seen.regions, 0
        detected = [tuple(box) for box in seen.regions.boxes[1:1 + extra].tolist()]
    return turn(lambda: predictor.see(photo, [*own, *detected])).regions, len(own)
