"""The rows of a table of one's own photos, `photos.csv` or `photos.jsonl`, as they are written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.data.lines import byte_lines, reason
from engine.errors import DataError
from engine.wording import kind

COLUMNS = {"grounding": ("photo", "phrase", "x1", "y1", "x2", "y2"), "vqa": ("photo", "question", "answer")}
Row = tuple[int, dict[str, Any] | DataError]

_SEPARATOR = re.compile(r"\"?sep=([^\w\s\"]|\t)\"?\s*(?:\r\n|\r|\n|$)", re.IGNORECASE)  # Excel's first line


def rows(path: Path, task: str) -> Iterator[Row]:
    """Read a table.

    Args:
        path: a .csv, or a .jsonl
        task: one of `COLUMNS`, whose columns the table must have

    Yields:
        The number of a line, from 1, and what it holds by column, the four numbers of a box under "box"; or the error
        that says why the line cannot be read.

    Raises:
        DataError: the table has no such columns, or is no UTF-8 text
    """
    return _csv(path, task) if path.suffix == ".csv" else _jsonl(path)


def _csv(path: Path, task: str) -> Iterator[Row]:
    """Separated by comma, semicolon or tab, or by what a first line such as `sep=;` says."""
    lines = _decoded(path)
    stated = _SEPARATOR.match(lines)
    lines, before = (lines[stated.end():], 1) if stated else (lines, 0)
    header = lines.split("\n", 1)[0]
    separator = stated[1] if stated else max(",;\t", key=header.count)
    found = csv.reader(io.StringIO(lines, newline=""), delimiter=separator)
    columns = _columns(found, path.name, task, before + 1)
    while True:
        try:
            row = next(found)
        except StopIteration:
            return
        except csv.Error as error:
            yield found.line_num + before, DataError(str(error))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(columns):
            yield found.line_num + before, DataError(f"{len(row)} columns; expected {len(columns)}")
            continue
        named: dict[str, Any] = dict(zip(columns, row, strict=True))
        yield found.line_num + before, named | {"box": [named[c] for c in COLUMNS[task][2:]]}


def _decoded(path: Path) -> str:
    whole = path.read_bytes()
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = whole[:error.start].count(b"\n") + 1
        raise DataError(f"line {number} of {path.name} is not UTF-8. Save the table as UTF-8.") from error


def _columns(found: Iterator[list[str]], name: str, task: str, line: int) -> list[str]:
    wanted = f"line {line} of {name} must name the columns {', '.join(COLUMNS[task])}; it"
    try:
        columns = [column.strip().lower() for column in next(found, [])]
    except csv.Error as error:
        raise DataError(f"{wanted} cannot be read ({error}). Is a quote not closed?") from error
    missing = [column for column in COLUMNS[task] if column not in columns]
    if missing:
        raise DataError(f"{wanted} lacks {', '.join(missing)}.")
    return columns


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in byte_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, DataError(f"no json ({reason(error)})")
            continue
        yield number, row if isinstance(row, dict) else DataError(f"{kind(row)} where an object was expected")
