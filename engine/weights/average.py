"""Weights half way between two that one training led through, which often do better than either (Wortsman et al.
2022, Model soups, arXiv 2203.05482)."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import ConfigError, WeightsError
from engine.weights.adapters import PARTS, read_info, under, write_adapter
from engine.weights.files import read_tensors, refuse_misshapen, refuse_unless_same
from engine.weights.shipped import load_model, only
from engine.weights.store import save

FIRST, SECOND = "lora_A.weight", "lora_B.weight"  # how the two low-rank matrices of a layer are called


def average(first: Path, second: Path, out: Path, share: float = 0.5) -> Path:
    """Write to the folder `out`: first's detector, and both VL-BERTs mixed, `share` (0..1) of it second's.

    Raises WeightsError where one is missing, or where they are not of one preset and one set of region classes;
    ConfigError for a share outside 0..1.
    """
    _check(share)
    config, model, _, classes = load_model(first)
    other_config, other, _, other_classes = load_model(second)
    if other_config.name != config.name or other_config.encoder != config.encoder or other_classes != classes:
        raise WeightsError(f"{first} and {second} are not two states of one training: presets or region classes "
                           "differ. Give two folders that started from the same weights.")
    with torch.no_grad():
        for own, new in zip(model.parameters(), other.parameters(), strict=True):
            own.lerp_(new, share)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("labels.json", "vocab.txt", only(first, "*-detector.safetensors").name):
        if (first / name).resolve() != (out / name).resolve():
            shutil.copyfile(first / name, out / name)
    save(model, out / f"{config.name}-vlbert.safetensors", other_config, kind="vlbert")
    return out


def average_adapters(first: Path, second: Path, out: Path, share: float = 0.5) -> Path:
    """Write to the file `out`: both heads mixed, `share` (0..1) of it second's, and of what low-rank matrices moved
    the mean of both, exactly: one pair of matrices of both ranks together holds it.

    Raises WeightsError where one is missing or damaged, or where they are not two fine-tunings of one task on the same
    weights, both tuned lora; ConfigError for a share outside 0..1.
    """
    _check(share)
    info, other = read_info(first), read_info(second)
    tensors, others = read_tensors(first), read_tensors(second)
    if {info.tune, other.tune} != {"lora"} or any(under(own, PARTS["full"]) for own in (tensors, others)):
        raise WeightsError(f"{first} and {second} are not both what --tune lora left. Give two adapters that are.")
    if dataclasses.replace(other, rank=info.rank, alpha=info.alpha, about=info.about) != info:
        raise WeightsError(f"{first} and {second} are not two fine-tunings of one task on the same weights. Give two "
                           "that learned the same answers with the same settings.")
    refuse_unless_same(others, tensors, file=str(second), wanted_by=str(first))
    refuse_misshapen(others, {name: _of_rank(name, own, other.rank) for name, own in tensors.items()}, str(second))
    scales = ((1 - share) * info.alpha / max(1, info.rank), share * other.alpha / max(1, other.rank))
    mixed: dict[str, Tensor] = {}
    for name, own in tensors.items():
        pair = (own.float(), others[name].float())
        if name.endswith(SECOND):
            mixed[name] = torch.cat([scale * part for scale, part in zip(scales, pair, strict=True)], dim=1)
        else:
            mixed[name] = torch.cat(pair) if name.endswith(FIRST) else pair[0].lerp(pair[1], share)
    rank = info.rank + other.rank
    write_adapter(out, mixed, dataclasses.replace(info, rank=rank, alpha=rank))
    return out


def _of_rank(name: str, matrix: Tensor, rank: int) -> Tensor:
    """A tensor of the shape that `matrix` would have in an adapter of this rank."""
    if name.endswith(FIRST):
        return matrix.new_empty(rank, *matrix.shape[1:])
    return matrix.new_empty(*matrix.shape[:1], rank) if name.endswith(SECOND) else matrix


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise ConfigError(f"The share is {share}; it must lie between 0 and 1.")
