"""Commands that measure and predict: `evaluate`, `predict`, `bench`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.boxes_config import BoxesConfig
from engine.commands.asking import adapter_of, add_asking, answered, task_of
from engine.commands.calibrating import evaluate_calibration
from engine.commands.novelty import PHOTOS, evaluate_novelty
from engine.commands.shared import WEIGHTS, add_detector, add_settings, check_targets, detector_of, settings_of, write
from engine.config import TASKS
from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from engine.measure.tasks import Measured
    from engine.model.task_heads import FineTuned
    from engine.predictor import Predictor
    from engine.structures.questions import DataSet
    from engine.weights.adapters import AdapterInfo


def add_evaluate(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", choices=("pretraining", "proposals", "explanations", "matching", "calibration", "novelty",
                                    *TASKS), help="what is measured")
    p.add_argument("--data", nargs="+", required=True, help="folders with entities_SPLIT.jsonl and images/, or others "
                   "that `finetune` takes; FOLDER:SPLIT for another split than --split")
    p.add_argument("--split", default="dev")
    p.add_argument("--limit", type=int, default=None, help="only the first so many photos (pretraining, proposals, "
                   "explanations, grounding on Flickr30k Entities), pairs of each kind, statements and photos "
                   f"(matching), photos of each folder, evenly spread (novelty, default {PHOTOS}), else questions")
    p.add_argument("--masking", choices=("feature", "pixels"), default="feature",
                   help="pretraining: how regions are hidden (default feature)")
    p.add_argument("--regions", action="store_true", help="explanations: also explain hidden regions; the figures of "
                   "hidden words and of hidden regions stand apart under \"kinds\"")
    p.add_argument("--given-boxes", action="store_true", help="matching, calibration: the annotated boxes are the "
                   "regions (default: the detector's own)")
    p.add_argument("--pll-retrieval", action="store_true", help="matching: also retrieve photographs by "
                   "pseudo-log-likelihood, one pass for each word of each caption with each photo")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--adapter", type=Path, default=None, help="what was fine-tuned (default: the one in the weights)")
    p.add_argument("--others", type=Path, default=None, help="novelty: a folder with one folder of pictures for each "
                   "kind that is no photograph, beside those that are drawn")
    add_detector(p)
    add_settings(p, BoxesConfig)
    p.add_argument("--json", default="-", help="file for the figures; - is standard output")
    p.add_argument("--answers", type=Path, default=None, help="vqa, vcr, grounding: write the answer to each question, "
                   "too, as VQA v2's test server (json) and VCR's leaderboard (csv) take it; also of their test "
                   "splits, which have no figures")
    p.set_defaults(run_command=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from engine.data.datasets import check_boxes
    from engine.data.several import sources_of
    from engine.memory import keep_freed_memory
    from engine.predictor import Predictor

    detector = detector_of(options)
    sources = sources_of(options.data, options.split)
    check_targets(options, *(source.folder for source in sources))
    keep_freed_memory()
    check_boxes(settings_of(options, BoxesConfig), options.what, *(source.folder for source in sources))
    if options.what in TASKS:
        _evaluate_task(options)
        return
    if options.answers:
        raise ConfigError(f"--answers writes what vqa, vcr and grounding answer; {options.what} has no use for it.")
    if options.what in ("matching", "calibration"):
        if len(sources) > 1:
            raise ConfigError(f"{options.what} is measured on one folder; {len(sources)} are given.")
        options.data, options.split = sources[0].folder, sources[0].split
    if options.what == "matching":
        _evaluate_matching(options)
        return
    if options.what == "calibration":
        evaluate_calibration(options)
        return
    if options.what == "novelty":
        evaluate_novelty(options, [f"{source.folder}:{source.split}" for source in sources])
        return
    from engine.data.sources import read_sources
    from engine.data.unreadable import readable_photos
    from engine.measure import explanations
    from engine.measure.pretraining import measure
    from engine.measure.proposals import recall

    photos, left_out = readable_photos(read_sources([f"{s.folder}:{s.split}" for s in sources], options.limit))
    predictor = Predictor.load(options.weights, *detector)
    if options.what == "proposals":
        found = recall(predictor, photos)
        figures: dict[str, Any] = found.overall() | {"by_kind": found.by_kind(), "n_images": len(photos)}
    elif options.what == "explanations":
        figures = explanations.measure(predictor, photos, regions=options.regions)
        figures["table"] = explanations.table(figures).splitlines()
        for own in figures.get("kinds", {}).values():
            own["table"] = explanations.table(own).splitlines()
    else:
        figures = measure(predictor, photos, options.masking)
    if left_out.pictures.count:
        sys.stderr.write(f"{left_out}\n")
    write(figures | {"unreadable": left_out.pictures.count}, options.json)


def _evaluate_matching(options: argparse.Namespace) -> None:
    from engine.data.matching import read_matching
    from engine.measure.matching import measure
    from engine.predictor import Predictor

    data = read_matching(options.data, options.split, options.limit)
    for name in data.missing:
        sys.stderr.write(f"{options.data / name} is not there; its part is left out.\n")
    predictor = Predictor.load(options.weights, *detector_of(options))
    figures, left_out = measure(predictor, data, given_boxes=options.given_boxes, pll_retrieval=options.pll_retrieval)
    if not figures["matching_head"]:
        sys.stderr.write("These weights were not trained to match captions with photos; "
                         "the figures of the matching head are left out.\n")
    if left_out.pictures.count:
        sys.stderr.write(f"{left_out}\n")
    write(figures | {"unreadable": left_out.pictures.count}, options.json)


def _evaluate_task(options: argparse.Namespace) -> None:
    from engine.measure.answers import write_answers
    from engine.predictor import Predictor
    from engine.weights.adapters import base_digests, load_adapter

    predictor = Predictor.load(options.weights, *detector_of(options))
    path = options.adapter or options.weights / f"{predictor.config.name}-{options.what}.safetensors"
    model, info = load_adapter(path, predictor.model, base_digests(options.weights), predictor.config)
    if info.task != options.what:
        raise DataError(f"{path} was trained for {info.task}, not for {options.what}.")
    data, measured = _measured(options, predictor, model, info)
    for left_out, count in ((data.skipped, data.skipped.count), (measured.left_out, measured.left_out.count)):
        if count:
            sys.stderr.write(f"{left_out}\n")
    missing = data.skipped.count + measured.left_out.count
    if options.answers and missing and not data.labelled:
        sys.stderr.write(f"{options.answers} lacks {missing} of the questions; a test server may refuse it.\n")
    write(measured.figures | {"skipped": missing, "unreadable": measured.left_out.pictures.count}, options.json)
    if options.answers:  # after the figures, which a refused write must not lose
        write_answers(options.answers, options.what, data, measured.answers)


def _measured(options: argparse.Namespace, predictor: Predictor, model: FineTuned,
              info: AdapterInfo) -> tuple[DataSet[Any], Measured]:
    """The questions of the data, and the model's results on them."""
    from engine.data import datasets
    from engine.data.sequences import readable
    from engine.data.several import sources_of, together
    from engine.measure import tasks

    sources, limit, labelled = sources_of(options.data, options.split), options.limit, options.answers is None
    if options.what == "vqa":
        asked = readable(together(sources, partial(datasets.open_questions, limit=limit, labelled=labelled)),
                         predictor.pieces)
        return asked, tasks.vqa(predictor, model, info.answers, asked)
    if options.what == "vcr":
        choices = readable(together(sources, partial(datasets.choice_questions, limit=limit, labelled=labelled)),
                           predictor.pieces)
        return choices, tasks.vcr(predictor, model, choices, every_rationale=not labelled)
    boxes = settings_of(options, BoxesConfig)
    expressions = readable(together(sources, partial(datasets.referring_expressions, limit=limit, boxes=boxes)),
                           predictor.pieces)
    sys.stderr.write(f"{expressions.note}\n" if expressions.note else "")
    return expressions, tasks.grounding(predictor, model, expressions)


def add_predict(p: argparse.ArgumentParser) -> None:
    p.add_argument("--image", type=Path, required=True)
    p.add_argument("--boxes", type=Path, default=None,
                   help="json list of boxes, [x1, y1, x2, y2] each, in pixels or as fractions of the picture "
                   "(default: the detector's own)")
    p.add_argument("--mask-region", type=int, nargs="*", default=[], help="regions to hide, counted from 1")
    p.add_argument("--masking", choices=("feature", "pixels"), default="feature")
    add_asking(p)
    add_settings(p, BoxesConfig)
    p.add_argument("--json", default="-")
    p.set_defaults(run_command=_predict)


def _predict(options: argparse.Namespace) -> None:
    from engine.data.box_format import file_boxes
    from engine.predictor import Predictor
    from engine.structures.caption import unread
    from engine.structures.novelty import photo_note
    from engine.structures.photo import Photo

    task, detector = task_of(options), detector_of(options)
    check_targets(options, options.image, options.boxes)
    photo, stated, boxes = Photo.open(options.image), settings_of(options, BoxesConfig), None
    if options.boxes:
        boxes, note = file_boxes(options.boxes, Photo.check(options.image), stated)
        sys.stderr.write(f"{note}\n" if note else "")
    elif stated.stated:
        raise ConfigError(f"{' and '.join(stated.stated)} can only be given with --boxes. Leave that out.")
    predictor = Predictor.load(options.weights, *detector)
    adapter = adapter_of(options, predictor, task) if task or options.adapter else None
    seen = predictor.see(photo, boxes)
    regions = {"boxes": seen.boxes.fractions.tolist(), "labels": list(seen.labels), "scores": list(seen.scores),
               "probabilities": list(seen.probabilities), "novelty": seen.novelty,
               "photo_note": photo_note(seen.novelty)}
    if adapter and task:
        write(regions | answered(options, adapter, seen), options.json)
        return
    predictor = adapter.believing() if adapter else predictor
    prediction = predictor.ask(seen, options.caption, [], options.mask_region, options.masking)
    note = unread(predictor.words(options.caption))
    if note:
        sys.stderr.write(f"note: {note}\n")
    write(regions | {
        "words": [{"position": p.position, "top": [dataclasses.asdict(c) for c in p.best]}
                  for w in prediction.words for p in w.pieces],
        "regions": [{"index": r.index, "top": [dataclasses.asdict(c) for c in r.best]} for r in prediction.regions],
        "masking": prediction.masking}, options.json)


def add_bench(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", nargs="?", choices=("predict", "train", "explain"), default="predict",
                   help="the loaded model (default), the trainer on random data, or the explanations")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--against", type=Path, default=None,
                   help="predict: a second folder of weights, timed by turns with the first; also writes the ratios")
    p.add_argument("--preset", default="mini", help="train: the model to train (default mini)")
    p.add_argument("--steps", type=int, default=8, help="train: most steps of each kind that are timed (default 8)")
    p.add_argument("--json", default="-")
    p.set_defaults(run_command=_bench)


def _bench(options: argparse.Namespace) -> None:
    from engine.bench import bench
    from engine.bench_explain import bench_explain
    from engine.bench_training import bench_training

    check_targets(options)
    if options.what == "train":
        write(bench_training(options.preset, options.weights / "vocab.txt", options.steps), options.json)
    elif options.what == "explain":
        write(bench_explain(options.weights), options.json)
    else:
        write(bench(options.weights, against=options.against), options.json)
