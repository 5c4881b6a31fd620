"""Reader of DAQUAR: `qa_SPLIT.tsv` (image, question, answer) and `images/` (Malinowski and Fritz, NIPS 2014)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.data.album import Album
from engine.data.lines import BROKEN, byte_lines, found, reason
from engine.data.vqa_answers import comparable
from engine.errors import DataError
from engine.structures.questions import DataSet, OpenQuestion, Skipped

HEADER = ["image", "question", "answer"]
BLOCKS = ("blocks_train", "blocks_dev")
BLOCK, EVERY, MARGIN = 50, 8, 5


def read(folder: str | Path, split: str, limit: int | None = None) -> DataSet[OpenQuestion]:
    """Read the questions of a split. Several things in one answer stay one text, "book, papers".

    Neighbouring image numbers show the same rooms, in the published splits, too. `blocks_train` and `blocks_dev` split
    the questions of qa_train.tsv and qa_dev.tsv together by blocks of image numbers instead.

    Args:
        folder: holds `qa_SPLIT.tsv` and `images/`
        split: of the file's name, or one of `BLOCKS`
        limit: at most that many questions

    Returns:
        The questions in file order; their kind is "single" for an answer of one thing, "list" for several.

    Raises:
        DataError: the file is missing or has another header, or nothing can be used
    """
    files = [Path(folder) / f"qa_{split}.tsv"]
    blocks = split in BLOCKS and not files[0].is_file()
    if blocks:
        files = [path for name in ("train", "dev") if (path := Path(folder) / f"qa_{name}.tsv").is_file()]
    album, skipped = Album(), Skipped()
    usable: list[OpenQuestion] = []
    for path in map(found, files):
        for number, line in _lines(path):
            if limit is not None and len(usable) >= limit:
                break
            if blocks and not in_split(line.split("\t")[0], split):
                continue
            try:
                usable.append(replace(_question(line, album, path.parent / "images"), id=number))
            except BROKEN as error:
                skipped.add(f"line {number}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped)


def in_split(image: str, split: str) -> bool:
    """Whether an image belongs to a split by blocks.

    Every eighth block of fifty image numbers is held out. Images less than `MARGIN` numbers from a held-out block are
    in neither split, since a room may go on there.

    Args:
        image: the name of its file, "image123.jpg"
        split: one of `BLOCKS`

    Returns:
        Whether it is one of the split's; False for a name without a number.
    """
    digits = re.search(r"\d+", image)
    if not digits:
        return False
    number = int(digits.group())
    if split == BLOCKS[1]:
        return _held_out(number)
    return not any(_held_out(near) for near in range(number - MARGIN, number + MARGIN + 1))


def _held_out(number: int) -> bool:
    return number // BLOCK % EVERY == EVERY // 2


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines after the header, each with its number. Raises DataError for another header."""
    header, *lines = [line.decode("utf-8", errors="replace") for _, line in byte_lines(path)] or [""]
    if header.split("\t") != HEADER:
        raise DataError(f"{path} must start with the columns {', '.join(HEADER)}; it starts with {header[:80]!r}.")
    return iter(enumerate(lines, 2))


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
