"""The four stages of pre-training: the detector, its features, VL-BERT on them, and the end-to-end tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.config import ModelConfig, RecipeConfig
from engine.data.features import FeatureCache
from engine.data.unreadable import unreadable_photos
from engine.detector.detector import Detector
from engine.errors import ConfigError
from engine.model.vlbert import VLBert
from engine.progress import shown
from engine.structures.caption import Caption
from engine.tasks.detection import DetectionTask
from engine.tasks.end_to_end import EndToEndTask
from engine.tasks.pretraining import PretrainingTask
from engine.training.looks import unreadable
from engine.training.origin import FREE, Origin, of_tensors
from engine.training.schedule import TrainingConfig
from engine.training.stage_material import Material, captioned, common, learned, made_from, readable, run_or_load
from engine.weights.reclassified import take_over
from engine.weights.resnet import load_resnet
from engine.weights.shipped import only, read_labels
from engine.weights.store import load, read_config


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
    photos = material.photos
    if train_it:
        photos = readable(material, photos, unreadable_photos(photos))
    task = DetectionTask(detector, photos, material.classes, material.attributes,
                         sides=_sides(material.recipe.detector_sides, material.config))
    settings = TrainingConfig(epochs=material.recipe.detector_epochs, batch_size=8, rate=material.recipe.detector_rate,
                              warmup=0.08, **common(material.recipe))
    begun = {"weights": of_tensors(detector.fast_rcnn.backbone), **made_from(material)} if train_it else {}
    run_or_load(material, task, settings, "detector", train_it, begun)
    return detector.eval()


def _start_from(detector: Detector, material: Material, init: Path) -> None:
    """Fill the detector with the one in `init`, whose classes may be others."""
    file = only(init, "*-detector.safetensors")
    config = read_config(file, kind="detector")
    old = Detector.from_config(config.detector)
    load(old, file, config, kind="detector")
    known, attributes = read_labels(init / "labels.json")
    take_over(detector, old, material.classes, known, material.attributes, attributes)


def _sides(text: str, config: ModelConfig) -> tuple[int, ...]:
    """Mean sides in pixels, written with spaces or commas between them.

    Args:
        text: of `RecipeConfig.detector_sides`
        config: of the model that is trained

    Raises:
        ConfigError: a side is no number, or the preset's pictures have a fixed size.
    """
    try:
        sides = tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise ConfigError(f"detector_sides is {text!r}; give sides in pixels, such as 352 416 480.") from error
    if sides and not config.detector.mean_side:
        raise ConfigError(f"detector_sides needs a preset whose pictures keep their aspect ratio; {config.name} "
                          "resizes them otherwise. Leave it out, or use --preset mini-coco.")
    return sides


def features_stage(material: Material, detector: Detector) -> None:
    """The features of all photos with captions, plain and in the recipe's further views."""
    photos, _ = captioned(material.photos)
    if material.machine.is_main_process:
        material.looks.compute(detector.to(material.machine.device), photos, shown)
        detector.cpu()
    material.machine.wait_for_everyone()
    readable(material, photos, FeatureCache(material.looks.folder, photos).unreadable)


def pretraining_stage(material: Material, detector: Detector, model: VLBert, corpus: Sequence[Caption],
                      begun: Origin) -> None:
    photos, times = captioned(material.photos)
    material.looks.refuse_other(detector, photos)
    cache, views = material.looks.caches(photos)
    task = PretrainingTask(model, material.config.pretraining, material.pieces,
                           readable(material, photos, unreadable([cache, *views])), cache, material.classes,
                           detector.heads.classify, corpus, views=views, times=times)
    settings = TrainingConfig(epochs=material.recipe.epochs, batch_size=128, rate=3e-4, warmup=0.05,
                              weight_decay=0.01, **common(material.recipe))
    run_or_load(material, task, settings, "pretraining", True,
         {**begun, "detector": of_tensors(detector), **made_from(material, FREE), **learned(material, corpus)})


def tuning_stage(material: Material, detector: Detector, model: VLBert, corpus: Sequence[Caption], *,
                 move_detector: bool = True) -> None:
    """Continue end to end."""
    photos, _ = captioned(material.photos)
    cache = FeatureCache(material.looks.folder, photos)
    photos = list(readable(material, photos, cache.unreadable))
    captions = PretrainingTask(model, material.config.pretraining, material.pieces, photos, cache,
                               material.classes, detector.heads.classify, corpus)
    detection = DetectionTask(detector, photos, material.classes, material.attributes)
    task = EndToEndTask(captions, detection, move_detector=move_detector)
    begun = {"weights": of_tensors(model), "detector": of_tensors(detector), **made_from(material),
             **learned(material, corpus)}
    run_or_load(material, task, tuning_config(material.recipe, len(task)), "tuning", True, begun)
    detector.eval()
    model.eval()


def tuning_config(recipe: RecipeConfig, photos: int) -> TrainingConfig:
    """How the end-to-end training of so many photos goes."""
    return TrainingConfig(epochs=recipe.tuning_epochs, batch_size=min(16, photos), rate=1.5e-4, warmup=0.1,
                          weight_decay=0.01, **common(recipe))


