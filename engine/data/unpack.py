"""Photos and a table that somebody hands over, as a zip or as single files, into a folder; nothing else gets in.

A zip is somebody else's: its names may point anywhere and its sizes may lie. Only pictures and tables are written, only
below the folder, only so many bytes as are allowed, counted while they are written. The folder appears whole or not at
all.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from engine.data.zip_names import names_of
from engine.errors import DataError, DiskError
from engine.structures.picture_kinds import ENDINGS as PICTURES
from engine.structures.picture_kinds import HEAD_BYTES, unread_kind

TABLES = ("photos.csv", "photos.jsonl")
TABLE_KINDS = (".csv", ".jsonl")
BLOCK = 1 << 20
LONGEST_NAME, LONGEST_PATH = 255, 1024  # bytes in UTF-8: what file systems take, and more than people write


@dataclass(frozen=True)
class Limits:
    """What is taken at most: files, bytes of one file, and bytes of all."""

    files: int = 5_000
    each: int = 64 * 1024**2
    whole: int = 2 * 1024**3


LIMITS = Limits()


def is_hidden(name: str) -> bool:
    """Whether a file belongs to an operating system or a program, and not to a person."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def why_left_out(name: str, head: bytes) -> str:
    """Say why a file that is no table and has no ending of a picture is left out.

    Args:
        name: of the file, without its folder
        head: its first bytes, `HEAD_BYTES` where it has so many

    Returns:
        A clause that names the kind of a picture that is not read; nothing for what is no picture.
    """
    kind = unread_kind(head)
    return f"{name[:80]} is {kind}, which is not read; save it as JPEG or PNG" if kind else ""


def unpack(sources: Sequence[Path], folder: Path, limits: Limits = LIMITS,
           names: Sequence[str] = ()) -> dict[str, str]:
    """Fill a folder with the pictures and the one table that somebody hands over.

    Args:
        sources: one zip, or files
        folder: must not exist
        limits: of what is taken
        names: what the files are called, in the order of `sources` (default: as their paths end)

    Returns:
        The names of the files that were left out, each with the reason, or with nothing where the file is neither
        picture nor table.

    Raises:
        DataError: a zip is damaged, encrypted or points outside its folder, there is too much, or there is not exactly
            one table
        DiskError: a file cannot be written
    """
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    names = names or [source.name for source in sources]
    arriving = _Arriving(unfinished, limits, "zip" if _is_zip(names) else "selection")
    try:
        if _is_zip(names):
            _zip(sources[0], arriving)
        else:
            _files(sources, names, arriving)
        _name_table(unfinished)
        os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return arriving.left_out


def _is_zip(names: Sequence[str]) -> bool:
    return len(names) == 1 and names[0].lower().endswith(".zip")


def _zip(source: Path, arriving: _Arriving) -> None:
    with _readable(), zipfile.ZipFile(source) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        arriving.check_count(len(members))
        for member, name in zip(members, names_of(archive, members, TABLE_KINDS), strict=True):
            if stat.S_ISLNK(member.external_attr >> 16):
                raise DataError(f"The zip holds {name[:80]!r}, which is a link and no file. Pack the files "
                                "themselves.")
            if member.flag_bits & 1:
                raise DataError("The zip is encrypted. Pack the photos without a password.")
            with archive.open(member) as packed:
                arriving.take(name, packed.read)


@contextmanager
def _readable() -> Iterator[None]:
    """What is wrong with a zip is said in words, one sentence for each cause."""
    try:
        yield
    except (DataError, DiskError):
        raise
    except NotImplementedError as error:
        raise DataError(f"The zip is packed in a way that is not read ({error}). Pack it as a plain zip.") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError,
            ValueError) as error:
        raise DataError(f"The zip cannot be read; it is damaged or no zip ({error}). Pack the photos again.") from error


def _files(sources: Sequence[Path], names: Sequence[str], arriving: _Arriving) -> None:
    arriving.check_count(len(sources))
    for source, name in zip(sources, names, strict=True):
        with source.open("rb") as file:
            arriving.take(name, file.read)


class _Arriving:
    """A folder that is filled: one rule for the names of all files, and a count of what is written.

    what: how messages call the files together.
    """

    def __init__(self, folder: Path, limits: Limits, what: str) -> None:
        self.folder, self.limits, self.what = folder, limits, what
        self.left_out: dict[str, str] = {}
        self.written = 0

    def check_count(self, files: int) -> None:
        """Raises DataError where there are too many."""
        if files > self.limits.files:
            raise DataError(f"The {self.what} holds {files} files; at most {self.limits.files} are taken. Hand over "
                            "fewer.")

    def take(self, name: str, read: Callable[[int], bytes]) -> None:
        """Write a file, or leave it out and say so. Raises DataError and DiskError."""
        name = name.replace("\\", "/").encode("utf-8", "replace").decode("utf-8")
        path = PurePosixPath(name)
        shown = f"The {self.what} holds {name[:80]!r}"
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
            raise DataError(f"{shown}, a name that leads out of its folder. Pack the photos again.")
        if path.suffix.lower() not in (*PICTURES, *TABLE_KINDS) or is_hidden(name):
            self.left_out[name] = "" if is_hidden(name) else why_left_out(path.name, read(HEAD_BYTES))
        elif too_long := _too_long(path):
            self.left_out[name] = too_long
        elif (self.folder / path).exists():
            raise DataError(f"{shown} twice. Rename one, or pack the folder into a zip.")
        else:
            self._copy(read, self.folder / path, name)

    def _copy(self, read: Callable[[int], bytes], target: Path, name: str) -> None:
        """Whatever a zip says of its sizes, bytes are counted. Raises DataError where there are too many."""
        own = 0
        with _writable(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            out = target.open("wb")
        with out:
            while block := read(BLOCK):
                own, self.written = own + len(block), self.written + len(block)
                if own > self.limits.each:
                    raise DataError(f"{name[:80]!r} has over {self.limits.each >> 20} MB. Make it smaller.")
                if self.written > self.limits.whole:
                    raise DataError(f"The files have over {self.limits.whole >> 20} MB together. Take fewer.")
                with _writable(name):
                    out.write(block)


def _too_long(path: PurePosixPath) -> str:
    """Why a name cannot be kept, or nothing."""
    longest, whole = max(len(os.fsencode(part)) for part in path.parts), len(os.fsencode(str(path)))
    if longest <= LONGEST_NAME and whole <= LONGEST_PATH:
        return ""
    size, most = (longest, LONGEST_NAME) if longest > LONGEST_NAME else (whole, LONGEST_PATH)
    return f"the name {path.name[:40]!r}… is too long: {size} bytes, of which {most} fit; rename the file"


@contextmanager
def _writable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(f"{name[:80]!r} could not be written: {error.strerror}.") from error


def _name_table(folder: Path) -> None:
    """The one table gets its name, beside the photos. Raises DataError where there is none or several."""
    tables = sorted(p for p in folder.rglob("*") if p.suffix.lower() in TABLE_KINDS)
    if len(tables) != 1:
        names = ", ".join(p.name for p in tables) or "none"
        raise DataError(f"Among the files must be one table, a .csv or a .jsonl; there is {names}.")
    os.replace(tables[0], folder / TABLES[TABLE_KINDS.index(tables[0].suffix.lower())])
