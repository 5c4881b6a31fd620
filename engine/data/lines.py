"""Files of json as data sets ship them: one object a file, or one object a line. What is wrong is said by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.data.plain_text import visible
from engine.errors import ConfigError, DataError
from engine.structures.questions import Skipped

BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, OSError)  # by a broken entry


def found(*places: Path) -> Path:
    """The first of these places where there is a file. Raises DataError that names them all."""
    for place in places:
        if place.is_file():
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
            raise DataError(f"{key} in {path} must be a list; it is {type(raw[key]).__name__}. Is it the right file?")
    return tuple(raw[key] for key in keys)


def array(path: Path) -> list[Any]:
    """The one json list of a file. Raises DataError where there is no file, no json, or no list."""
    raw = _json(found(path))
    if not isinstance(raw, list):
        raise DataError(f"{path} must hold a json list; it holds {type(raw).__name__}. Is it the right file?")
    return raw


def records(path: Path, skipped: Skipped) -> Iterator[tuple[int, dict[str, Any]]]:
    """The json objects of a file with one a line, each with its line number from 1; blank lines do not matter.

    Lines that hold no json object are skipped. Raises DataError where there is no file, or not one line was json.
    """
    good = False
    with found(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                raw = json.loads(line)
            except (ValueError, RecursionError) as error:
                skipped.add(f"line {number}: no json ({error})")
                continue
            if not isinstance(raw, dict):
                skipped.add(f"line {number}: {type(raw).__name__} where an object was expected")
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
        raise DataError(f"{key} must be a text; it is {value!r:.80}")
    return value


def text(record: dict[str, Any], key: str) -> str:
    """The same with single spaces for all white space. Raises as `written` does."""
    return " ".join(written(record, key).split())


def reason(error: Exception) -> str:
    """What was wrong with an entry, in words."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {Path(error.filename).name:.60}"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not json ({error}). Fetch it anew.") from error
