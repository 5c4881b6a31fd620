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
UNLABELLED = {"test": "test2015", "test-dev": "test2015"}  # their right answers are not public


def read(folder: str | Path, split: str, limit: int | None = None, *, labelled: bool = True) -> DataSet[OpenQuestion]:
    """The questions of a split, in file order, with the scores of people's answers; kind: the official answer type.

    folder: holds `train2014/` and `val2014/`, and the two json files themselves or in `vqa/`. Answers outside the
    published vocabulary stay. limit: at most that many questions. labelled: without it the test splits are read, too,
    whose questions have no answers; their pictures lie in `test2015/`. Raises DataError for another split, a file that
    is missing or no json, and where nothing can be used.
    """
    if split not in SPLITS and (labelled or split not in UNLABELLED):
        raise DataError(f"VQA v2 has answers for {', '.join(SPLITS)}, none for {split!r}. Choose one of those"
                        + ("; `evaluate --answers` writes the model's own for the test server."
                           if split in UNLABELLED else "."))
    folder, images = Path(folder), (SPLITS | UNLABELLED)[split]
    questions = f"v2_OpenEnded_mscoco_{split}{images[-4:]}_questions.json"
    asked, = lists(found(folder / questions, folder / "vqa" / questions), "questions")
    album, skipped = Album(), Skipped()
    answers = _annotations(folder, split, skipped) if split in SPLITS else None
    usable: list[OpenQuestion] = []
    for raw in asked:
        if limit is not None and len(usable) >= limit:
            break
        try:
            usable.append(_question(raw, answers, album, folder / images))
        except BROKEN as error:
            skipped.add(f"question {_number(raw)}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped, labelled=answers is not None)


def _annotations(folder: Path, split: str, skipped: Skipped) -> dict[int, dict[str, Any]]:
    """By the number of a question what people answered."""
    file = f"v2_mscoco_{split}2014_annotations.json"
    given, = lists(found(folder / file, folder / "vqa" / file), "annotations")
    return _by_question(given, skipped)


def _by_question(annotations: Sequence[dict[str, Any]], skipped: Skipped) -> dict[int, dict[str, Any]]:
    by_question: dict[int, dict[str, Any]] = {}
    for place, raw in enumerate(annotations, 1):
        try:
            by_question[int(raw["question_id"])] = raw
        except BROKEN as error:
            skipped.add(f"annotation {place}: {reason(error)}")
    return by_question


def _question(raw: dict[str, Any], answers: dict[int, dict[str, Any]] | None, album: Album,
              images: Path) -> OpenQuestion:
    """answers: by the number of a question; None where they are not public."""
    asked, number = text(raw, "question"), int(raw["question_id"])
    scores: dict[str, float] = {}
    if answers is not None:
        if number not in answers:
            raise DataError("it has no annotation")
        people = [str(a["answer"]) for a in answers[number]["answers"]]
        if not people:
            raise DataError("nobody answered it")
        scores = soft_scores(people)
    picture = album.number(images / f"COCO_{images.name}_{int(raw['image_id']):012d}.jpg")
    kind = str(answers[number].get("answer_type", "")) if answers is not None else ""
    return OpenQuestion(picture, asked, scores, kind, id=number)


def _number(raw: object) -> object:
    return raw.get("question_id", "without a number") if isinstance(raw, dict) else repr(raw)
