"""What was believed about the watched examples of a run, moment by moment (see `engine.training.watching`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import PhotoError
from engine.structures.photo import Photo
from studio.teaching.orders import ROOT, Places
from studio.teaching.runs import WATCHED, Run
from studio.views.photo import data_url

MOST_BYTES = 32 * 1024**2
SIDE = 640  # pixels of a picture as shown
LISTS = {"asked": ("regions", "choices", "truth"), "believed": ("probabilities", "answers", "attention")}


@dataclass(frozen=True)
class Examples:
    """asked: the questions; moments: (step, what was believed about each), steps ascending."""

    asked: tuple[Mapping[str, Any], ...] = ()
    moments: tuple[tuple[int, Sequence[Mapping[str, Any]]], ...] = ()

    def at(self, step: int) -> tuple[int, Sequence[Mapping[str, Any]]]:
        """The last moment that is not after `step`, else the first one."""
        return next((m for m in reversed(self.moments) if m[0] <= step), self.moments[0])

    def of(self, number: int) -> list[tuple[int, Mapping[str, Any]]]:
        """The moments of one example."""
        return [(step, beliefs[number]) for step, beliefs in self.moments]


NONE = Examples()


def read_examples(run: Run) -> Examples:
    """Those of a run; none where the file is missing, and without the lines that are damaged."""
    path = run.folder / WATCHED
    try:
        state = path.stat()
        return _read(path, state.st_size, state.st_mtime_ns)
    except OSError:
        return NONE


def picture(places: Places, run: Run, asked: Mapping[str, Any]) -> str:
    """The picture of an example as a data: URL, or nothing where it is gone or lies outside the folder of runs."""
    path = (ROOT / str(asked.get("photo", ""))).resolve()
    return _picture(path) if path.is_relative_to(places.runs) and path.is_file() else ""


@lru_cache(maxsize=64)
def _picture(path: Path) -> str:
    try:
        return data_url(Photo.open(path), SIDE)
    except PhotoError:
        return ""


@lru_cache(maxsize=8)
def _read(path: Path, size: int, changed: int) -> Examples:
    asked: tuple[Mapping[str, Any], ...] = ()
    moments: dict[int, Sequence[Mapping[str, Any]]] = {}
    with path.open("rb") as file:
        for line in file.read(MOST_BYTES).splitlines():
            try:
                raw = json.loads(line)
                if "asked" in raw:
                    asked, moments = tuple(_checked(a, "asked") for a in raw["asked"]), {}
                else:
                    beliefs, step = [_checked(b, "believed") for b in raw["believed"]], int(raw["step"])
                    if len(beliefs) == len(asked):
                        # A run that was resumed says again what it had to do again.
                        moments = {s: m for s, m in moments.items() if s < step} | {step: beliefs}
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
    return Examples(asked, tuple(moments.items())) if moments else NONE


def _checked(raw: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Raises TypeError or KeyError for what no run wrote."""
    if not all(isinstance(raw[name], list) for name in LISTS[kind]):
        raise TypeError(kind)
    if kind == "asked":
        boxes = [[float(v) for v in box] for box in raw["regions"]]
        if not isinstance(raw["text"], str) or any(len(box) != 4 for box in boxes):
            raise TypeError(kind)
        return {**raw, "regions": boxes, "choices": [str(c) for c in raw["choices"]]}
    return {**raw, "probabilities": [float(p) for p in raw["probabilities"]],
            "attention": [float(a) for a in raw["attention"]], "true": float(raw["true"]),
            "answers": [(str(text), float(p)) for text, p in raw["answers"]], "right": float(raw["right"]),
            "blind": None if raw["blind"] is None else float(raw["blind"])}
