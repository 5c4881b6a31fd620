"""Fine-tune the shipped model, or another one, on a task: regions computed once, a head and what `tune` names trained.

The features of every picture are computed first and kept in the run's folder; a run that was stopped goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.config import FineTuneConfig
from engine.data import datasets
from engine.data.features import FeatureCache, compute
from engine.data.region_source import CachedRegions
from engine.data.tokenizer import WordPieces
from engine.detector.detector import Detector
from engine.model.lora import add_lora
from engine.model.task_heads import FineTuned
from engine.structures.questions import DataSet, Pictured
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask
from engine.training.processes import accelerator
from engine.training.schedule import TrainingConfig
from engine.training.stage import run_stage
from engine.training.trainer import Trainable
from engine.weights.adapters import AdapterInfo, base_file, digest, save_adapter
from engine.weights.shipped import load_all

RATES = {"full": 1e-4, "lora": 1e-3, "head": 1e-3}


def finetune(settings: FineTuneConfig, *, data: Path, split: str, init: Path, run: Path,
             tensorboard: bool = False) -> Path:
    """Train and write `run`/TASK.safetensors; returns its path.

    init: the folder of weights to start from. Raises DataError, WeightsError and DiskError for what a user can mend,
    KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved.
    """
    machine = accelerator()
    config, detector, vlbert, pieces, _ = load_all(init)
    torch.manual_seed(settings.seed)
    found = questions(settings, data, split)
    if found.skipped.count:
        sys.stderr.write(f"{found.skipped}\n")
    detections = not any(p.boxes for p in found.pictures) or (settings.task == "grounding" and settings.extra_regions)
    if machine.is_main_process:
        features(detector, found.pictures, run / "features", detections=bool(detections))
    machine.wait_for_everyone()
    rank = settings.rank if settings.tune == "lora" else 0
    info = AdapterInfo(settings.task, settings.tune, digest(base_file(init)), rank=rank, alpha=2 * rank,
                       answers=datasets.answers_of(data, found) if settings.task == "vqa" else (),
                       classes=classes_of(found.pictures) if settings.task == "vcr" else (),
                       about=f"{data.name} {split}")
    model = FineTuned(vlbert, info.head(config.encoder.hidden))
    freeze(model, settings)
    source = CachedRegions(FeatureCache(run / "features", found.pictures))
    task = task_of(info, model, found, source, pieces, settings.extra_regions)
    training = TrainingConfig(epochs=settings.epochs, batch_size=min(settings.batch_size, len(task)), warmup=0.1,
                              rate=settings.rate or RATES[settings.tune], weight_decay=0.01, seed=settings.seed,
                              accumulate=settings.accumulate)
    run_stage(machine, task, training, run, stage=settings.task, log=run / "log.jsonl", tensorboard=tensorboard)
    out = run / f"{config.name}-{settings.task}.safetensors"
    if machine.is_main_process:
        save_adapter(out, model, info)
    return out


def questions(settings: FineTuneConfig, data: Path, split: str) -> DataSet[Any]:
    """The examples of a task. Raises DataError."""
    readers: dict[str, Callable[..., DataSet[Any]]] = {
        "vqa": datasets.open_questions, "vcr": datasets.choice_questions, "grounding": datasets.referring_expressions}
    return readers[settings.task](data, split, settings.limit or None)


def task_of(info: AdapterInfo, model: FineTuned, found: DataSet[Any], source: CachedRegions,
            pieces: WordPieces, extra_regions: int) -> Trainable:
    """The task of an adapter on these questions."""
    if info.task == "vqa":
        return VqaTask(model, found.questions, source, pieces, info.answers)
    if info.task == "vcr":
        numbers = {name: i for i, name in enumerate(info.classes, 1)}
        return VcrTask(model, found.pictures, found.questions, source, pieces, class_numbers=numbers)
    return GroundingTask(model, found.questions, source, pieces, most_detections=extra_regions)


def freeze(model: FineTuned, settings: FineTuneConfig) -> None:
    """Leave trainable what `tune` names."""
    if settings.tune == "lora":
        add_lora(model.vlbert, settings.rank, 2 * settings.rank)
    elif settings.tune == "head":
        model.vlbert.requires_grad_(False)


def features(detector: Detector, pictures: Sequence[Pictured], folder: Path, *, detections: bool) -> None:
    """Compute the features of all pictures unless they are there."""
    if (folder / "index.json").exists():
        return

    def say(done: int, count: int) -> None:
        if done % 100 == 0 or done == count:
            sys.stderr.write(f"features {done}/{count}\n")

    compute(detector.to(accelerator().device), pictures, folder, say, detections=detections)
    detector.cpu()


def classes_of(pictures: Sequence[Pictured]) -> tuple[str, ...]:
    """The names of regions in a data set, in alphabetical order."""
    return tuple(sorted({name for picture in pictures for name in picture.names}))
