"""Which reader a folder needs: told by the files in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import engine.data.scenes as world
from engine.boxes_config import AUTO_BOXES, BoxesConfig
from engine.data import daquar, own, phrases, refcoco, vcr, vqa_answers, vqa_v2
from engine.data.lines import refuse_negative
from engine.errors import ConfigError, DataError
from engine.structures.questions import ChoiceQuestion, DataSet, OpenQuestion, ReferringExpression

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)
SCENES = "scenes.jsonl"
PARTITIONS = ("unc", "umd", "google")  # of RefCOCO and RefCOCO+ the first, of RefCOCOg the others


def open_questions(folder: Path, split: str, limit: int | None = None, *,
                   labelled: bool = True) -> DataSet[OpenQuestion]:
    """Scenes and one's own photos (one folder is one split), DAQUAR or VQA v2. limit: of questions. labelled: whether
    splits whose right answers are not public are refused.

    Raises DataError, and ConfigError for a limit below 0.
    """
    refuse_negative(limit)
    if (folder / SCENES).is_file():
        return first(world.open_questions(folder), limit)
    if own.has_table(folder):
        return own.questions(folder, limit)
    if (folder / f"qa_{split}.tsv").is_file():
        return daquar.read(folder, split, limit)
    if others := sorted(path.stem.removeprefix("qa_") for path in folder.glob("qa_*.tsv")):
        raise DataError(f"{folder} has no split {split!r}; it has {', '.join(others)}. Choose one of them.")
    if not any(path for place in (folder, folder / "vqa") for path in place.glob("*_questions.json")):
        raise DataError(f"{folder} holds no {SCENES}, no photos.csv, no qa_{split}.tsv and no questions of VQA v2. "
                        "Point to a folder of scenes, of own photos, of DAQUAR or of VQA v2.")
    return vqa_v2.read(folder, split, limit, labelled=labelled)


def has_questions(folder: Path) -> bool:
    """Whether `open_questions` finds questions of some kind in a folder."""
    return (folder / SCENES).is_file() or own.has_table(folder) or any(folder.glob("qa_*.tsv")) or any(
        path for place in (folder, folder / "vqa") for path in place.glob("*_questions.json"))


def check_boxes(boxes: BoxesConfig, task: str, folder: Path) -> None:
    """Refuse a stated format of boxes that nothing makes use of.

    Args:
        boxes: what the user stated
        task: of fine-tuning
        folder: with the data

    Raises:
        ConfigError: the data are no boxes of one's own photos
    """
    if boxes.stated and (task != "grounding" or not own.has_table(folder)):
        raise ConfigError(f"{' and '.join(boxes.stated)} can only be given for grounding on one's own photos, with a "
                          f"table of boxes; {folder} is read for {task}. Leave that out.")


def first(data: DataSet[Q], limit: int | None) -> DataSet[Q]:
    """The first so many questions (all for None), and the pictures up to theirs. Raises DataError where none is left.
    """
    if limit is None:
        return data
    asked = data.questions[:limit]
    return replace(data, pictures=data.pictures[:max((q.picture for q in asked), default=-1) + 1], questions=asked)


def answers_of(folder: Path, data: DataSet[OpenQuestion]) -> tuple[str, ...]:
    """The vocabulary to train with: the field's 3,129 answers for VQA v2, every answer of the data elsewhere."""
    if (folder / SCENES).is_file():
        return world.ANSWERS
    if list(folder.glob("qa_*.tsv")) or own.has_table(folder):
        counts: dict[str, float] = {}
        for question in data.questions:
            for text, score in question.answers.items():
                counts[text] = counts.get(text, 0.0) + score
        return tuple(sorted(counts, key=lambda text: (-counts[text], text)))
    return vqa_answers.vocabulary()


def choice_questions(folder: Path, split: str, limit: int | None = None, *,
                     labelled: bool = True) -> DataSet[ChoiceQuestion]:
    """Scenes or VCR, whose masks are left out: features that are computed once take none. limit: of questions.
    labelled: whether splits whose right answers are not public are refused.

    Raises DataError, and ConfigError for a limit below 0.
    """
    refuse_negative(limit)
    if (folder / SCENES).is_file():
        return first(world.choice_questions(folder), limit)
    return vcr.read(folder, split, limit, masks=False, labelled=labelled)


def referring_expressions(folder: Path, split: str, limit: int | None = None,
                          boxes: BoxesConfig = AUTO_BOXES) -> DataSet[ReferringExpression]:
    """Scenes, one's own photos, Flickr30k Entities or RefCOCO. limit: of expressions; of photos for Flickr30k Entities.
    boxes: how those of one's own photos are written (see `check_boxes`).

    Of several partitions of RefCOCO the first of `PARTITIONS` is read; its pictures lie in `images/`, `train2014/` or
    `../train2014/`. Raises DataError, and ConfigError for a limit below 0.
    """
    refuse_negative(limit)
    if (folder / SCENES).is_file():
        return first(world.referring(folder), limit)
    if own.has_table(folder):
        return own.phrases(folder, limit, boxes)
    if (folder / f"entities_{split}.jsonl").is_file():
        return phrases.expressions(folder, split, limit)
    if not (folder / "instances.json").is_file():
        raise DataError(f"{folder} holds no {SCENES}, no photos.csv, no entities_{split}.jsonl and no instances.json. "
                        "Point to a folder of scenes, of own photos, of Flickr30k Entities or of RefCOCO.")
    there = [name for name in PARTITIONS if (folder / f"refs({name}).p").is_file()]
    if not there:
        raise DataError(f"{folder} holds instances.json, but none of "
                        f"{', '.join(f'refs({name}).p' for name in PARTITIONS)}. Put one there.")
    places = (folder / "images", folder / "train2014", folder.parent / "train2014")
    images = next((place for place in places if place.is_dir()), places[0])
    return refcoco.read(folder, split, images, there[0], limit=limit)
