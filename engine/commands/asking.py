"""`predict` with an adapter: a question, a question with four choices, or a phrase."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.shared import WEIGHTS, add_detector
from engine.errors import ConfigError
from engine.structures.questions import CHOICES, TaggedText

if TYPE_CHECKING:
    from engine.predictor import Predictor
    from engine.structures.seen import Seen
    from engine.task_predictor import TaskPredictor, TaskQuestion

FLAGS = {"vqa": "--question", "vcr": "--question and --choices", "grounding": "--phrase"}


def add_asking(p: argparse.ArgumentParser) -> None:
    """Flags of what to predict: hidden words of a caption, or the answer of an adapter."""
    asked = p.add_mutually_exclusive_group(required=True)
    asked.add_argument("--caption", help="[MASK], <mask>, ___ or MASK hides a word")
    asked.add_argument("--question", help="a question about the picture; with --choices one that has four answers, "
                       "whose words may name regions: \"person [2]\"")
    asked.add_argument("--phrase", help="words that mean a region")
    p.add_argument("--choices", nargs=CHOICES, metavar="TEXT", default=None,
                   help="the four answers to choose from; for reasons write question and answer in --question")
    p.add_argument("--adapter", type=Path, default=None, help="what was fine-tuned (default: for a question or phrase "
                   "the one in the weights, for a caption none)")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    add_detector(p)


def task_of(options: argparse.Namespace) -> str:
    """vqa, vcr or grounding; nothing for a caption. Raises ConfigError where flags contradict each other."""
    if options.choices and not options.question:
        raise ConfigError("--choices are the answers to a question; give --question, too.")
    if options.caption is None and (options.mask_region or options.masking != "feature"):
        raise ConfigError("--mask-region and --masking hide regions beside a --caption; leave them out.")
    if options.phrase is not None:
        return "grounding"
    if options.question is not None:
        return "vcr" if options.choices else "vqa"
    return ""


def adapter_of(options: argparse.Namespace, predictor: Predictor, task: str) -> TaskPredictor:
    """Load the adapter for a task. Raises WeightsError, and ConfigError where it was trained for another task."""
    from engine.task_predictor import TaskPredictor

    path = options.adapter or options.weights / f"{predictor.config.name}-{task}.safetensors"
    adapter = TaskPredictor.load(predictor, path)
    if task and adapter.info.task != task:
        raise ConfigError(f"{path} was trained for {adapter.info.task}: ask it with {FLAGS[adapter.info.task]}. "
                          f"{FLAGS[task]} needs an adapter for {task}.")
    return adapter


def answered(options: argparse.Namespace, adapter: TaskPredictor, seen: Seen) -> dict[str, Any]:
    """What the adapter answers, as plain lists, numbers and text. Raises CaptionError for words it cannot take."""
    task, question = adapter.info.task, _question(options, len(seen.boxes) - 1)
    if task == "vqa":
        answer = adapter.ask(seen, question)
        found: dict[str, Any] = {"top": [dataclasses.asdict(c) for c in answer.best],
                                 "without_picture": [dataclasses.asdict(c) for c in answer.blind]}
    elif task == "vcr":
        chosen = adapter.choose(seen, question)
        found = {"best": chosen.best, "choices": [
            {"text": text, "probability": own, "without_picture": blind}
            for text, own, blind in zip(options.choices, chosen.probabilities, chosen.blind, strict=True)]}
    else:
        meant = adapter.point(seen, question)
        found = {"best": meant.best, "regions": [
            {"index": i, "probability": own, "without_words": mute}
            for i, (own, mute) in enumerate(zip(meant.scores, meant.mute, strict=True))]}
    return {"task": task, "text": question.text.marked, **found}


def _question(options: argparse.Namespace, regions: int) -> TaskQuestion:
    from engine.task_predictor import TaskQuestion

    if options.choices:
        return TaskQuestion(TaggedText.read(options.question, regions),
                            tuple(TaggedText.read(text, regions) for text in options.choices))
    return TaskQuestion(TaggedText.plain(options.question if options.phrase is None else options.phrase))
