"""A folder of scenes: `images/`, `scenes.jsonl` with everything asked, and `entities_SPLIT.jsonl` for pre-training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from engine.data.flickr8k import AnnotatedCaption
from engine.data.lines import BROKEN, byte_lines, reason
from engine.data.scenes.asking import ask
from engine.data.scenes.captions import captions
from engine.data.scenes.choosing import ask_with_choices
from engine.data.scenes.draw import SIDE
from engine.data.scenes.pointing import point_out
from engine.data.scenes.things import ATTRIBUTES
from engine.data.scenes.world import Scene, generator, scene
from engine.errors import DataError
from engine.progress import Progress, silent
from engine.structures.questions import (
    ChoiceQuestion,
    DataSet,
    Fractions,
    OpenQuestion,
    Pictured,
    ReferringExpression,
    TaggedText,
)

LINES = "scenes.jsonl"
QUALITY = 94  # of the JPEG files, with full colour
GROUP = 100  # entities of several things are counted from here, single things from 1

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)


@dataclass(frozen=True)
class Told:
    """All that is said of one scene and asked about it."""

    captions: tuple[AnnotatedCaption, ...]
    open: tuple[OpenQuestion, ...]
    choices: tuple[ChoiceQuestion, ...]
    referring: tuple[ReferringExpression, ...]


def told(of: Scene, seed: int, rounds: int = 1) -> Told:
    """The same for the same scene and seed. rounds: how often everything is asked; what was asked before is left out,
    so the first round is the same however many follow."""
    rng = generator(seed, of.index, "texts")
    said = captions(of, rng)
    asked = [(ask(of, rng), ask_with_choices(of, rng), point_out(of, rng)) for _ in range(rounds)]
    opened, chosen, pointed = zip(*asked, strict=True)
    return Told(said, _once(opened, lambda q: q.text), _once(chosen, lambda q: (q.question, q.answers[q.answer])),
                _once(pointed, lambda q: q.text))


def _once(rounds: Sequence[Sequence[Q]], said: Callable[[Q], object]) -> tuple[Q, ...]:
    """What was asked in several rounds, each thing that is `said` only the first time."""
    found: dict[object, Q] = {}
    for asked in rounds:
        for question in asked:
            found.setdefault(said(question), question)
    return tuple(found.values())


def write(folder: str | Path, count: int, seed: int, *, pairs: str = "all", split: str = "train", rounds: int = 1,
          progress: Progress = silent) -> None:
    """Draw scenes 0 to count - 1 and write them, whole or not at all: `scenes.jsonl` comes last and at once.

    pairs: "all"; "known", without the withheld pairs of colour and shape; or "novel", where every target is one of
    them. split: which `entities_SPLIT.jsonl` it is. rounds: how often everything is asked of a scene (see `told`).
    Raises DataError where nothing is wanted or a world is there.
    """
    folder = Path(folder)
    if count < 1 or rounds < 1:
        raise DataError(f"At least one scene can be drawn, and asked about once; not {count} and {rounds} times.")
    if (folder / LINES).exists():
        raise DataError(f"There are scenes in {folder} already. Choose another folder, or remove {folder / LINES}.")
    entities = folder / f"entities_{split}.jsonl"
    if entities.exists():
        raise DataError(f"{entities} is there already, with photos of its own. Choose another folder or --split.")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    parts = [path.with_name(path.name + ".part") for path in (entities, folder / LINES)]
    with parts[0].open("w", encoding="utf-8") as for_entities, parts[1].open("w", encoding="utf-8") as for_scenes:
        for index in range(count):
            drawn = scene(seed, index, pairs)
            said, image = told(drawn, seed, rounds), f"{index:05d}.jpg"
            Image.fromarray(drawn.photo().pixels).save(folder / "images" / image, quality=QUALITY, subsampling=0)
            for_entities.write(json.dumps(_entities(drawn, said, image)) + "\n")
            for_scenes.write(json.dumps(_line(drawn, said, image)) + "\n")
            progress(index + 1, count)
    for part in parts:
        os.replace(part, part.with_suffix(""))


def _line(drawn: Scene, said: Told, image: str) -> dict[str, Any]:
    """A scene as json; the fields of a question are those of its noun, without the picture."""
    questions = {name: [{k: v for k, v in asdict(q).items() if k != "picture"} for q in getattr(said, name)]
                 for name in ("open", "choices", "referring")}
    return {"image": image, "pairs": drawn.pairs, "background": asdict(drawn.background),
            "things": [asdict(t) for t in drawn.things], "captions": [asdict(c) for c in said.captions]} | questions


def _entities(drawn: Scene, said: Told, image: str) -> dict[str, Any]:
    """The scene in the form that `engine.data.flickr8k` reads."""
    named = sorted({p.boxes for c in said.captions for p in c.phrases if len(p.boxes) > 1})
    numbers = {(i,): i + 1 for i in range(len(drawn.things))} | {boxes: GROUP + k for k, boxes in enumerate(named)}
    return {"image": image, "width": SIDE, "height": SIDE, "whole_scene": [],
            "boxes": [{"entities": [n for boxes, n in numbers.items() if i in boxes], "box": t.box}
                      for i, t in enumerate(drawn.things)],
            "captions": [{"text": c.text, "phrases": [
                {"entity": numbers[p.boxes], "types": p.types, "start": p.start, "end": p.end} for p in c.phrases]}
                for c in said.captions]}


def open_questions(folder: str | Path) -> DataSet[OpenQuestion]:
    """The open questions. Raises DataError where the file is missing or a line is broken (named by its number)."""
    return _read(Path(folder), "open", lambda raw, picture: OpenQuestion(
        picture, str(raw["text"]), {str(a): float(s) for a, s in raw["answers"].items()}, str(raw["kind"]),
        _boxes(raw.get("boxes"))))


def choice_questions(folder: str | Path) -> DataSet[ChoiceQuestion]:
    """The questions with four answers and four rationales. Raises as `open_questions` does."""
    return _read(Path(folder), "choices", lambda raw, picture: ChoiceQuestion(
        picture, _tagged(raw["question"]), tuple(map(_tagged, raw["answers"])), int(raw["answer"]),
        tuple(map(_tagged, raw["rationales"])), int(raw["rationale"]), str(raw["kind"])))


def referring(folder: str | Path) -> DataSet[ReferringExpression]:
    """The referring expressions. Raises as `open_questions` does."""
    return _read(Path(folder), "referring", lambda raw, picture: ReferringExpression(
        picture, str(raw["text"]), tuple(int(b) for b in raw["boxes"]), kinds=tuple(map(str, raw["kinds"]))))


def _read(folder: Path, field: str, question: Callable[[dict[str, Any], int], Q]) -> DataSet[Q]:
    path = folder / LINES
    if not path.is_file():
        raise DataError(f"There is no {path}. Draw scenes: python -m engine scenes --out {folder} --count 1000.")
    pictures: list[Pictured] = []
    questions: list[Q] = []
    for number, line in byte_lines(path):
        try:
            raw = json.loads(line)
            pictures.append(_pictured(raw, folder / "images"))
            questions += [question(q, len(pictures) - 1) for q in raw[field]]
        except BROKEN as error:
            raise DataError(f"Line {number} of {path} is broken ({reason(error)}). Mend it or remove it.") from error
    return DataSet(tuple(pictures), tuple(questions))


def _pictured(raw: dict[str, Any], images: Path) -> Pictured:
    boxes: list[Fractions] = []
    for thing in raw["things"]:
        missing = [a for a in (*ATTRIBUTES, "box") if a not in thing]
        if missing:
            raise DataError(f"a thing lacks {', '.join(missing)}")
        x1, y1, x2, y2 = (float(v) for v in thing["box"])
        if not 0 <= x1 < x2 <= 1 or not 0 <= y1 < y2 <= 1:
            raise DataError(f"{[x1, y1, x2, y2]} is no box x1, y1, x2, y2 in fractions of the picture")
        boxes.append((x1, y1, x2, y2))
    return Pictured(images / str(raw["image"]), tuple(boxes), tuple(str(t["shape"]) for t in raw["things"]))


def _tagged(raw: dict[str, Any]) -> TaggedText:
    return TaggedText(tuple(map(str, raw["words"])), tuple(map(int, raw["tags"])))


def _boxes(raw: list[int] | None) -> tuple[int, ...] | None:
    """None for scenes that were drawn before questions said what they are about."""
    return None if raw is None else tuple(map(int, raw))
