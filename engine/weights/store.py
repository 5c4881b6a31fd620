"""Our own checkpoints: one safetensors file per module, matrices in float16, the configuration in its metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.errors import WeightsError
from engine.weights.files import check_file, fill, read_tensors, write_tensors

Parsed = TypeVar("Parsed")
FORMAT = "vl-bert-studio checkpoint 1"


class Config(Protocol):
    """Anything that describes a module in json."""

    def to_json(self) -> str: ...


def save(module: nn.Module, path: Path, config: Config, *, kind: str, exact: bool = False) -> None:
    """Write a module's state.

    Matrices and kernels are stored in float16, where it is `exact` in float32; vectors (biases, normalisation) always
    in float32. kind: what the module is, checked by `load`. The file appears whole or not at all. Raises WeightsError
    where a tensor is not finite, DiskError where the disk is full or refuses.
    """
    tensors = {name: stored(name, tensor, exact=exact) for name, tensor in module.state_dict().items()}
    # One entry only: the library writes several in an order that changes, and equal files should have equal bytes.
    metadata = {FORMAT: json.dumps({"kind": kind, "config": config.to_json()}, sort_keys=True)}
    write_tensors(path, tensors, metadata)


def load(module: nn.Module, path: Path, config: ModelConfig, *, kind: str) -> None:
    """Fill a module from a file that `save` wrote.

    Raises WeightsError where the file is missing, cut short, of another kind or preset, or where a tensor is missing,
    unknown or misshapen; the module is unchanged then.
    """
    stored = read_config(path, kind=kind)
    if stored.name != config.name:
        raise WeightsError(f"{path} belongs to the preset {stored.name!r}; this model is {config.name!r}. "
                           f"Load it with the preset {stored.name!r}, or choose another file.")
    fill(module, read_tensors(path), str(path))


def read_config(path: Path, *, kind: str) -> ModelConfig:
    """The configuration a file was saved with. Raises WeightsError as `read_json` does."""
    return read_json(path, kind=kind, parse=ModelConfig.from_json)


def read_json(path: Path, *, kind: str, parse: Callable[[str], Parsed]) -> Parsed:
    """The same for a configuration of any class, which `parse` reads from json.

    Raises WeightsError where the file is missing, cut short, not ours, or of another kind.
    """
    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read; it is damaged or cut short ({error}). Fetch it again.") from error
    if FORMAT not in metadata:
        raise WeightsError(f"{path} is not a checkpoint of this program: its metadata has no {FORMAT}. "
                           "Convert a published one with: python -m engine convert.")
    try:
        content = json.loads(metadata[FORMAT])
        if content["kind"] != kind:
            raise WeightsError(f"{path} holds a {content['kind']}; a {kind} was expected. Choose another file.")
        return parse(content["config"])
    except WeightsError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path} was saved with a configuration of another version: {error} "
                           "Convert or train it again.") from error


def stored(name: str, tensor: Tensor, *, exact: bool = False) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.cpu().contiguous()
    dtype = torch.float16 if tensor.ndim > 1 and not exact else torch.float32
    stored = tensor.detach().to("cpu", dtype).contiguous()
    if not bool(stored.isfinite().all()):
        raise WeightsError(f"{name} holds numbers that are not finite or too large for {dtype}; the training went "
                           "wrong. Go back to an earlier checkpoint.")
    return stored
