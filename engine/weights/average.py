"""Weights half way between two that one training led through, which often do better than either (Wortsman et al.
2022, Model soups, arXiv 2203.05482)."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from engine.errors import ConfigError, WeightsError
from engine.weights.shipped import NOVELTY, load_model, only, read_with
from engine.weights.store import save
from engine.writing import refuse_overwriting


def average(first: Path, second: Path, out: Path, share: float = 0.5) -> Path:
    """Write to the folder `out`: first's detector, and both VL-BERTs mixed, `share` (0..1) of it second's.

    Raises WeightsError where one is missing, or where they are not of one preset and one set of region classes;
    ConfigError for a share outside 0..1, and where `out` is one of the two.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"The share is {share}; it must lie between 0 and 1.")
    for folder in (first, second):
        for file in read_with(folder):
            refuse_overwriting(out / file.name, file)
    config, model, _, classes = load_model(first)
    other_config, other, _, other_classes = load_model(second)
    if other_config.name != config.name or other_config.encoder != config.encoder or other_classes != classes:
        raise WeightsError(f"{first} and {second} are not two states of one training: presets or region classes "
                           "differ. Give two folders that started from the same weights.")
    with torch.no_grad():
        for own, new in zip(model.parameters(), other.parameters(), strict=True):
            own.lerp_(new, share)
    out.mkdir(parents=True, exist_ok=True)
    beside = [path.name for path in first.glob(NOVELTY)]
    for name in ("labels.json", "vocab.txt", only(first, "*-detector.safetensors").name, *beside):
        shutil.copyfile(first / name, out / name)
    save(model, out / f"{config.name}-vlbert.safetensors", other_config, kind="vlbert")
    return out
