"""Photos and a table that somebody hands over, as a zip or as single files, into a folder; nothing else gets in.

A zip is somebody else's: its names may point anywhere and its sizes may lie. Only pictures and tables are written, only
below the folder, only so many bytes as are allowed, counted while they are written. The folder appears whole or not at
all.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.errors import DataError
from engine.structures.picture_kinds import ENDINGS as PICTURES

TABLES = ("photos.csv", "photos.jsonl")
TABLE_KINDS = (".csv", ".jsonl")
BLOCK = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What is taken at most: files, bytes of one file, and bytes of all."""

    files: int = 5_000
    each: int = 64 * 1024**2
    whole: int = 2 * 1024**3


LIMITS = Limits()


def unpack(sources: Sequence[Path], folder: Path, limits: Limits = LIMITS) -> list[str]:
    """Fill `folder`, which must not exist, with the pictures and the one table of `sources`: one zip, or files.

    Returns the names that were left out, since they are neither. Raises DataError where a zip is damaged, encrypted,
    or points outside, where there is too much, and where there is not exactly one table.
    """
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        if len(sources) == 1 and sources[0].suffix.lower() == ".zip":
            left_out = _zip(sources[0], unfinished, limits)
        else:
            left_out = _files(sources, unfinished, limits)
        _name_table(unfinished)
        os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return left_out


def _zip(source: Path, folder: Path, limits: Limits) -> list[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > limits.files:
                raise DataError(f"The zip holds {len(members)} files; at most {limits.files} are taken. Split it.")
            left_out, budget = [], _Budget(limits)
            for member in members:
                target = _place(member, folder)
                if target is None:
                    left_out.append(member.filename)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed:
                    budget.copy(packed.read, target, member.filename)
            return left_out
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, NotImplementedError,
            RuntimeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"The zip cannot be read; it is damaged, encrypted or of an unknown kind ({error}). "
                        "Pack the photos again.") from error


def _place(member: zipfile.ZipInfo, folder: Path) -> Path | None:
    """Where a member belongs, or None for what is neither picture nor table. Raises DataError for a name or a link
    that leads out of the folder."""
    name = member.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or len(name) > 250:
        raise DataError(f"The zip holds {name[:80]!r}, a name that leads out of its folder. Pack the photos again.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"The zip holds {name[:80]!r}, which is a link and no file. Pack the files themselves.")
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    if hidden or path.suffix.lower() not in (*PICTURES, *TABLE_KINDS):
        return None
    target = folder / path
    if target.exists():
        raise DataError(f"The zip holds {name[:80]!r} twice. Pack the photos again.")
    return target


def _files(sources: Sequence[Path], folder: Path, limits: Limits) -> list[str]:
    if len(sources) > limits.files:
        raise DataError(f"There are {len(sources)} files; at most {limits.files} are taken. Choose fewer.")
    left_out, budget = [], _Budget(limits)
    for source in sources:
        if source.suffix.lower() not in (*PICTURES, *TABLE_KINDS) or source.name.startswith("."):
            left_out.append(source.name)
            continue
        if (folder / source.name).exists():
            raise DataError(f"Two files are called {source.name!r}. Rename one, or pack them into a zip.")
        with source.open("rb") as file:
            budget.copy(file.read, folder / source.name, source.name)
    return left_out


class _Budget:
    """Counts what is written, whatever a zip says of its sizes."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.written = limits, 0

    def copy(self, read: Callable[[int], bytes], target: Path, name: str) -> None:
        """Raises DataError where a file or all of them together grow too large."""
        own = 0
        with target.open("wb") as out:
            while block := read(BLOCK):
                own, self.written = own + len(block), self.written + len(block)
                if own > self.limits.each:
                    raise DataError(f"{name[:80]!r} has over {self.limits.each >> 20} MB. Make it smaller.")
                if self.written > self.limits.whole:
                    raise DataError(f"The files have over {self.limits.whole >> 20} MB together. Take fewer.")
                out.write(block)


def _name_table(folder: Path) -> None:
    """The one table gets its name, beside the photos. Raises DataError where there is none or several."""
    tables = sorted(p for p in folder.rglob("*") if p.suffix.lower() in TABLE_KINDS)
    if len(tables) != 1:
        names = ", ".join(p.name for p in tables) or "none"
        raise DataError(f"Among the files must be one table, a .csv or a .jsonl; there is {names}.")
    os.replace(tables[0], folder / TABLES[TABLE_KINDS.index(tables[0].suffix.lower())])
