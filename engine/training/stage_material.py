"""What all stages of pre-training share: the photographs, their classes, and how a stage runs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from engine.config import ModelConfig, RecipeConfig
from engine.data.attributes import attributes_from
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.nouns import RegionClasses
from engine.data.sources import read_sources
from engine.data.tokenizer import WordPieces
from engine.data.unreadable import silenced
from engine.detector.detector import ATTRIBUTES, Detector
from engine.errors import ConfigError, WeightsError
from engine.model.vlbert import VLBert
from engine.structures.caption import Caption
from engine.training import checkpoint
from engine.training.looks import Looks
from engine.training.origin import FREE_WITHOUT_VIEWS, Origin, of_settings, of_texts
from engine.training.processes import accelerator
from engine.training.schedule import TrainingConfig
from engine.training.stage import run_stage
from engine.training.trainer import Trainable
from engine.weights.shipped import save_all


@dataclass(frozen=True)
class Material:
    """What all stages share."""

    config: ModelConfig
    recipe: RecipeConfig
    run: Path
    looks: Looks
    photos: Sequence[AnnotatedPhoto]
    classes: RegionClasses
    attributes: Sequence[str]
    pieces: WordPieces
    vocabulary: Path
    tensorboard: bool
    machine: Accelerator


def gathered(config: ModelConfig, recipe: RecipeConfig, data: Sequence[str], run: Path, vocabulary: Path, *,
             tensorboard: bool = False) -> Material:
    """Read the training split and what is counted in it. Raises ConfigError where its photos name too few things and
    WeightsError for a vocabulary of another length than the preset's."""
    pieces = pieces_of(vocabulary, config)
    photos = read_sources(data, recipe.limit or None)
    classes = RegionClasses.from_photos(photos, config.detector.classes)
    if len(classes.names) != config.detector.classes:
        raise ConfigError(f"{len(photos)} photos name {len(classes.names)} region classes, background included; the "
                          f"preset {config.name} has {config.detector.classes}. Take more photos: a higher limit, or "
                          "more data.")
    return Material(config, recipe, run, Looks(run / "features", recipe.views, seed=recipe.seed), photos,
                    classes,
                    attributes_from(photos, ATTRIBUTES), pieces, vocabulary, tensorboard, accelerator())


def pieces_of(vocabulary: Path, config: ModelConfig) -> WordPieces:
    """The word pieces that this preset can learn. Raises WeightsError for a vocabulary of another length, whose weights
    no program would take."""
    pieces = WordPieces(vocabulary)
    if len(pieces.pieces) != config.encoder.vocabulary:
        raise WeightsError(f"{vocabulary} holds {len(pieces.pieces)} pieces; the preset {config.name} has "
                           f"{config.encoder.vocabulary}, those of bert-base-uncased. Copy the file again.")
    return pieces


def captioned(photos: Sequence[AnnotatedPhoto]) -> tuple[list[AnnotatedPhoto], list[int]]:
    """The photos that the stages after the detector read: those with captions, each once, with the boxes that its
    captions name; and how often each was given."""
    times = Counter(photo.path for photo in photos if photo.captions)
    once = {photo.path: photo for photo in photos if photo.captions}
    return [photo.named() for photo in once.values()], [times[path] for path in once]


def readable(material: Material, photos: Sequence[AnnotatedPhoto],
              why: Mapping[int, str]) -> Sequence[AnnotatedPhoto]:
    """The photos of a stage, without what belongs to those that cannot be read. Raises DataError where none is left."""
    photos, left_out = silenced(photos, why)
    if left_out.pictures.count and material.machine.is_main_process:
        sys.stderr.write(f"{left_out}\n")
    return photos


def save_stage(material: Material, folder: Path, detector: Detector, model: VLBert) -> None:
    if material.machine.is_main_process:
        save_all(folder, material.config, detector, model, material.classes, material.attributes, material.vocabulary)
    material.machine.wait_for_everyone()


def common(recipe: RecipeConfig) -> dict[str, Any]:
    """What all stages take from the recipe as it is."""
    return {"seed": recipe.seed, "accumulate": recipe.accumulate, "precision": recipe.precision}


def made_from(material: Material, free: Collection[str] = FREE_WITHOUT_VIEWS) -> dict[str, Any]:
    """The photos and settings of a stage."""
    photos = of_texts(repr((photo.path.name, photo.boxes, photo.labels, photo.captions)) for photo in material.photos)
    return {"preset": material.config.name, "photos": photos, **of_settings(material.recipe, free=free)}


def learned(material: Material, corpus: Sequence[Caption]) -> dict[str, Any]:
    """The tasks of pre-training and the text-only corpus."""
    return {"text": of_texts(caption.text for caption in corpus), **of_settings(material.config.pretraining)}


def run_or_load(material: Material, task: Trainable, settings: TrainingConfig, stage: str, train_it: bool,
                origin: Origin | None = None) -> None:
    """Train, or only load what an earlier run left."""
    folder = material.run / stage
    if not train_it:
        task.model.load_state_dict(checkpoint.load(folder / "state.pt")["model"])
        return
    run_stage(material.machine, task, settings, folder, stage=stage, log=material.run / "log.jsonl",
              tensorboard=material.tensorboard, origin=origin)
