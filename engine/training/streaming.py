"""Pre-training on shards: end to end, from a folder of weights, with no photo kept."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.config import RecipeConfig
from engine.data import shards
from engine.data.features import FeatureCache
from engine.data.flickr8k import AnnotatedPhoto, texts
from engine.errors import ConfigError
from engine.structures.questions import Skipped
from engine.tasks.detection import DetectionTask
from engine.tasks.end_to_end import EndToEndTask
from engine.tasks.pretraining import PretrainingTask
from engine.tasks.streamed import StreamedTask
from engine.training.materials import digest_if_there
from engine.training.origin import FREE_WITHOUT_VIEWS, of_settings, of_tensors
from engine.training.processes import accelerator
from engine.training.recipe import refuse_own_inputs
from engine.training.stage import run_stage
from engine.training.stages import tuning_config
from engine.weights.shipped import load_all, read_labels, read_with, save_all


def pretrain_streamed(recipe: RecipeConfig, *, folder: Path, text: Path, run: Path, init: Path,
                      preset: str = "", tensorboard: bool = False) -> Path:
    """Train the weights in `init` on the photos in `folder`'s shards for `recipe.tuning_epochs`; the folder of the
    trained weights.

    preset: what `init` must hold, if given. The region classes are those of `init`. Each process reads its own shards;
    a run that was stopped passes over what it has learned from. Photos whose picture cannot be opened are left out and
    told at the end. Raises DataError, ConfigError, WeightsError and DiskError for what a user can mend,
    KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved.
    """
    refuse_own_inputs(run, text, *read_with(init))
    machine = accelerator()
    config, detector, model, pieces, classes = load_all(init)
    if preset and config.name != preset:
        raise ConfigError(f"{init} holds {config.name}, not {preset}. Give weights of {preset}, or that preset.")
    if not config.detector.proposals:
        raise ConfigError(f"{init} holds {config.name}, whose detector is trained elsewhere. Give weights of mini.")
    attributes = read_labels(init / "labels.json")[1]
    detector.fast_rcnn.backbone.freeze_first_stages()
    origin = {"weights": of_tensors(model), "detector": of_tensors(detector), "text": digest_if_there(text),
              **of_settings(recipe, free=FREE_WITHOUT_VIEWS)}
    switches = dataclasses.replace(config.pretraining, extra_regions=0)
    corpus = pieces.captions(texts(text))

    def build(photos: Sequence[AnnotatedPhoto]) -> EndToEndTask:
        nothing = FeatureCache.none(len(photos), config.appearance)
        captions = PretrainingTask(model, switches, pieces, photos, nothing, classes, detector.heads.classify, corpus)
        return EndToEndTask(captions, DetectionTask(detector, photos, classes, attributes))

    unreadable = Skipped()
    own = shards.photos(folder, rank=machine.process_index, world=machine.num_processes, seed=recipe.seed,
                        unreadable=unreadable)
    task = StreamedTask(build, own, shards.count(folder))
    run_stage(machine, task, tuning_config(recipe, len(task)), run / "streamed", stage="streamed",
              log=run / "log.jsonl", tensorboard=tensorboard, origin=origin)
    if unreadable.count:
        sys.stderr.write(f"{unreadable}\n")
    if machine.is_main_process:
        save_all(run / "weights", config, detector, model, classes, attributes, init / "vocab.txt")
    machine.wait_for_everyone()
    return run / "weights"
