"""The files of a feature cache while they are made: kept photo by photo, and continued after an interruption.

`features.f16` and `boxes.f32` grow, `rows.jsonl` has a line for each photo that is done, and `begun.json` says of what.
The last file, `index.json`, replaces these two: a folder with an index is complete.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.errors import PhotoError
from engine.progress import Progress
from engine.writing import write_failed

KEPT_EVERY = 10.0  # seconds between two moments at which all that is done is on the disk
BEGUN, ROWS, INDEX = "begun.json", "rows.jsonl", "index.json"

# Of a photo: how many of its boxes are annotated, all boxes [K, 4] as fractions, their features [K, D]; or why it
# cannot be read.
Found = tuple[int, Tensor, Tensor] | PhotoError


class HasBoxes(Protocol):
    """A picture on disk and the boxes that came with it, as fractions."""

    @property
    def path(self) -> Path: ...

    @property
    def boxes(self) -> Sequence[Sequence[float]]: ...


def write(folder: str | Path, photos: Sequence[HasBoxes], found: Callable[[int], Iterator[Found]],
          progress: Progress, made: Mapping[str, Any] | None = None) -> None:
    """Write the files of a cache, or continue those that an interrupted call left for the same photos and `made`.

    Args:
        folder: of the cache
        photos: in the order of the cache
        found: gives what belongs to each photo, from that of a number on
        progress: called after each photo
        made: what the features are made from, kept in the index

    Raises:
        DiskError: the disk is full or refuses.
    """
    folder = Path(folder)
    begun = {"made": dict(made or {}), "images": [photo.path.name for photo in photos]}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as closing:
            files = _Growing(folder, begun, closing)
            try:
                for given in found(len(files.rows)):
                    files.add(photos[len(files.rows)], given)
                    progress(len(files.rows), len(photos))
            except BaseException:
                with suppress(OSError):  # the first error is the one to report
                    files.keep()
                raise
            files.keep()
        _finish(folder, begun, files.rows)
    except OSError as error:
        raise write_failed(f"The features in {folder}", error, "; what is done is kept") from error


class _Growing:
    """The two files and the lines about them. rows: of each photo that is done its line."""

    def __init__(self, folder: Path, begun: dict[str, Any], closing: ExitStack) -> None:
        self.rows, line_bytes = _kept(folder, begun)
        mode = "r+b" if self.rows else "wb"
        self._features, self._boxes, self._lines = (
            closing.enter_context((folder / name).open(mode)) for name in ("features.f16", "boxes.f32", ROWS))
        if self.rows:
            features, boxes = _sizes(self.rows)
            for file, size in ((self._features, features), (self._boxes, boxes), (self._lines, line_bytes)):
                file.truncate(size)
                file.seek(size)
        else:
            (folder / BEGUN).write_text(json.dumps(begun))
        self._waiting: list[bytes] = []
        self._last = time.monotonic()

    def add(self, photo: HasBoxes, found: Found) -> None:
        """What belongs to the next photo."""
        if isinstance(found, PhotoError):
            row: dict[str, Any] = {"annotated": len(photo.boxes), "rows": 0, "width": 0, "unreadable": str(found)}
        else:
            given, boxes, features = found
            self._features.write(features.to(torch.float16).numpy().tobytes())
            self._boxes.write(boxes.float().numpy().tobytes())
            row = {"annotated": given, "rows": len(boxes), "width": features.shape[1]}
        self.rows.append(row)
        self._waiting.append(json.dumps(row).encode() + b"\n")
        if time.monotonic() - self._last >= KEPT_EVERY:
            self.keep()

    def keep(self) -> None:
        """Write everything to the disk, the lines last: each line promises that its features are there."""
        for file in (self._features, self._boxes):
            file.flush()
            os.fsync(file.fileno())
        self._lines.write(b"".join(self._waiting))
        self._lines.flush()
        self._waiting.clear()
        self._last = time.monotonic()


def _kept(folder: Path, begun: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The lines of photos whose features are there, and how many bytes these lines take; none where `folder` was begun
    for something else."""
    rows: list[dict[str, Any]] = []
    length, sizes = 0, (0, 0)
    try:
        if json.loads((folder / BEGUN).read_text()) != json.loads(json.dumps(begun)):
            return [], 0
        there = [(folder / name).stat().st_size for name in ("features.f16", "boxes.f32")]
        for line in (folder / ROWS).read_bytes().splitlines(keepends=True):
            row = json.loads(line)
            sizes = _sizes([row], sizes)
            if not line.endswith(b"\n") or sizes[0] > there[0] or sizes[1] > there[1]:
                break
            rows.append(row)
            length += len(line)
    except (OSError, ValueError, KeyError, TypeError):  # a line that a power failure cut short
        pass
    return rows, length


def _sizes(rows: Sequence[Mapping[str, Any]], before: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """Bytes of the features and of the boxes of these lines."""
    return (before[0] + sum(2 * row["rows"] * row["width"] for row in rows),
            before[1] + sum(4 * 4 * row["rows"] for row in rows))


def _finish(folder: Path, begun: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """The index, whole, in the place of what only an interrupted call needs."""
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + row["rows"])
    unreadable = {number: row["unreadable"] for number, row in enumerate(rows) if "unreadable" in row}
    index = {"images": begun["images"], "starts": starts, "annotated": [row["annotated"] for row in rows],
             "rows": starts[-1], "width": max((row["width"] for row in rows), default=0), "made": begun["made"],
             "unreadable": unreadable}
    partial = folder / "index.partial"
    partial.write_text(json.dumps(index))
    partial.replace(folder / INDEX)
    for name in (BEGUN, ROWS):
        (folder / name).unlink(missing_ok=True)
