"""The paper's ablation of pre-training (table 4), each setting one switch, all with equal steps."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.config import ModelConfig, RecipeConfig
from engine.data.flickr8k import read, texts
from engine.data.unreadable import readable_photos
from engine.detector.detector import Detector
from engine.measure.alignment import alignment
from engine.measure.pretraining import measure
from engine.model.vlbert import VLBert
from engine.predictor import Predictor
from engine.training import checkpoint
from engine.training.materials import digest_if_there
from engine.training.origin import FREE, Origin, of_settings, refuse_other
from engine.training.recipe import beginning
from engine.training.stage_material import Material, gathered, save_stage
from engine.training.stages import pretraining_stage, tuning_stage
from engine.weights.bert import load_bert

MADE = "made.json"
# The settings are measured after training: here its length is part of what they were made with. The detector's is not,
# since its digest is.
FREE_HERE = FREE - {"epochs", "tuning_epochs"}


@dataclass(frozen=True)
class Setting:
    """switches: fields of `PretrainingConfig` that differ from the preset's."""

    name: str
    switches: dict[str, bool]
    move_detector: bool = True


SETTINGS = (
    Setting("everything", {}),
    Setting("without MVRC", {"mvrc": False}),
    Setting("with sentence-image relationship", {"relationship": True}),
    Setting("without the text-only corpus", {"text_only": False}),
    Setting("with the detector fixed", {}, move_detector=False),
)


def ablate(config: ModelConfig, recipe: RecipeConfig, *, data: Path, text: Path, run: Path, bert: Path,
           limit: int) -> Iterator[dict[str, Any]]:
    """Train and measure each setting; yields its figures, which are also kept in its folder, `run`/ablation/N.

    run: a folder with a trained detector and its features (`pretrain --stages detector features`). limit: photos of
    the development split to measure on. Settings that are done are not trained again. Raises WeightsError, DataError,
    and ConfigError where what is done was trained or measured otherwise.
    """
    material = gathered(config, recipe, [str(data)], run, bert / "vocab.txt")
    corpus = material.pieces.captions(texts(text))
    photos, left_out = readable_photos(read(data, "dev", limit or None))
    if left_out.pictures.count and material.machine.is_main_process:
        sys.stderr.write(f"{left_out}\n")
    made = {**beginning(bert), "detector": digest_if_there(run / "detector" / "state.pt"),
            "text": digest_if_there(text), "photos": len(material.photos), "dev": len(photos)}
    made |= {f"{split} photos": digest_if_there(data / f"entities_{split}.jsonl") for split in ("train", "dev")}
    made |= {"preset": config.name, **of_settings(recipe, free=FREE_HERE)}
    for number in range(len(SETTINGS)):
        _refuse_other(run / "ablation" / str(number), made)
    for number, setting in enumerate(SETTINGS):
        folder = run / "ablation" / str(number)
        if material.machine.is_main_process:
            sys.stderr.write(f"setting {number + 1} of {len(SETTINGS)}, {setting.name}\n")
        if not (folder / "figures.json").exists():
            _write(made, folder / MADE)
            own = dataclasses.replace(config, pretraining=dataclasses.replace(config.pretraining, **setting.switches))
            _train(dataclasses.replace(material, config=own, run=folder), setting, run, corpus, bert)
            _measure(setting, folder, photos)
        yield json.loads((folder / "figures.json").read_text(encoding="utf-8"))


def _refuse_other(folder: Path, made: Origin) -> None:
    """Raises ConfigError where this setting was begun with something else; older versions told nothing."""
    if (folder / MADE).exists():
        refuse_other(json.loads((folder / MADE).read_text(encoding="utf-8")), made, folder,
                     "Give the same settings, or remove the folder ablation of this run.")


def _write(told: Mapping[str, Any], file: Path) -> None:
    """The file appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(told, indent=2), encoding="utf-8")
    partial.replace(file)


def _train(material: Material, setting: Setting, run: Path, corpus: Any, bert: Path) -> None:
    detector = Detector.from_config(material.config.detector).to(memory_format=torch.channels_last)
    detector.load_state_dict(checkpoint.load(run / "detector" / "state.pt")["model"])
    detector.fast_rcnn.backbone.freeze_first_stages()
    torch.manual_seed(material.recipe.seed)
    model = VLBert.from_config(material.config)
    load_bert(model, bert)
    pretraining_stage(material, detector.eval(), model, corpus, beginning(bert))
    tuning_stage(material, detector, model, corpus, move_detector=setting.move_detector)
    save_stage(material, material.run / "weights", detector, model)


def _measure(setting: Setting, folder: Path, photos: Any) -> None:
    predictor = Predictor.load(folder / "weights")
    figures = {"setting": setting.name} | measure(predictor, photos) | {"phrases": alignment(predictor, photos)}
    _write(figures, folder / "figures.json")


def table(figures: list[dict[str, Any]]) -> str:
    """Markdown: one line for each setting, shares in percent."""
    lines = ["| setting | words | nouns | regions | phrases to their region |", "| --- | --- | --- | --- | --- |"]
    for own in figures:
        words, regions = own["words"]["image"], own["regions"]["caption"]
        shares = (words["top1"], words["noun_top1"], regions["top1"], own["phrases"]["accuracy"])
        lines.append(f"| {own['setting']} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |")
    return "\n".join(lines)
