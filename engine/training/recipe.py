"""How `mini` is trained, from ImageNet and BERT weights to the folder that the studio loads.

Four stages: the detector; its features, computed once; pre-training on them; end-to-end tuning. Every stage finds what
the one before left in the run's folder. Each goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.config import STAGES, ModelConfig, RecipeConfig
from engine.data.flickr8k import texts
from engine.errors import ConfigError, WeightsError
from engine.model.vlbert import VLBert
from engine.training import checkpoint
from engine.training.materials import digest_if_there
from engine.training.origin import Origin
from engine.training.stage_material import Material, gathered, save_stage
from engine.training.stages import detector_stage, features_stage, pretraining_stage, tuning_stage
from engine.weights.adapters import base_file
from engine.weights.bert import bert_file, load_bert
from engine.weights.reclassified import take_over_vlbert
from engine.weights.shipped import only, read_labels, read_with
from engine.weights.store import load, read_config
from engine.writing import refuse_overwriting


def pretrain(config: ModelConfig, recipe: RecipeConfig, *, data: Sequence[str], text: Path, run: Path, bert: Path,
             resnet: Path | None, init: Path | None = None, stages: Sequence[str] = STAGES,
             tensorboard: bool = False) -> Path:
    """Run the stages and return the folder of the finished weights. Finished stages are not repeated.

    init: a folder of weights whose VL-BERT the pre-training starts from, instead of `bert`'s; its region classes may
    be others.
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
    torch.manual_seed(recipe.seed)  # the stages before have drawn other numbers in each process
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


def _initialise(material: Material, model: VLBert, bert: Path, init: Path | None) -> None:
    if init is None:
        load_bert(model, bert)
        return
    file = only(init, "*-vlbert.safetensors")
    config = read_config(file, kind="vlbert")
    sizes = (config.encoder, config.appearance, config.geometry, config.pretraining.alignment > 0)
    own = material.config
    if sizes != (own.encoder, own.appearance, own.geometry, own.pretraining.alignment > 0):
        raise WeightsError(f"{init} holds the preset {config.name}, whose sizes are not those of {own.name}. Start "
                           "from BERT, or give weights of these sizes.")
    old = VLBert.from_config(config)
    load(old, file, config, kind="vlbert")
    known, _ = read_labels(init / "labels.json")
    take_over_vlbert(model, old, material.classes, known)


def beginning(bert: Path, init: Path | None = None) -> Origin:
    """What pre-training starts from, by the digest of its file."""
    return {"weights": digest_if_there(base_file(init) if init else bert_file(bert))}


