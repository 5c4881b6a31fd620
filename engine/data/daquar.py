"""Reader of DAQUAR: `qa_SPLIT.tsv` (image, question, answer) and `images/` (Malinowski and Fritz, NIPS 2014)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.data.album import Album
from engine.data.lines import BROKEN, byte_lines, found, reason
from engine.data.vqa_answers import comparable
from engine.errors import DataError
from engine.structures.questions import DataSet, OpenQuestion, Skipped

HEADER = ["image", "question", "answer"]


def read(folder: str | Path, split: str, limit: int | None = None) -> DataSet[OpenQuestion]:
    """The questions of a split, in file order. Several things in one answer stay one text, "book, papers".

    kind: "single" for an answer of one thing, "list" for several. limit: at most that many questions.
    Raises DataError where the file is missing or has another header, and where nothing can be used.
    """
    path = found(Path(folder) / f"qa_{split}.tsv")
    header, *lines = [line.decode("utf-8", errors="replace") for _, line in byte_lines(path)] or [""]
    if header.split("\t") != HEADER:
        raise DataError(f"{path} must start with the columns {', '.join(HEADER)}; it starts with {header[:80]!r}.")
    album, skipped = Album(), Skipped()
    usable: list[OpenQuestion] = []
    for number, line in enumerate(lines, 2):
        if limit is not None and len(usable) >= limit:
            break
        try:
            usable.append(replace(_question(line, album, path.parent / "images"), id=number))
        except BROKEN as error:
            skipped.add(f"line {number}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped)


def _question(line: str, album: Album, images: Path) -> OpenQuestion:
    columns = [" ".join(column.split()) for column in line.split("\t")]
    if len(columns) != len(HEADER) or not all(columns):
        raise DataError(f"{len(columns)} columns, {sum(map(bool, columns))} of them filled; expected {len(HEADER)}")
    image, question, answer = columns
    things = [_thing(thing) for thing in answer.split(",") if thing.strip()]
    if not things:
        raise DataError(f"the answer {answer!r} names nothing")
    return OpenQuestion(album.number(images / image), question, {", ".join(things): 1.0},
                        "single" if len(things) == 1 else "list")


def _thing(text: str) -> str:
    """Comparable as every answer is; the underscores stay, since DAQUAR joins the words of one thing by them."""
    return "_".join(comparable(word) for word in text.split("_"))
