"""Reading the reference vectors: inputs, outputs, weights (stored or made from their keys) and gradient norms."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.detector.backbone import ResNet
from engine.detector.fast_rcnn import FastRCNN
from engine.weights.files import fill

FOLDER = Path(__file__).parent
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


class Case:
    """One case: `scalars`, `inputs`, `outputs` and the published state dict."""

    def __init__(self, name: str) -> None:
        self.about = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz") as file:
            self.arrays = {k: torch.from_numpy(file[k]) for k in file.files}
        self.scalars: dict[str, float] = self.about["scalars"]
        self.inputs = self._under("in/")
        self.outputs = self._under("out/")
        self.gradients = self._under("grad/")

    def _under(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)}

    def state(self) -> dict[str, Tensor]:
        """The published state dict."""
        stored = self._under("param/")
        return stored or made_state(self.about["state_dict"], self.about["param_checksum"])


def made_state(shapes: dict[str, list[int]], checksums: dict[str, list[float]]) -> dict[str, Tensor]:
    """Weights that are not stored (README, "Weights that are not stored"); stage 5 takes the names under `head.0.`."""
    state = {}
    for key, shape in shapes.items():
        source = key.replace("roi_head_feature_extractor.", "head.0.")
        if key.endswith("predictions.decoder.weight"):
            source = key.split("mlm_head")[0] + "word_embeddings.weight"
        state[key] = made(source, shape)
        if key in checksums:
            total, size = checksums[key]
            assert abs(float(state[key].double().sum()) - total) < 1e-5 * max(1.0, size), key
    return state


def made(key: str, shape: list[int]) -> Tensor:
    n = np.random.RandomState(zlib.crc32(key.encode()) % 2 ** 32).standard_normal(shape).astype(np.float32)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape)
    if key.endswith("running_mean"):
        n = 0.1 * n
    elif key.endswith("running_var"):
        n = np.exp(0.1 * n)
    elif len(shape) == 4:
        n = n * (0.01 if shape[1] == 3 else 1.0) * np.sqrt(2 / np.prod(shape[1:]))
    elif len(shape) == 2:
        n = n * 1.2 / np.sqrt(shape[1])
    elif len(shape) == 0:
        n = np.float32(0.7)
    elif key.endswith("weight"):
        scale = 0.2 if key.endswith("bn3.weight") else 0.5 if "downsample" in key else 1.0
        n = scale * (1 + 0.1 * n)
    else:
        n = 0.05 * n
    return torch.as_tensor(np.asarray(n, dtype=np.float32))


def fast_rcnn_of(tensors: dict[str, Tensor] | None) -> FastRCNN | None:
    """The published detector with these weights, its first stages frozen; None for none."""
    if tensors is None:
        return None
    fast_rcnn = FastRCNN(ResNet(101, dilated=True), whole_map=False)
    fill(fast_rcnn, tensors, "the case")
    fast_rcnn.backbone.freeze_first_stages()
    return fast_rcnn


def check(ours: Tensor, reference: Tensor) -> None:
    torch.testing.assert_close(ours.detach(), reference, **TOLERANCE)


def check_gradient_norms(module: nn.Module, names: dict[str, str], norms: dict[str, float | None]) -> int:
    """Every gradient norm of the reference whose key `names` knows; null means no gradient. Returns how many."""
    parameters = dict(module.named_parameters())
    checked = 0
    for theirs, ours in names.items():
        if theirs not in norms:
            continue
        gradient = parameters[ours].grad if ours in parameters else None
        if norms[theirs] is None:
            assert gradient is None, theirs
        else:
            assert gradient is not None, theirs
            np.testing.assert_allclose(float(gradient.norm()), norms[theirs], **TOLERANCE, err_msg=theirs)
        checked += 1
    return checked
