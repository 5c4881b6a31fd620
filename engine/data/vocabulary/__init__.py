"""Names of what published detectors tell apart, one a line, synonyms after a comma, in the order of their outputs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine.data.nouns import BACKGROUND, RegionClasses
from engine.errors import ConfigError

FOLDER = Path(__file__).parent
OBJECTS = {80: "coco_objects", 1600: "visual_genome_objects"}  # by the number of classes, background left out


@cache
def names(file: str) -> tuple[tuple[str, ...], ...]:
    """Per class all its spellings, the usual one first."""
    lines = (FOLDER / f"{file}.txt").read_text(encoding="utf-8").split("\n")
    return tuple(tuple(word.strip().lower() for word in line.split(",")) for line in lines if line.strip())


def classes_of(count: int) -> RegionClasses:
    """The classes of a detector with `count` of them, background left out.

    Raises ConfigError where no published detector has that many.
    """
    if count not in OBJECTS:
        raise ConfigError(f"No names are known for {count} classes; COCO has 80 and Visual Genome 1600. "
                          "Use a detector of one of the two.")
    found = names(OBJECTS[count])
    aliases = {spelling: first for first, *more in found for spelling in (first, *more)}
    return RegionClasses((BACKGROUND, *(first for first, *_ in found)), aliases)
