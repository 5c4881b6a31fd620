"""How `mini` is trained, from ImageNet and BERT weights to the folder that the studio loads.

Four stages: the detector; its features, computed once; pre-training on them; end-to-end tuning. Every stage finds what
the one before left in the run's folder. Each goes on where it was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from engine.config import STAGES, ModelConfig, RecipeConfig
from engine.data.attributes import attributes_from
from engine.data.features import FeatureCache
from engine.data.flickr8k import AnnotatedPhoto, texts
from engine.data.nouns import RegionClasses
from engine.data.sources import read_sources
from engine.data.tokenizer import WordPieces
from engine.data.unreadable import silenced, unreadable_photos
from engine.detector.detector import ATTRIBUTES, Detector
from engine.errors import ConfigError, WeightsError
from engine.model.vlbert import VLBert
from engine.progress import shown
from engine.structures.caption import Caption
from engine.tasks.detection import DetectionTask
from engine.tasks.end_to_end import EndToEndTask
from engine.tasks.pretraining import PretrainingTask
from engine.training import checkpoint
from engine.training.looks import Looks, unreadable
from engine.training.materials import digest_if_there
from engine.training.origin import FREE, FREE_WITHOUT_VIEWS, Origin, of_settings, of_tensors, of_texts
from engine.training.processes import accelerator
from engine.training.schedule import TrainingConfig
from engine.training.stage import run_stage
from engine.training.trainer import Trainable
from engine.weights.adapters import base_file
from engine.weights.bert import bert_file, load_bert
from engine.weights.reclassified import take_over
from engine.weights.resnet import load_resnet
from engine.weights.shipped import only, read_labels, read_with, save_all
from engine.weights.store import load, read_config
from engine.writing import refuse_overwriting


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


def pretrain(config: ModelConfig, recipe: RecipeConfig, *, data: Sequence[str], text: Path, run: Path, bert: Path,
             resnet: Path | None, init: Path | None = None, stages: Sequence[str] = STAGES,
             tensorboard: bool = False) -> Path:
    """Run the stages and return the folder of the finished weights. Finished stages are not repeated.

    init: a folder of weights of the same preset whose VL-BERT the pre-training starts from, instead of `bert`'s.
    Of several processes (`accelerate launch`) the main one computes the features and writes; all share `run`.

    Raises ConfigError for a preset without a detector of its own, DataError and WeightsError for what is missing,
    DiskError for a full disk, KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved.
    """
    if not config.detector.proposals:
        raise ConfigError(f"The preset {config.name} takes its regions from a detector that is trained elsewhere, so "
                          "this recipe cannot pre-train it. Use --preset mini, or convert a published checkpoint.")
    refuse_own_inputs(run, text, bert_file(bert), bert / "vocab.txt", *(read_with(init) if init else ()))
    material = gathered(config, recipe, data, run, bert / "vocab.txt", tensorboard=tensorboard)
    corpus = material.pieces.captions(texts(text))
    detector = detector_stage(material, resnet, init, train_it="detector" in stages)
    if "features" in stages:
        features_stage(material, detector)
    model = VLBert.from_config(config)
    if "pretraining" in stages:
        _initialise(material, model, bert, init)
        pretraining_stage(material, detector, model, corpus, beginning(bert, init))
        save_stage(material, run / "weights", detector, model)
    if "tuning" in stages:
        model.load_state_dict(checkpoint.load(run / "pretraining" / "state.pt")["model"])
        tuning_stage(material, detector, model, corpus)
        save_stage(material, run / "tuned", detector, model)
        return run / "tuned"
    return run / "weights"


def refuse_own_inputs(run: Path, *read: Path) -> None:
    """Refuse a run whose weights would replace those that it starts from.

    Args:
        run: the folder of the run.
        read: the files that it starts from.

    Raises:
        ConfigError: one of them is where the run writes its weights.
    """
    for folder in (run / "weights", run / "tuned"):
        for file in read:
            refuse_overwriting(folder / file.name, file)


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


def detector_stage(material: Material, resnet: Path | None, init: Path | None = None, *, train_it: bool) -> Detector:
    """Train the detector, or read what an earlier run left.

    Args:
        material: What all stages share.
        resnet: ImageNet weights of its backbone, or None to start from the detector in `init`.
        init: A folder of weights; its region classes, attributes and anchors may be others.
        train_it: Whether this run trains it.

    Returns:
        The detector, in evaluation mode.
    """
    torch.manual_seed(material.recipe.seed)
    detector = Detector.from_config(material.config.detector).to(memory_format=torch.channels_last)
    if resnet is not None:
        load_resnet(detector.fast_rcnn.backbone, resnet)
    elif init is not None and train_it:
        _start_from(detector, material, init)
    detector.fast_rcnn.backbone.freeze_first_stages()
    photos = _readable(material, unreadable_photos(material.photos)) if train_it else material.photos
    task = DetectionTask(detector, photos, material.classes, material.attributes,
                         sides=_sides(material.recipe.detector_sides))
    settings = TrainingConfig(epochs=material.recipe.detector_epochs, batch_size=8, rate=material.recipe.detector_rate,
                              warmup=0.08, **_common(material.recipe))
    begun = {"weights": of_tensors(detector.fast_rcnn.backbone), **_made_from(material)} if train_it else {}
    _run(material, task, settings, "detector", train_it, begun)
    return detector.eval()


def _start_from(detector: Detector, material: Material, init: Path) -> None:
    """Fill the detector with the one in `init`, whose classes may be others."""
    file = only(init, "*-detector.safetensors")
    config = read_config(file, kind="detector")
    old = Detector.from_config(config.detector)
    load(old, file, config, kind="detector")
    known, attributes = read_labels(init / "labels.json")
    take_over(detector, old, material.classes, known, material.attributes, attributes)


def _sides(text: str) -> tuple[int, ...]:
    """Mean sides in pixels, written with spaces or commas between them. Raises ConfigError for what is no number."""
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise ConfigError(f"detector_sides is {text!r}; give sides in pixels, such as 352 416 480.") from error


def features_stage(material: Material, detector: Detector) -> None:
    """The features of all photos, plain and in the recipe's further views."""
    if material.machine.is_main_process:
        material.looks.compute(detector.to(material.machine.device), material.photos, shown)
        detector.cpu()
    material.machine.wait_for_everyone()
    _readable(material, FeatureCache(material.looks.folder, material.photos).unreadable)


def _readable(material: Material, why: Mapping[int, str]) -> Sequence[AnnotatedPhoto]:
    """The photos of a stage, without what belongs to those that cannot be read. Raises DataError where none is left."""
    photos, left_out = silenced(material.photos, why)
    if left_out.pictures.count and material.machine.is_main_process:
        sys.stderr.write(f"{left_out}\n")
    return photos


def save_stage(material: Material, folder: Path, detector: Detector, model: VLBert) -> None:
    if material.machine.is_main_process:
        save_all(folder, material.config, detector, model, material.classes, material.attributes, material.vocabulary)
    material.machine.wait_for_everyone()


def _initialise(material: Material, model: VLBert, bert: Path, init: Path | None) -> None:
    torch.manual_seed(material.recipe.seed)
    if init is None:
        load_bert(model, bert)
        return
    classes, _ = read_labels(init / "labels.json")
    if classes.names != material.classes.names:
        raise WeightsError(f"{init} was trained with other region classes than this data gives. Start from BERT.")
    load(model, init / f"{material.config.name}-vlbert.safetensors", material.config, kind="vlbert")


def beginning(bert: Path, init: Path | None = None) -> Origin:
    """What pre-training starts from, by the digest of its file."""
    return {"weights": digest_if_there(base_file(init) if init else bert_file(bert))}


def pretraining_stage(material: Material, detector: Detector, model: VLBert, corpus: Sequence[Caption],
                      begun: Origin) -> None:
    material.looks.refuse_other(detector, material.photos)
    cache, views = material.looks.caches(material.photos)
    photos = _readable(material, unreadable([cache, *views]))
    task = PretrainingTask(model, material.config.pretraining, material.pieces, photos, cache,
                           material.classes, detector.heads.classify, corpus, views=views)
    settings = TrainingConfig(epochs=material.recipe.epochs, batch_size=128, rate=3e-4, warmup=0.05,
                              weight_decay=0.01, **_common(material.recipe))
    _run(material, task, settings, "pretraining", True,
         {**begun, "detector": of_tensors(detector), **_made_from(material, FREE), **_learned(material, corpus)})


def tuning_stage(material: Material, detector: Detector, model: VLBert, corpus: Sequence[Caption], *,
                 move_detector: bool = True) -> None:
    """Continue end to end."""
    cache = FeatureCache(material.looks.folder, material.photos)
    photos = _readable(material, cache.unreadable)
    captions = PretrainingTask(model, material.config.pretraining, material.pieces, photos, cache,
                               material.classes, detector.heads.classify, corpus)
    detection = DetectionTask(detector, photos, material.classes, material.attributes)
    task = EndToEndTask(captions, detection, move_detector=move_detector)
    begun = {"weights": of_tensors(model), "detector": of_tensors(detector), **_made_from(material),
             **_learned(material, corpus)}
    _run(material, task, tuning_config(material.recipe, len(task)), "tuning", True, begun)
    detector.eval()
    model.eval()


def tuning_config(recipe: RecipeConfig, photos: int) -> TrainingConfig:
    """How the end-to-end training of so many photos goes."""
    return TrainingConfig(epochs=recipe.tuning_epochs, batch_size=min(16, photos), rate=1.5e-4, warmup=0.1,
                          weight_decay=0.01, **_common(recipe))


def _common(recipe: RecipeConfig) -> dict[str, Any]:
    """What all stages take from the recipe as it is."""
    return {"seed": recipe.seed, "accumulate": recipe.accumulate, "precision": recipe.precision}


def _made_from(material: Material, free: Collection[str] = FREE_WITHOUT_VIEWS) -> dict[str, Any]:
    """The photos and settings of a stage."""
    photos = of_texts(repr((photo.path.name, photo.boxes, photo.labels, photo.captions)) for photo in material.photos)
    return {"preset": material.config.name, "photos": photos, **of_settings(material.recipe, free=free)}


def _learned(material: Material, corpus: Sequence[Caption]) -> dict[str, Any]:
    """The tasks of pre-training and the text-only corpus."""
    return {"text": of_texts(caption.text for caption in corpus), **of_settings(material.config.pretraining)}


def _run(material: Material, task: Trainable, settings: TrainingConfig, stage: str, train_it: bool,
         origin: Origin | None = None) -> None:
    """Train, or only take up what an earlier run left."""
    folder = material.run / stage
    if not train_it:
        _take_up(task.model, folder / "state.pt")
        return
    run_stage(material.machine, task, settings, folder, stage=stage, log=material.run / "log.jsonl",
              tensorboard=material.tensorboard, origin=origin)


def _take_up(module: nn.Module, state: Path) -> None:
    module.load_state_dict(checkpoint.load(state)["model"])
