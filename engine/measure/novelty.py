"""The measure of novelty: fitted to photographs, and measured on others and on pictures of other kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from engine.data.sources import read_sources
from engine.errors import DataError, PhotoError
from engine.measure.changed_photos import STILL_PHOTOS, UNLIKE, Change, as_brought, changed
from engine.measure.other_kinds import DRAWN, Draw
from engine.novelty import Novelty, fit
from engine.progress import counted
from engine.structures.photo import Photo
from engine.structures.picture_statistics import COUNT, statistics

SEED = 7  # of the drawn pictures
PICTURES = 40  # most of each kind
Source = bytes | str | Path


def fitted(training: Sequence[str], development: Sequence[str], photos: int) -> Novelty:
    """Fit the measure. Each training photograph counts twice: as it is, and with one change of `EVERYDAY`.

    Args:
        training: sources of photographs, as `read_sources` takes them.
        development: sources that choose the threshold, by every other photograph; `measure` takes those between.
        photos: how many photographs of each source are used, spread evenly over it.

    Returns:
        The measure.

    Raises:
        DataError: a source cannot be read, or there are too few photographs.
    """
    own = [_mapped(_twice, _opened(_spread(_photos(source), photos)), source) for source in training]
    chosen = [_mapped(statistics, _opened(_spread(_photos(source)[::2], photos)), source) for source in development]
    return fit(np.concatenate(own).reshape(-1, COUNT), chosen)


def _twice(photo: Photo) -> np.ndarray:
    """The statistics of a photo as it is and as somebody may bring it, [2, COUNT]. Its pixels seed the change."""
    rng = np.random.default_rng(int(photo.digest[:8], 16))
    return np.stack([statistics(photo), statistics(as_brought(photo, rng))])


def measure(novelty: Novelty, sources: Sequence[str], photos: int, others: Path | None = None) -> dict[str, Any]:
    """The novelty of photographs and of pictures of other kinds.

    Args:
        novelty: the measure.
        sources: of photographs, as `read_sources` takes them; of each every other photograph is measured, since the
            others may have chosen the threshold.
        photos: how many photographs of each source are used, spread evenly over it, and at most how many pictures of
            each kind are drawn or made of photographs.
        others: None, or a folder with one folder of pictures for each further kind.

    Returns:
        The figures. `notices` is the share of pictures that get the notice. `auroc` is the probability that a picture
        of this kind has a higher novelty than a photograph.

    Raises:
        DataError: a source or a folder cannot be read, or there is no picture.
    """
    def of(photos: Iterable[Photo], name: str) -> np.ndarray:
        return _mapped(novelty.of, photos, name)

    pictures = min(photos, PICTURES)
    files = {source: _spread(_photos(source)[1::2], photos) for source in sources}
    photographs = {source: of(_opened(own), source) for source, own in files.items()}
    mixed = _spread([file for own in files.values() for file in own], pictures)
    drawn = {name: _drawn(draw, pictures) for name, draw in DRAWN.items()}
    altered = {name: _changed(mixed, change) for name, change in UNLIKE.items()}
    given = {folder.name: _opened(sorted(folder.iterdir())) for folder in _folders(others)}
    unlike = {name: of(made, name) for name, made in (drawn | altered | given).items()}
    still = {name: of(_changed(mixed, change), name) for name, change in STILL_PHOTOS.items()}
    real = np.concatenate(list(photographs.values()))
    return {
        "photographs": {name: _figures(values) for name, values in photographs.items()},
        "other_kinds": {name: _figures(values, real) for name, values in unlike.items()},
        "changed_photographs": {name: _figures(values, real) for name, values in still.items()},
        "false_notices": _beyond(real), "true_notices": float(np.mean([_beyond(v) for v in unlike.values()])),
        "auroc": float(np.mean([auroc(v, real) for v in unlike.values()])),
    }


def auroc(unlike: np.ndarray, real: np.ndarray) -> float:
    """The area under the ROC curve: the share of pairs in which the first is higher; equal ones count half."""
    return float(((unlike[:, None] > real).mean() + (unlike[:, None] >= real).mean()) / 2)


def _figures(values: np.ndarray, real: np.ndarray | None = None) -> dict[str, float]:
    found = {"n": len(values), "notices": _beyond(values), "median": float(np.median(values))}
    return found if real is None else found | {"auroc": auroc(values, real)}


def _beyond(values: np.ndarray) -> float:
    return float((values > 1).mean())


def _photos(source: str) -> list[Source]:
    return [photo.source for photo in read_sources([source])]


def _spread(files: Sequence[Source], count: int) -> list[Source]:
    """So many of them, at equal distances."""
    return [files[i * len(files) // count] for i in range(count)] if count < len(files) else list(files)


def _opened(files: Sequence[Source]) -> Iterator[Photo]:
    """Those that can be read."""
    for file in files:
        try:
            yield Photo.open(file)
        except PhotoError:
            continue


def _drawn(draw: Draw, count: int) -> Iterator[Photo]:
    for i in range(count):
        yield Photo(np.asarray(draw(_generator(i))))


def _changed(files: Sequence[Source], change: Change) -> Iterator[Photo]:
    for i, photo in enumerate(_opened(files)):
        yield changed(photo, change, _generator(i))


def _generator(index: int) -> Generator:
    return np.random.default_rng([SEED, index])


def _folders(others: Path | None) -> list[Path]:
    if others is None:
        return []
    found = sorted(path for path in others.iterdir() if path.is_dir()) if others.is_dir() else []
    if not found:
        raise DataError(f"{others} holds no folder. Give a folder that has one folder of pictures for each kind.")
    return found


def _mapped(measured: Callable[[Photo], Any], photos: Iterable[Photo], name: str) -> np.ndarray:
    """[N, …], of each photo what is measured. Raises DataError where there is none."""
    found = [measured(photo) for photo in counted(photos, name)]
    if not found:
        raise DataError(f"{name} has no picture that can be read. Name another source.")
    return np.array(found)
