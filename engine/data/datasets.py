"""Which reader a folder needs: told by the files in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import engine.data.scenes as world
from engine.boxes_config import AUTO_BOXES, BoxesConfig
from engine.data import daquar, own, phrases, refcoco, vcr, vqa_answers, vqa_v2
from engine.data.lines import refuse_negative
from engine.data.questions import choosing
from engine.data.questions import reading as generated
from engine.data.several import Source
from engine.data.sources import read_sources
from engine.errors import ConfigError, DataError
from engine.structures.questions import ChoiceQuestion, DataSet, OpenQuestion, ReferringExpression

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)
SCENES = "scenes.jsonl"
PARTITIONS = ("unc", "umd", "google")  # of RefCOCO and RefCOCO+ the first, of RefCOCOg the others


def open_questions(folder: Path, split: str, limit: int | None = None, *,
                   labelled: bool = True) -> DataSet[OpenQuestion]:
    """Scenes and one's own photos (one folder is one split), DAQUAR, VQA v2, or questions generated from captions and
    boxes. limit: of questions; of photographs for generated ones. labelled: whether splits whose right answers are not
    public are refused.

    Raises DataError, and ConfigError for a limit below 0.
    """
    refuse_negative(limit)
    if (folder / SCENES).is_file():
        return first(world.open_questions(folder), limit)
    if own.has_table(folder):
        return own.questions(folder, limit)
    if (folder / f"qa_{split}.tsv").is_file() or (split in daquar.BLOCKS and (folder / "qa_train.tsv").is_file()):
        return daquar.read(folder, split, limit)
    if has_photographs(folder, split):
        return generated.open_questions(read_sources([f"{folder}:{split}"]), limit)
    if others := sorted(path.stem.removeprefix("qa_") for path in folder.glob("qa_*.tsv")):
        raise DataError(f"{folder} has no split {split!r}; it has {', '.join(others)}. Choose one of them.")
    if not any(path for place in (folder, folder / "vqa") for path in place.glob("*_questions.json")):
        raise DataError(f"{folder} holds no {SCENES}, no photos.csv, no qa_{split}.tsv, no entities_{split}.jsonl "
                        "and no questions of VQA v2. Point to a folder of scenes, of own photos, of DAQUAR, of "
                        "captions with boxes or of VQA v2.")
    return vqa_v2.read(folder, split, limit, labelled=labelled)


def has_questions(folder: Path) -> bool:
    """Whether `open_questions` finds questions of some kind in a folder."""
    return (folder / SCENES).is_file() or own.has_table(folder) or any(folder.glob("qa_*.tsv")) or any(
        path for place in (folder, folder / "vqa") for path in place.glob("*_questions.json"))


def check_boxes(boxes: BoxesConfig, task: str, *folders: Path) -> None:
    """Refuse a stated format of boxes that nothing makes use of.

    Args:
        boxes: what the user stated
        task: of fine-tuning
        folders: with the data

    Raises:
        ConfigError: the data are no boxes of one's own photos
    """
    for folder in folders if boxes.stated else ():
        if task != "grounding" or not own.has_table(folder):
            raise ConfigError(f"{' and '.join(boxes.stated)} can only be given for grounding on one's own photos, with "
                              f"a table of boxes; {folder} is read for {task}. Leave that out.")


def first(data: DataSet[Q], limit: int | None) -> DataSet[Q]:
    """The first so many questions (all for None), and the pictures up to theirs. Raises DataError where none is left.
    """
    if limit is None:
        return data
    asked = data.questions[:limit]
    return replace(data, pictures=data.pictures[:max((q.picture for q in asked), default=-1) + 1], questions=asked)


def has_photographs(folder: Path, split: str) -> bool:
    """Whether questions can be generated: annotated photographs are there, and no questions."""
    there = (folder / f"entities_{split}.jsonl").is_file() or (folder / f"boxes_{split}.jsonl").is_file()
    return there and not list(folder.glob("qa_*.tsv"))


def answers_of(sources: Sequence[Source], data: DataSet[OpenQuestion]) -> tuple[str, ...]:
    """Choose the vocabulary to train with.

    Args:
        sources: of the questions
        data: the questions

    Returns:
        The published answers of the sources that have some (VQA v2's 3,129, those of scenes), then every other answer
        of the data, the most frequent first. Spellings that are comparable, "teddy_bear" and "teddy bear", are one.
    """
    published = [own for source in sources for own in _published(source)]
    known = {vqa_answers.comparable(text) for text in published}
    if len(set(sources)) == 1 and published:
        return tuple(published)
    counts: dict[str, float] = {}
    for question in data.questions:
        for text, score in question.answers.items():
            counts[text] = counts.get(text, 0.0) + score
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    if len(set(sources)) == 1:
        return tuple(ordered)
    merged: dict[str, float] = {}
    for text in ordered:
        key = vqa_answers.comparable(text)
        merged[key] = merged.get(key, 0.0) + counts[text]
    first = {vqa_answers.comparable(text): text for text in reversed(ordered)}
    more = sorted(set(merged) - known, key=lambda key: (-merged[key], key))
    return (*dict.fromkeys(published), *(first[key] for key in more))


def _published(source: Source) -> tuple[str, ...]:
    if (source.folder / SCENES).is_file():
        return world.ANSWERS
    counted = (list(source.folder.glob("qa_*.tsv")) or own.has_table(source.folder)
               or has_photographs(source.folder, source.split))
    return () if counted else vqa_answers.vocabulary()


def choice_questions(folder: Path, split: str, limit: int | None = None, *,
                     labelled: bool = True) -> DataSet[ChoiceQuestion]:
    """Scenes, questions generated from captions and boxes, or VCR, whose masks are left out: features that are computed
    once take none. limit: of questions; of photographs for generated ones. labelled: whether splits whose right answers
    are not public are refused.

    Raises DataError, and ConfigError for a limit below 0.
    """
    refuse_negative(limit)
    if (folder / SCENES).is_file():
        return first(world.choice_questions(folder), limit)
    if has_photographs(folder, split):
        return choosing.choice_questions(read_sources([f"{folder}:{split}"]), limit)
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
