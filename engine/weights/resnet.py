"""From Keras' ImageNet ResNet-50, as a TensorFlow.js layers model: `model.json` and its shards.

Kernels are turned from HWIO to OIHW; a convolution's bias goes into its normalisation (mean - bias). These weights
want an eps of 1e-3 and BGR pixels of 0..255 minus (103.939, 116.779, 123.68).
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.lines import BROKEN, reason
from engine.detector.backbone import BLOCKS, ResNet
from engine.errors import WeightsError
from engine.weights.files import check_file, fill, refuse_unless_same

SOURCE = "Keras' ResNet-50"
CLASSIFIER = ("fc1000/kernel", "fc1000/bias")


def load_resnet(backbone: ResNet, folder: Path) -> None:
    """Fill a ResNet-50 from the folder of the layers model.

    Raises WeightsError where a file is missing or cut short, or a tensor is missing, unknown or misshapen.
    """
    fill(backbone, convert_resnet(read_layers_model(folder)), SOURCE)


def read_layers_model(folder: Path) -> dict[str, Tensor]:
    """Every float32 tensor of a TensorFlow.js layers model by its own name, as stored.

    Raises WeightsError where a file is missing or its size does not fit the manifest.
    """
    check_file(folder / "model.json")
    try:
        manifest = json.loads((folder / "model.json").read_bytes())["weightsManifest"]
        groups = [([folder / p for p in g["paths"]], [(w["name"], w["shape"], w["dtype"]) for w in g["weights"]])
                  for g in manifest]
    except BROKEN as error:
        raise WeightsError(f"{folder / 'model.json'} is not the description of a layers model ({reason(error)}). "
                           "Unpack the package again.") from error
    tensors: dict[str, Tensor] = {}
    for paths, weights in groups:
        for path in paths:
            check_file(path)
        content = b"".join(path.read_bytes() for path in paths)
        expected = 4 * sum(math.prod(shape) for _, shape, _ in weights)
        if len(content) != expected or any(dtype != "float32" for _, _, dtype in weights):
            raise WeightsError(f"The shards in {folder} hold {len(content)} bytes; model.json describes {expected} "
                               "of float32. Unpack the package again.")
        numbers = np.frombuffer(content, "<f4")
        for name, shape, _ in weights:
            tensors[name] = torch.tensor(numbers[:math.prod(shape)].reshape(shape))
            numbers = numbers[math.prod(shape):]
    return tensors


def convert_resnet(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keras' tensors under the backbone's names; the classifier is left out.

    Raises WeightsError naming the tensor that is missing or unknown.
    """
    pairs = _convolutions()
    biased = {f"{theirs}/bias" for theirs, *_ in pairs} & tensors.keys()
    expected = {f"{theirs}/kernel" for theirs, *_ in pairs} | biased | {
        f"{norm}/{part}" for _, norm, *_ in pairs for part in ("gamma", "beta", "moving_mean", "moving_variance")}
    refuse_unless_same([k for k in tensors if k not in CLASSIFIER], sorted(expected), file="the folder",
                       wanted_by=SOURCE)
    state: dict[str, Tensor] = {}
    for theirs, norm, convolution, own_norm in pairs:
        mean = tensors[f"{norm}/moving_mean"]
        state[f"{convolution}.weight"] = tensors[f"{theirs}/kernel"].permute(3, 2, 0, 1).contiguous()
        state[f"{own_norm}.weight"] = tensors[f"{norm}/gamma"]
        state[f"{own_norm}.bias"] = tensors[f"{norm}/beta"]
        state[f"{own_norm}.running_mean"] = mean - tensors.get(f"{theirs}/bias", torch.zeros_like(mean))
        state[f"{own_norm}.running_var"] = tensors[f"{norm}/moving_variance"]
    return state


def _convolutions() -> list[tuple[str, str, str, str]]:
    """Their convolution, their normalisation, our convolution, our normalisation."""
    pairs = [("conv1", "bn_conv1", "conv1", "bn1")]
    for stage, blocks in enumerate(BLOCKS[50], start=2):
        for block in range(blocks):
            theirs, ours = f"{stage}{'abcdef'[block]}_branch", f"layer{stage - 1}.{block}"
            for i, letter in enumerate("abc", start=1):
                pairs.append((f"res{theirs}2{letter}", f"bn{theirs}2{letter}", f"{ours}.conv{i}", f"{ours}.bn{i}"))
        first = f"{stage}a_branch1"
        ours = f"layer{stage - 1}.0.downsample"
        pairs.append((f"res{first}", f"bn{first}", f"{ours}.0", f"{ours}.1"))
    return pairs
