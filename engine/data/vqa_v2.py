"""Reader of VQA v2: the official questions and annotations, and COCO's pictures of 2014."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.data.album import Album
from engine.data.lines import BROKEN, found, lists, reason, text
from engine.data.vqa_answers import soft_scores
from engine.errors import DataError
from engine.structures.questions import DataSet, OpenQuestion, Skipped

SPLITS = {"train": "train2014", "val": "val2014", "minival": "val2014", "valminusminival": "val2014"}


def read(folder: str | Path, split: str, limit: int | None = None) -> DataSet[OpenQuestion]:
    """The questions of a split, in file order, with the scores of people's answers; kind: the official answer type.

    folder: holds `train2014/` and `val2014/`, and the two json files themselves or in `vqa/`. Answers outside the
    published vocabulary stay. limit: at most that many questions. Raises DataError for another split (the test
    splits have no public answers), a file that is missing or no json, and where nothing can be used.
    """
    if split not in SPLITS:
        raise DataError(f"VQA v2 has answers for {', '.join(SPLITS)}, none for {split!r}. Choose one of those.")
    folder, images = Path(folder), SPLITS[split]
    questions = f"v2_OpenEnded_mscoco_{split}2014_questions.json"
    annotations = f"v2_mscoco_{split}2014_annotations.json"
    asked, = lists(found(folder / questions, folder / "vqa" / questions), "questions")
    given, = lists(found(folder / annotations, folder / "vqa" / annotations), "annotations")
    album, skipped = Album(), Skipped()
    answers = _by_question(given, skipped)
    usable: list[OpenQuestion] = []
    for raw in asked:
        if limit is not None and len(usable) >= limit:
            break
        try:
            usable.append(_question(raw, answers, album, folder / images))
        except BROKEN as error:
            skipped.add(f"question {_number(raw)}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped)


def _by_question(annotations: Sequence[dict[str, Any]], skipped: Skipped) -> dict[int, dict[str, Any]]:
    by_question: dict[int, dict[str, Any]] = {}
    for place, raw in enumerate(annotations, 1):
        try:
            by_question[int(raw["question_id"])] = raw
        except BROKEN as error:
            skipped.add(f"annotation {place}: {reason(error)}")
    return by_question


def _question(raw: dict[str, Any], answers: dict[int, dict[str, Any]], album: Album, images: Path) -> OpenQuestion:
    asked, number = text(raw, "question"), int(raw["question_id"])
    if number not in answers:
        raise DataError("it has no annotation")
    people = [str(a["answer"]) for a in answers[number]["answers"]]
    if not people:
        raise DataError("nobody answered it")
    picture = album.number(images / f"COCO_{images.name}_{int(raw['image_id']):012d}.jpg")
    return OpenQuestion(picture, asked, soft_scores(people), str(answers[number].get("answer_type", "")))


def _number(raw: object) -> object:
    return raw.get("question_id", "without a number") if isinstance(raw, dict) else repr(raw)
