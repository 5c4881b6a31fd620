"""The answers of a model as files, in the formats of the test servers where there is one.

    vqa         json, [{"question_id": 262148000, "answer": "yes"}, …], as VQA v2's evaluation takes it
    vcr         csv, annot_id and the probabilities of the four answers and of the rationales given each answer, as
                VCR's leaderboard takes it
    grounding   json, of each expression the best of the given boxes and of the detector's own, as fractions

Where data give a question no number of its own, it has that of its place, counted from 0.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.structures.questions import CHOICES, DataSet
from engine.writing import write_failed

GIVEN = [f"rationale_conditioned_on_a{answer}" for answer in range(CHOICES)]
COLUMNS = ["annot_id", *(f"{group}_{choice}" for group in ("answer", *GIVEN) for choice in range(CHOICES))]


def write_answers(path: Path, task: str, data: DataSet[Any], answers: Mapping[int, Any]) -> None:
    """Write the answers in the order of the questions; the file appears whole or not at all.

    Args:
        path: of the file
        task: vqa, vcr or grounding
        data: the questions
        answers: by the number of a question, as `engine.measure.tasks.Measured` has them

    Raises:
        DiskError: the file cannot be written.
    """
    asked = {number: data.questions[number] for number in sorted(answers)}
    ids = {number: number if question.id is None else question.id for number, question in asked.items()}
    if task == "vqa":
        text = json.dumps([{"question_id": ids[n], "answer": answers[n]} for n in asked], ensure_ascii=False) + "\n"
    elif task == "vcr":
        text = _csv({ids[n]: answers[n] for n in asked})
    else:
        text = json.dumps([{"id": ids[n], "image": data.pictures[q.picture].path.name, "expression": q.text,
                            **answers[n]} for n, q in asked.items()], ensure_ascii=False, indent=1) + "\n"
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        raise write_failed(str(path), error) from error
    finally:
        partial.unlink(missing_ok=True)


def _csv(rows: Mapping[object, list[list[float]]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, groups in rows.items():
        # as many digits as float32 has, so that rounding makes no two choices alike
        writer.writerow([name, *(f"{value:.9g}" for group in groups for value in group)])
    return file.getvalue()
