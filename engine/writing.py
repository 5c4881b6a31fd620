"""What all commands that write a file share: no input is overwritten, and a failed write is explained in words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from engine.errors import ConfigError, DiskError

FULL = (errno.ENOSPC, errno.EDQUOT)
REMEDIES = {
    errno.ENOENT: "Create its folder, or name another one",
    errno.ENOTDIR: "A file stands where a folder is needed; name another folder",
    errno.EEXIST: "A file stands where a folder is needed; name another folder",
    errno.EISDIR: "That is a folder; name a file",
    errno.EACCES: "Allow writing there, or name another folder",
    errno.EPERM: "Allow writing there, or name another folder",
    errno.EROFS: "That disk can only be read; name a folder on another one",
    errno.ENAMETOOLONG: "Give it a shorter name",
    errno.EFBIG: "Raise the limit on the size of files, or name a folder on another disk",
} | dict.fromkeys(FULL, "Free some space on this disk")


def remedy(number: int | None) -> str:
    """What to do about a write that failed.

    Args:
        number: errno of the failure, None where it is not known.

    Returns:
        The beginning of a sentence, without its full stop.
    """
    return REMEDIES.get(number or 0, "See that files can be written there")


def write_failed(what: str, error: OSError, kept: str = "") -> DiskError:
    """The error to raise for a write that failed.

    Args:
        what: what could not be written, as the beginning of a sentence: "The features of RUN".
        error: why.
        kept: what is still there, such as "; the one before it is kept".

    Returns:
        An error that names the cause and, by its errno, what to do.
    """
    return DiskError(f"{what} could not be written ({error.strerror or error}){kept}. {remedy(error.errno)}, then run "
                     "the same command again.")


def refuse_overwriting(out: Path, *read: Path | None) -> None:
    """Refuse a file to write that is one of those that are read.

    Links of both kinds and other spellings of a path are the same file.

    Args:
        out: the file to write.
        read: files that are read, and folders of them; None is left out.

    Raises:
        ConfigError: writing `out` would replace a file that is read or lies in such a folder.
    """
    try:
        written = out.stat()
    except OSError:
        return  # nothing is there that could be replaced
    for path in filter(None, read):
        if any(os.path.samestat(file.stat(), written) for file in _files(path, set())):
            inside = f"belongs to {path}, which" if path.is_dir() else "is a file that"
            raise ConfigError(f"{out} {inside} this command reads; it would be overwritten. Name another file to "
                              "write.")


def _files(path: Path, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str] | Path]:
    """The file, or all files of a folder and of those in it; `seen` ends loops of links."""
    if path.is_file():
        yield path
    elif path.is_dir() and (key := (path.stat().st_dev, path.stat().st_ino)) not in seen:
        seen.add(key)
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file():
                    yield entry
                elif entry.is_dir():
                    yield from _files(Path(entry.path), seen)
