"""One's own photos: a folder with pictures and one table, `photos.csv` or `photos.jsonl`.

    grounding   photo, phrase, x1, y1, x2, y2     {"photo": "cat.jpg", "phrase": "the cat", "box": [x1, y1, x2, y2]}
    vqa         photo, question, answer           {"photo": "cat.jpg", "question": "what color is it", "answer": "red"}

Boxes are pixels of the upright photo, or fractions of it where no number exceeds 1. Photos are named by their path in
the folder, or by its end where only one has it. A line that cannot be used is left out and named by number.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from engine.data.album import Album, fractions
from engine.data.lines import BROKEN, byte_lines, reason, text
from engine.data.unpack import PICTURES, TABLES
from engine.errors import DataError, PhotoError
from engine.structures.boxes import MAX_BOXES
from engine.structures.photo import Photo
from engine.structures.questions import DataSet, Fractions, OpenQuestion, Pictured, ReferringExpression, Skipped
from engine.wording import kind, shown

COLUMNS = {"grounding": ("photo", "phrase", "x1", "y1", "x2", "y2"), "vqa": ("photo", "question", "answer")}
MOST_LINES = 50_000
MOST_CHARACTERS = 300


@dataclass(frozen=True)
class Entry:
    """One line, by its number. says: phrase or question. answer: of vqa. box: of grounding."""

    photo: Path
    says: str
    answer: str = ""
    box: Fractions | None = None
    line: int = 0


@dataclass
class Table:
    """What a table holds. problems: "line 7: …", one for each line that cannot be used."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def has_table(folder: Path) -> bool:
    """Whether this is a folder of one's own photos."""
    return any((folder / name).is_file() for name in TABLES)


def questions(folder: Path, limit: int | None = None) -> DataSet[OpenQuestion]:
    """Questions with one answer each. limit: of questions. Raises DataError."""
    table, album = read(folder, "vqa"), Album()
    asked = tuple(OpenQuestion(album.number(e.photo), e.says, {e.answer: 1.0}, id=e.line)
                  for e in table.entries[:limit])
    return DataSet(album.pictures, asked, _skipped(table))


def phrases(folder: Path, limit: int | None = None) -> DataSet[ReferringExpression]:
    """Phrases, whose boxes together are those that their photo is given. limit: of phrases. Raises DataError."""
    table = read(folder, "grounding")
    boxes: dict[Path, list[Fractions]] = {}
    for entry in table.entries[:limit]:
        if entry.box is not None and entry.box not in boxes.setdefault(entry.photo, []):
            boxes[entry.photo].append(entry.box)
    numbers = {photo: number for number, photo in enumerate(boxes)}
    said = tuple(ReferringExpression(numbers[e.photo], e.says, (boxes[e.photo].index(e.box),), id=e.line)
                 for e in table.entries[:limit] if e.box is not None)
    return DataSet(tuple(Pictured(photo, tuple(own)) for photo, own in boxes.items()), said, _skipped(table))


def read(folder: Path, task: str, fits: Callable[[str], object] = lambda says: None) -> Table:
    """The table of a folder. fits: raises VLBertError for a phrase or question that the model cannot take.

    Raises DataError where there is no table or more than one, where it lacks a column, and for tasks without one.
    """
    if task not in COLUMNS:
        raise DataError(f"One's own photos can teach {' and '.join(COLUMNS)}; for {task} take other data.")
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        raise DataError(f"{folder} must hold one table, {' or '.join(TABLES)}; it holds {len(found)}.")
    rows = _csv if found[0].suffix == ".csv" else _jsonl
    finder, table = _Finder(folder), Table()
    boxes: dict[Path, set[Fractions | None]] = {}
    for number, row in rows(found[0], task):
        try:
            if number > MOST_LINES:
                raise DataError(f"only the first {MOST_LINES} lines are read")
            if isinstance(row, DataError):
                raise row
            entry = _entry(row, task, finder)
            fits(entry.says)
            own = boxes.setdefault(entry.photo, set())
            if len(own | {entry.box}) > MAX_BOXES:
                raise DataError(f"{entry.photo.name} has {MAX_BOXES} other boxes already; no more fit")
            own.add(entry.box)
            table.entries.append(replace(entry, line=number))
        except BROKEN as error:
            table.problems.append(f"line {number}: {reason(error)}")
            if number > MOST_LINES:
                break
    return table


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """These entries as `photos.jsonl` of a folder that holds their photos."""
    lines = []
    for e in entries:
        line: dict[str, Any] = {"photo": e.photo.relative_to(folder).as_posix()}
        line |= {"phrase": e.says, "box": e.box} if e.box is not None else {"question": e.says, "answer": e.answer}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    (folder / TABLES[1]).write_text("".join(lines), encoding="utf-8")


class _Finder:
    """The photos of a folder and their sizes; each is looked at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._sizes: dict[Path, tuple[int, int] | DataError] = {}
        self._named: dict[str, list[Path]] = {}
        for path in sorted(self.folder.rglob("*")):
            if path.suffix.lower() in PICTURES and path.is_file() and not path.is_symlink():
                self._named.setdefault(path.name, []).append(path)

    def photo(self, name: str) -> Path:
        """Raises DataError where there is no such picture in the folder."""
        wanted = PurePosixPath(name.replace("\\", "/"))
        alike = [p for p in self._named.get(wanted.name, ()) if p.parts[-len(wanted.parts):] == wanted.parts]
        exact = self.folder / wanted
        if exact in alike or len(alike) == 1:
            return exact if exact in alike else alike[0]
        raise DataError(f"there is no picture {name[:80]!r}" if not alike else
                        f"{len(alike)} pictures are called {name[:80]!r}; give the folder, too")

    def size(self, photo: Path) -> tuple[int, int]:
        """Width and height of the upright photo. Raises DataError where it is no picture."""
        if photo not in self._sizes:
            try:
                self._sizes[photo] = Photo.check(photo)
            except PhotoError as error:
                self._sizes[photo] = DataError(str(error))
        size = self._sizes[photo]
        if isinstance(size, DataError):
            raise size
        return size


def _entry(row: dict[str, Any], task: str, finder: _Finder) -> Entry:
    photo = finder.photo(text(row, "photo"))
    width, height = finder.size(photo)
    if task == "vqa":
        return Entry(photo, _short(row, "question"), answer=_short(row, "answer").lower())
    corners = _corners(row["box"])
    whole = (1.0, 1.0) if max(corners) <= 1 else (width, height)
    return Entry(photo, _short(row, "phrase"), box=fractions(corners, *whole))


def _short(row: dict[str, Any], key: str) -> str:
    value = text(row, key)
    if len(value) > MOST_CHARACTERS:
        raise DataError(f"the {key} has {len(value)} characters; at most {MOST_CHARACTERS} fit")
    return value


def _csv(path: Path, task: str) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Rows by column, with the number of the line they end at; separated by comma, semicolon or tab."""
    whole = path.read_bytes()
    try:
        lines = whole.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = whole[:error.start].count(b"\n") + 1
        raise DataError(f"line {number} of {path.name} is not UTF-8. Save the table as UTF-8.") from error
    header = lines.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=separator)
    try:
        columns = [c.strip().lower() for c in next(rows, [])]
    except csv.Error as error:
        raise DataError(f"line 1 of {path.name} must name the columns {', '.join(COLUMNS[task])}; it cannot be read "
                        f"({error}). Is a quote not closed?") from error
    missing = [c for c in COLUMNS[task] if c not in columns]
    if missing:
        raise DataError(f"line 1 of {path.name} must name the columns {', '.join(COLUMNS[task])}; "
                        f"it lacks {', '.join(missing)}.")
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield rows.line_num, DataError(str(error))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(columns):
            yield rows.line_num, DataError(f"{len(row)} columns; expected {len(columns)}")
            continue
        named: dict[str, Any] = dict(zip(columns, row, strict=True))
        yield rows.line_num, named | {"box": [named[c] for c in COLUMNS[task][2:]]}


def _jsonl(path: Path, task: str) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """The objects of a file with one a line, with their line numbers."""
    for number, line in byte_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, DataError(f"no json ({reason(error)})")
            continue
        yield number, row if isinstance(row, dict) else DataError(f"{kind(row)} where an object was expected")


def _corners(box: object) -> list[float]:
    """Four numbers. Raises DataError."""
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"the box must be four numbers x1, y1, x2, y2; it is {shown(box)}")
    try:
        return [float(v) for v in box]
    except (TypeError, ValueError) as error:
        raise DataError(f"the box must be four numbers x1, y1, x2, y2; it is {', '.join(map(str, box)):.80}") from error


def _skipped(table: Table) -> Skipped:
    skipped = Skipped()
    for problem in table.problems:
        skipped.add(problem)
    return skipped
