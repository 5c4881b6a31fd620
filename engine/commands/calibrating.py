"""Commands about calibrated probabilities: `calibrate` and `evaluate calibration`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.shared import WEIGHTS, check_targets, detector_of, write
from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from engine.data.flickr8k import AnnotatedPhoto
    from engine.measure.calibration import AnswerPredictions
    from engine.predictor import Predictor

FITTED = ("words", "regions", "classes")  # heads of pre-training and of the detector


def add_calibrate(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", choices=("pretraining", "vqa"), help="masked words, masked regions and the detector's "
                   "classes, whose temperatures go to calibration.json of the weights; or the answers of an adapter, "
                   "whose file is written again with its temperature")
    p.add_argument("--data", type=Path, nargs="+", required=True, help="folders as `evaluate pretraining` and "
                   "`evaluate vqa` take them; all together give one temperature for each head")
    p.add_argument("--split", default="dev", help="no split that was trained on (default dev)")
    p.add_argument("--limit", type=int, default=None, help="only the first so many photos or questions of each folder")
    p.add_argument("--given-boxes", action="store_true",
                   help="pretraining: the annotated boxes are the regions (default: the detector's own)")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--adapter", type=Path, default=None, help="vqa: the adapter (default: the one in the weights)")
    p.add_argument("--json", default="-", help="file for the figures; - is standard output")
    p.set_defaults(run_command=_calibrate)


def _calibrate(options: argparse.Namespace) -> None:
    from engine.memory import keep_freed_memory
    from engine.predictor import Predictor

    check_targets(options, *options.data)
    keep_freed_memory()
    if options.what == "vqa":
        write(_fit_answers(options, Predictor.load(options.weights)), options.json)
        return
    if options.adapter:
        raise ConfigError("--adapter has no use for pretraining; leave it out.")
    photos = [photo for folder in options.data for photo in _photos(folder, options.split, options.limit)]
    write(_fit_heads(options, Predictor.load(options.weights, calibrated=False), photos), options.json)


def _fit_heads(options: argparse.Namespace, predictor: Predictor, photos: list[AnnotatedPhoto]) -> dict[str, Any]:
    from engine.measure.calibration import predictions
    from engine.weights.calibration import Temperatures, write_temperatures

    found, figures, fitted = predictions(predictor, photos, given_boxes=options.given_boxes), {}, {}
    for name in FITTED:
        before, fitted[name] = found[name].figures(), found[name].fitted()
        found[name].temperature = fitted[name]
        figures[name] = {"before": before, "after": found[name].figures()}
    sys.stderr.write(f"{write_temperatures(options.weights, Temperatures(**fitted))}\n")
    return figures | {"n_images": len(photos)}


def _fit_answers(options: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    from engine.measure.calibration import AnswerPredictions
    from engine.weights.adapters import read_info, write_adapter
    from engine.weights.files import read_tensors

    path = _adapter(options, predictor)
    pooled = AnswerPredictions(1.0)
    for folder in options.data:
        own = _answers(options, predictor, path, folder)
        pooled.logits += own.logits
        pooled.right += own.right
    before, pooled.temperature = pooled.figures(), pooled.fitted()
    write_adapter(path, read_tensors(path), dataclasses.replace(read_info(path), temperature=pooled.temperature))
    sys.stderr.write(f"{path}\n")
    return {"answers": {"before": before, "after": pooled.figures()}}


def evaluate_calibration(options: argparse.Namespace) -> None:
    """`evaluate calibration`: the figures of every head that the data have something to measure on.

    Raises:
        DataError: the folder holds neither annotated photographs nor questions.
    """
    from engine.data.datasets import has_photographs, has_questions
    from engine.measure.calibration import predictions
    from engine.predictor import Predictor

    asked = has_questions(options.data)
    annotated = (options.data / f"entities_{options.split}.jsonl").is_file() or (
        not asked and (options.data / f"boxes_{options.split}.jsonl").is_file())
    if not asked and not annotated:
        raise DataError(f"{options.data} holds neither entities_{options.split}.jsonl nor questions. Point to a folder "
                        "that `evaluate pretraining` or `evaluate vqa` takes.")
    photos = _photos(options.data, options.split, options.limit) if annotated else []
    predictor = Predictor.load(options.weights, *detector_of(options))
    figures: dict[str, Any] = {"regions_are": "annotated boxes" if options.given_boxes else "detected"}
    if annotated:
        found = predictions(predictor, photos, given_boxes=options.given_boxes)
        figures |= {name: own.figures() for name, own in found.items() if own.states}
    path = _adapter(options, predictor)
    if (asked or has_photographs(options.data, options.split)) and path.is_file():
        figures["answers"] = _answers(options, predictor, path, options.data).figures()
    elif asked:
        sys.stderr.write(f"There is no adapter {path}; answers are left out.\n")
    write(figures | {"n_images": len(photos)}, options.json)


def _photos(folder: Path, split: str, limit: int | None) -> list[AnnotatedPhoto]:
    from engine.data.sources import read_sources
    from engine.data.unreadable import readable_photos

    photos, left_out = readable_photos(read_sources([f"{folder}:{split}"], limit))
    if left_out.pictures.count:
        sys.stderr.write(f"{left_out}\n")
    return photos


def _adapter(options: argparse.Namespace, predictor: Predictor) -> Path:
    path: Path = options.adapter or options.weights / f"{predictor.config.name}-vqa.safetensors"
    return path


def _answers(options: argparse.Namespace, predictor: Predictor, path: Path, folder: Path) -> AnswerPredictions:
    from engine.data.datasets import open_questions
    from engine.data.sequences import readable
    from engine.measure.calibration import answer_predictions
    from engine.weights.adapters import base_digests, load_adapter

    model, info = load_adapter(path, predictor.model, base_digests(options.weights), predictor.config)
    if info.task != "vqa":
        raise DataError(f"{path} was trained for {info.task}, not for vqa.")
    data = readable(open_questions(folder, options.split, options.limit), predictor.pieces)
    found, left_out = answer_predictions(predictor, model, info.answers, data)
    for own in (data.skipped, left_out):
        if own.count:
            sys.stderr.write(f"{own}\n")
    return found
