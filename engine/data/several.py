"""Questions of several data sets as one, each question with the name of its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from engine.structures.questions import (
    ChoiceQuestion,
    DataSet,
    OpenQuestion,
    Pictured,
    ReferringExpression,
    Skipped,
)

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)


@dataclass(frozen=True)
class Source:
    """One split of one folder."""

    folder: Path
    split: str

    @property
    def name(self) -> str:
        """As a command line and a report write it."""
        return f"{self.folder.name}:{self.split}"


def sources_of(data: Path | str | Sequence[Path | str], split: str) -> tuple[Source, ...]:
    """The folders of a command line.

    Args:
        data: folders, each "FOLDER" or "FOLDER:SPLIT"; one given twice counts twice
        split: of those that name none

    Returns:
        The sources, in the same order.
    """
    given = [data] if isinstance(data, Path | str) else data
    found = []
    for own in map(str, given):
        folder, _, named = (own, ":", split) if Path(own).is_dir() else own.rpartition(":")
        found.append(Source(Path(folder or named), named if folder else split))
    return tuple(found)


def together(sources: Sequence[Source], read: Callable[[Path, str], DataSet[Q]]) -> DataSet[Q]:
    """Read the questions of several sources.

    Args:
        sources: in the order of the questions; one given twice counts twice
        read: reads the questions of a folder's split

    Returns:
        The questions. A picture that several sources ask about stands once among the pictures.

    Raises:
        DataError: as `read` does
    """
    parts: dict[Source, DataSet[Q]] = {source: read(source.folder, source.split) for source in dict.fromkeys(sources)}
    if len(sources) == 1:
        return _named(parts[sources[0]], sources[0])
    pictures: list[Pictured] = []
    questions: list[Q] = []
    numbers: dict[object, int] = {}
    for source in sources:
        places = [_number(pictured, pictures, numbers) for pictured in parts[source].pictures]
        questions += [replace(q, picture=places[q.picture]) for q in _named(parts[source], source).questions]
    left_out = [data.skipped for data in parts.values()]
    skipped = Skipped(sum(one.count for one in left_out), [what for one in left_out for what in one.named][:3])
    return DataSet(tuple(pictures), tuple(questions), skipped, all(data.labelled for data in parts.values()),
                   "\n".join(dict.fromkeys(data.note for data in parts.values() if data.note)))


def _number(pictured: Pictured, pictures: list[Pictured], numbers: dict[object, int]) -> int:
    """The number of a picture among those of all sources, to which it is added unless it is there."""
    key = pictured.path, pictured.boxes, pictured.names
    if key not in numbers:
        numbers[key] = len(pictures)
        pictures.append(pictured)
    return numbers[key]


def _named(data: DataSet[Q], source: Source) -> DataSet[Q]:
    return replace(data, questions=tuple(replace(q, source=source.name) for q in data.questions))
