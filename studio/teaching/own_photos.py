"""A visitor's own photos: unpacked, checked line by line, and kept under the name of their content."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.boxes_config import AUTO_BOXES, BoxesConfig
from engine.data.unpack import LIMITS, TABLES, Limits, is_hidden, unpack
from engine.errors import DataError, PhotoError
from engine.structures.photo import Photo

if TYPE_CHECKING:
    from engine.data import own

SHOWN = 6
ARRIVING = "arriving-"  # begins the name of what is being checked


@dataclass(frozen=True)
class Taken:
    """What was handed over. name: of its folder. problems: "line 7: …" for each line that is left out, and sentences
    about pictures that are; others: files that are neither picture nor table, without those that an operating system
    adds (.DS_Store). entries: what can be learned from; photos: how many of them there are. note: how the boxes were
    taken."""

    name: str
    entries: tuple[own.Entry, ...]
    problems: tuple[str, ...]
    others: tuple[str, ...]
    note: str = ""

    @property
    def photos(self) -> int:
        return len({entry.photo for entry in self.entries})


def take(files: Sequence[Path], task: str, folder: Path, fits: Callable[[str], object],
         limits: Limits = LIMITS, *, names: Sequence[str] = (), boxes: BoxesConfig = AUTO_BOXES) -> Taken:
    """Keep the files of a visitor, with the lines that can be used. Every photo that a line names is read whole.

    Args:
        files: one zip, or photos and a table
        task: what is to be taught
        folder: below which they are kept
        fits: raises VLBertError for words that the model cannot take
        limits: of what is taken
        names: what the visitor calls the files (default: as their paths end)
        boxes: how the boxes of the table are written (default: by their numbers)

    Returns:
        What can be used, and what was left out.

    Raises:
        DataError: nothing can be used, or the files are refused; nothing is kept then
    """
    from engine.data import own  # imports PyTorch, which takes seconds: the page is served before

    if not files:
        raise DataError("No files have come. Choose photos and a table, or a zip of both.")
    arrived = folder / f"{ARRIVING}{secrets.token_hex(6)}"
    try:
        left_out = unpack(files, arrived, limits, names)
        table = own.read(arrived, task, fits, boxes=boxes, left_out=left_out)
        good, problems = _readable(table)
        problems += [f"{why}." for name, why in left_out.items() if why and not any(why in p for p in problems)]
        if len({entry.photo for entry in good}) < 2:
            raise DataError("At least two photos with a line each are needed, one to learn from and one to measure on; "
                            f"{len({e.photo for e in good})} can be used. "
                            + " ".join(f"{problem.rstrip('.')}." for problem in problems[:5]))
        for name in TABLES:
            (arrived / name).unlink(missing_ok=True)
        root = arrived.resolve()
        own.write(root, good)
        kept = folder / f"{task}-{_digest(root)}"
        if not kept.exists():
            arrived.rename(kept)
        moved = tuple(replace(e, photo=kept / e.photo.relative_to(root)) for e in good)
        others = tuple(name for name, why in left_out.items() if not why and not is_hidden(name))
        return Taken(kept.name, moved, tuple(problems), others, table.note)
    finally:
        shutil.rmtree(arrived, ignore_errors=True)


def _readable(table: own.Table) -> tuple[list[own.Entry], list[str]]:
    """The entries whose photo can be read to its end, and all problems in the order of their lines."""
    broken: dict[Path, str] = {}
    for photo in {entry.photo for entry in table.entries}:
        try:
            Photo.open(photo.read_bytes())
        except PhotoError as error:
            broken[photo] = str(error)
    problems = table.problems + [f"line {e.line}: {e.photo.name}: {broken[e.photo]}" for e in table.entries
                                 if e.photo in broken]
    return ([entry for entry in table.entries if entry.photo not in broken],
            sorted(problems, key=lambda said: int(said.split()[1].rstrip(":"))))


def _digest(folder: Path) -> str:
    """Of the table and of the photos' contents."""
    key = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        key.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            key.update(hashlib.file_digest(file, "sha256").digest())
    return key.hexdigest()[:16]
