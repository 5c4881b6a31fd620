"""Text files by lines, and files of json as data sets ship them: one object a file, or one object a line.

Every reader of lines uses `byte_lines` or `text_lines`, so all of them end a line at the same place and none of them
reads a byte-order mark as text.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.data.plain_text import visible
from engine.data.stand_ins import refuse_stand_in
from engine.errors import ConfigError, DataError
from engine.structures.questions import Skipped
from engine.wording import kind, shown

BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, OSError)  # by a broken entry


def byte_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as they are stored, without a byte-order mark and without their ends.

    A line ends at a line feed, which a carriage return may precede, and nowhere else: U+2028, U+0085 and a single
    carriage return, at which `str.splitlines` also splits, are characters of the text.

    Args:
        path: the file; it is read line by line.

    Yields:
        Number of the line, counted from 1, and its bytes.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            yield number, line.removesuffix(b"\n").removesuffix(b"\r")


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file as `byte_lines` splits it.

    Args:
        path: the file.

    Yields:
        Number of the line, counted from 1, and its text.

    Raises:
        DataError: a line is not UTF-8.
    """
    for number, line in byte_lines(path):
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"line {number} of {path} is not UTF-8. Save the file as UTF-8.") from error


def found(*places: Path) -> Path:
    """The first of these places where there is a file. Raises DataError that names them all, or where a pointer of Git
    LFS or a web page is there instead of the file."""
    for place in places:
        if place.is_file():
            refuse_stand_in(place, DataError)
            return place
    raise DataError(f"There is no file {' or '.join(str(p) for p in places)}. Put it there or name another folder.")


def refuse_negative(limit: int | None) -> None:
    """Raises ConfigError for a limit below 0, which a slice would count from the end."""
    if limit is not None and limit < 0:
        raise ConfigError(f"limit is {limit}; give how many of the first are taken, or leave it out for all.")


def document(path: Path, *keys: str) -> dict[str, Any]:
    """The one json object of a file. Raises DataError where there is no file, no json, or a key is missing."""
    raw = _json(found(path))
    missing = [k for k in keys if not isinstance(raw, dict) or k not in raw]
    if missing or not isinstance(raw, dict):
        raise DataError(f"{path} must hold a json object with {', '.join(keys)}; it lacks {', '.join(missing)}. "
                        "Is it the right file?")
    return raw


def lists(path: Path, *keys: str) -> tuple[list[Any], ...]:
    """The lists under these keys of a file's one json object. Raises DataError where one is missing or no list."""
    raw = document(path, *keys)
    for key in keys:
        if not isinstance(raw[key], list):
            raise DataError(f"{key} in {path} must be a list; it is {kind(raw[key])}. Is it the right file?")
    return tuple(raw[key] for key in keys)


def array(path: Path) -> list[Any]:
    """The one json list of a file. Raises DataError where there is no file, no json, or no list."""
    raw = _json(found(path))
    if not isinstance(raw, list):
        raise DataError(f"{path} must hold a json list; it holds {kind(raw)}. Is it the right file?")
    return raw


def records(path: Path, skipped: Skipped) -> Iterator[tuple[int, dict[str, Any]]]:
    """The json objects of a file with one a line, each with its line number from 1; blank lines do not matter.

    Lines that hold no json object are skipped. Raises DataError where there is no file, or not one line was json.
    """
    good = False
    for number, line in byte_lines(found(path)):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError) as error:
            skipped.add(f"line {number}: no json ({reason(error)})")
            continue
        if not isinstance(raw, dict):
            skipped.add(f"line {number}: {kind(raw)} where an object was expected")
            continue
        good = True
        yield number, raw
    if not good:
        raise DataError(f"{path} must hold one json object a line; there is none ({skipped}). Is it the right file?")


def written(record: dict[str, Any], key: str) -> str:
    """Read a text exactly as it is written.

    Args:
        record: one object of a data set
        key: of a text; a number, true or false counts as one, since in csv it is

    Returns:
        The text.

    Raises:
        DataError: there is no text, or nothing to see in it
        KeyError: there is no such key
    """
    value = record[key]
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str) or not visible(value).strip():
        raise DataError(f"{key} must be a text; it is {shown(value)}")
    return value


def text(record: dict[str, Any], key: str) -> str:
    """The same with single spaces for all white space. Raises as `written` does."""
    return " ".join(written(record, key).split())


def reason(error: Exception) -> str:
    """What was wrong with an entry, in words: Python's own words about types and indices say nothing to a reader."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {Path(error.filename).name:.60}"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, TypeError | AttributeError | IndexError | OverflowError):
        return "a part of it has another form than expected"
    return str(error)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not json ({reason(error)}). Fetch it anew.") from error
