"""The bundled photos, each with a caption worth masking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "assets" / "examples"


@dataclass(frozen=True)
class Example:
    """file: in assets/examples. shows: what a person sees in it. hide: the word of the caption to begin with."""

    file: str
    shows: str
    caption: str
    hide: str

    def read(self) -> bytes:
        return (FOLDER / self.file).read_bytes()


@cache
def all_examples() -> tuple[Example, ...]:
    """In the order of assets/examples/examples.json."""
    listed = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    return tuple(Example(**fields) for fields in listed)
