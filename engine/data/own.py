"""One's own photos: a folder with pictures and one table, `photos.csv` or `photos.jsonl`.

    grounding   photo, phrase, x1, y1, x2, y2     {"photo": "cat.jpg", "phrase": "the cat", "box": [x1, y1, x2, y2]}
    vqa         photo, question, answer           {"photo": "cat.jpg", "question": "what color is it", "answer": "red"}

In photos.jsonl `answer` may be a list of right answers.

How boxes are written is decided once for the table (`engine.data.box_format`). A photo is named by its path in the
folder, or by a part of it that only one file has (`engine.data.photo_names`). Answers are normalised as VQA v2's are.
A line that cannot be used is left out and named by its number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.boxes_config import AUTO_BOXES, BoxesConfig
from engine.data.album import Album
from engine.data.box_format import BoxFormat, WrittenBox
from engine.data.lines import BROKEN, reason, text, written
from engine.data.own_table import COLUMNS, rows
from engine.data.photo_names import PhotoNames
from engine.data.plain_text import unescaped
from engine.data.unpack import PICTURES, TABLES, is_hidden, why_left_out
from engine.data.vqa_answers import comparable
from engine.errors import BoxError, DataError, PhotoError
from engine.structures.boxes import MAX_BOXES
from engine.structures.photo import Photo
from engine.structures.picture_kinds import HEAD_BYTES
from engine.structures.questions import DataSet, Fractions, OpenQuestion, Pictured, ReferringExpression, Skipped

MOST_LINES = 50_000


@dataclass(frozen=True)
class Entry:
    """One line, by its number. says: phrase or question. answer: of vqa; others: more that are right, too. box: of
    grounding."""

    photo: Path
    says: str
    answer: str = ""
    box: Fractions | None = None
    line: int = 0
    others: tuple[str, ...] = ()


@dataclass
class Table:
    """What a table holds. problems: "line 7: …", one for each line that cannot be used. note: how its boxes were
    taken, in words."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class _Line:
    """A line before its photo is found. box: as it is written."""

    number: int
    photo: str
    says: str
    answers: tuple[str, ...]
    box: object


def has_table(folder: Path) -> bool:
    """Whether this is a folder of one's own photos."""
    return any((folder / name).is_file() for name in TABLES)


def questions(folder: Path, limit: int | None = None) -> DataSet[OpenQuestion]:
    """Questions, each with what the table calls right. limit: of questions. Raises DataError."""
    table, album = read(folder, "vqa"), Album()
    asked = tuple(OpenQuestion(album.number(e.photo), e.says, dict.fromkeys((e.answer, *e.others), 1.0), id=e.line)
                  for e in table.entries[:limit])
    return DataSet(album.pictures, asked, _skipped(table))


def phrases(folder: Path, limit: int | None = None, boxes: BoxesConfig = AUTO_BOXES) -> DataSet[ReferringExpression]:
    """Read phrases; the boxes of a photo's phrases together are those that the photo is given.

    Args:
        folder: with photos and a table
        limit: of phrases
        boxes: how they are written

    Returns:
        The phrases. Its note says how the boxes were taken.

    Raises:
        DataError: as `read` does
    """
    table = read(folder, "grounding", boxes=boxes)
    own: dict[Path, list[Fractions]] = {}
    for entry in table.entries[:limit]:
        if entry.box is not None and entry.box not in own.setdefault(entry.photo, []):
            own[entry.photo].append(entry.box)
    numbers = {photo: number for number, photo in enumerate(own)}
    said = tuple(ReferringExpression(numbers[e.photo], e.says, (own[e.photo].index(e.box),), id=e.line)
                 for e in table.entries[:limit] if e.box is not None)
    pictures = tuple(Pictured(photo, tuple(found)) for photo, found in own.items())
    return DataSet(pictures, said, _skipped(table), note=table.note)


def read(folder: Path, task: str, fits: Callable[[str], object] = lambda says: None, *,
         boxes: BoxesConfig = AUTO_BOXES, left_out: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Read the table of a folder.

    Args:
        folder: with photos and one table
        task: what the table is for
        fits: raises VLBertError for a phrase or question that the model cannot take
        boxes: how they are written
        left_out: names of files that belong to the folder and are not in it, each with the reason

    Returns:
        The lines that can be used, and what is wrong with the others.

    Raises:
        DataError: there is no table or more than one, it lacks a column, the task has none, or its boxes could be
            written in more than one way
    """
    if task not in COLUMNS:
        raise DataError(f"One's own photos can teach {' and '.join(COLUMNS)}; for {task} take other data.")
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        raise DataError(f"{folder} must hold one table, {' or '.join(TABLES)}; it holds {len(found)}.")
    problems: dict[int, str] = {}
    lines = _lines(found[0], task, fits, problems)
    photos = _Photos(folder, left_out, [line.photo for line in lines])
    usable: list[tuple[_Line, Path, WrittenBox | None]] = []
    for line in lines:
        with _problem(line.number, problems):
            photo, size = photos[line.photo]
            usable.append((line, photo, WrittenBox.read(line.box, *size) if task == "grounding" else None))
    entries, note = _entries(usable, boxes, problems)
    return Table(entries, [f"line {number}: {problems[number]}" for number in sorted(problems)], note)


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """These entries as `photos.jsonl` of a folder that holds their photos."""
    lines = []
    for e in entries:
        line: dict[str, Any] = {"photo": e.photo.relative_to(folder).as_posix()}
        answer = [e.answer, *e.others] if e.others else e.answer
        line |= {"phrase": e.says, "box": e.box} if e.box is not None else {"question": e.says, "answer": answer}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    (folder / TABLES[1]).write_text("".join(lines), encoding="utf-8")


class _Photos:
    """The photos that the lines of a table name, each with its width and height."""

    def __init__(self, folder: Path, left_out: Mapping[str, str], names: Sequence[str]) -> None:
        self._root, self._left_out = folder.resolve(), left_out
        files = [path.relative_to(self._root).as_posix() for path in sorted(self._root.rglob("*"))
                 if path.is_file() and not path.is_symlink()]
        shown = [file for file in (*files, *left_out) if file not in TABLES and not is_hidden(file)]
        self._found = PhotoNames(shown).find(names)
        self._sizes: dict[Path, tuple[int, int] | DataError] = {}

    def __getitem__(self, name: str) -> tuple[Path, tuple[int, int]]:
        """Raises DataError where there is no such picture, or it is none that can be read."""
        found = self._found[name]
        if isinstance(found, DataError):
            raise found
        if found in self._left_out:
            raise DataError(self._left_out[found] or _no_picture(found))
        photo = self._root / found
        if photo not in self._sizes:
            self._sizes[photo] = _size(photo)
        size = self._sizes[photo]
        if isinstance(size, DataError):
            raise size
        return photo, size


def _size(photo: Path) -> tuple[int, int] | DataError:
    """Width and height of the upright photo, or why it is none."""
    if photo.suffix.lower() not in PICTURES:
        with photo.open("rb") as file:
            why = why_left_out(photo.name, file.read(HEAD_BYTES))
        return DataError(why or _no_picture(photo.name))
    try:
        return Photo.check(photo)
    except PhotoError as error:
        return DataError(str(error))


def _no_picture(name: str) -> str:
    return f"{name[:80]} is no picture by its name; it must end in {', '.join(PICTURES)}"


def _lines(table: Path, task: str, fits: Callable[[str], object], problems: dict[int, str]) -> list[_Line]:
    """The lines that say something; what is wrong with the others goes into `problems`."""
    lines = []
    for number, row in rows(table, task):
        with _problem(number, problems):
            if number > MOST_LINES:
                raise DataError(f"only the first {MOST_LINES} lines are read")
            if isinstance(row, DataError):
                raise row
            says = unescaped(text(row, "question" if task == "vqa" else "phrase"))
            answers = _answers(row) if task == "vqa" else ("",)
            fits(says)
            lines.append(_Line(number, written(row, "photo"), says, answers, row["box"] if task != "vqa" else None))
        if number > MOST_LINES:
            break
    return lines


def _answers(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The right answers of a line: one text, or in photos.jsonl a list of them."""
    given = row.get("answer")
    listed = [{"answer": own} for own in given] if isinstance(given, list) and given else [dict(row)]
    return tuple(dict.fromkeys(comparable(unescaped(text(own, "answer"))) for own in listed))


def _entries(usable: Sequence[tuple[_Line, Path, WrittenBox | None]], boxes: BoxesConfig,
             problems: dict[int, str]) -> tuple[list[Entry], str]:
    """The entries of lines whose photos are there, and what is said of their boxes."""
    form = BoxFormat.of([box for _, _, box in usable if box], boxes)
    entries, taken = [], []
    own: dict[Path, set[Fractions]] = {}
    for line, photo, written_box in usable:
        with _problem(line.number, problems):
            box = form.fractions(written_box) if written_box else None
            if written_box and box:
                if len(own.setdefault(photo, set()) | {box}) > MAX_BOXES:
                    raise BoxError(f"{photo.name} has {MAX_BOXES} other boxes already; no more fit")
                own[photo].add(box)
                taken.append(written_box)
            entries.append(Entry(photo, line.says, line.answers[0], box, line.number, line.answers[1:]))
    return entries, form.note(taken) if taken else ""


@contextmanager
def _problem(number: int, problems: dict[int, str]) -> Iterator[None]:
    """What is wrong with a line goes into `problems`."""
    try:
        yield
    except BROKEN as error:
        problems[number] = reason(error)


def _skipped(table: Table) -> Skipped:
    skipped = Skipped()
    for problem in table.problems:
        skipped.add(problem)
    return skipped
