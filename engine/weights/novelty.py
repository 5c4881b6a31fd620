"""The file of a fitted measure of novelty, NAME-novelty.safetensors in the folder of weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.errors import WeightsError
from engine.novelty import Novelty
from engine.structures.picture_statistics import COUNT
from engine.weights.files import read_tensors, refuse_unless_same, write_tensors
from engine.weights.shipped import NOVELTY, only
from engine.weights.store import FORMAT, read_config, read_json

KIND = "novelty"
SHAPES = {"mean": (COUNT,), "whitening": (COUNT, COUNT), "threshold": ()}


@dataclass(frozen=True)
class Fitted:
    """about: the data that the measure was fitted on."""

    about: str

    def to_json(self) -> str:
        """As it stands in the file."""
        return json.dumps({"about": self.about})

    @classmethod
    def from_json(cls, text: str) -> Fitted:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        return cls(str(json.loads(text)["about"]))


def save_novelty(folder: Path, novelty: Novelty, about: str) -> Path:
    """Write the measure into a folder of weights.

    Args:
        folder: of weights.
        novelty: the measure.
        about: the data that it was fitted on.

    Returns:
        The file.

    Raises:
        WeightsError: the folder has no model.
        DiskError: the file cannot be written.
    """
    path = folder / f"{read_config(only(folder, '*-vlbert.safetensors'), kind='vlbert').name}-{KIND}.safetensors"
    tensors = {name: torch.as_tensor(getattr(novelty, name), dtype=torch.float32) for name in SHAPES}
    described = json.dumps({"kind": KIND, "config": Fitted(about).to_json()}, sort_keys=True)
    write_tensors(path, tensors, {FORMAT: described})
    return path


def load_novelty(folder: Path) -> Novelty | None:
    """Read the measure of a folder of weights.

    Args:
        folder: of weights.

    Returns:
        The measure, or None where the folder has none.

    Raises:
        WeightsError: the file is damaged, or of another version.
    """
    if not list(folder.glob(NOVELTY)):
        return None
    path = only(folder, NOVELTY)
    read_json(path, kind=KIND, parse=Fitted.from_json)
    found = read_tensors(path)
    refuse_unless_same(found, SHAPES, file=str(path), wanted_by="a measure of novelty")
    for name, tensor in found.items():
        if tuple(tensor.shape) != SHAPES[name]:
            raise WeightsError(f"{name} has the shape {list(tensor.shape)} in {path}; {list(SHAPES[name])} was "
                               "expected. Fit it again: python -m engine novelty.")
    return Novelty(found["mean"].numpy(), found["whitening"].numpy(), float(found["threshold"]))
