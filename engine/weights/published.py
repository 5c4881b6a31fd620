"""From the four published VL-BERT checkpoints: base and large, end to end and on precomputed features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.config import ModelConfig, base, large
from engine.detector.fast_rcnn import FastRCNN
from engine.errors import WeightsError
from engine.model.vlbert import VLBert
from engine.weights import store
from engine.weights.files import fill, read_tensors, refuse_unless_same, renamed
from engine.weights.names import plain
from engine.weights.published_names import HIDDEN_APPEARANCE, OPTIONAL, VECTORS, detector_names, vlbert_names
from engine.writing import refuse_overwriting

SOURCE = "a published VL-BERT checkpoint"
PRESETS = {768: base, 1024: large}  # by hidden width
FRESH = frozenset(ours for group in OPTIONAL for ours in group.values())


@dataclass(frozen=True)
class Published:
    """A published checkpoint under our names: `vlbert` for VLBert; `fast_rcnn` for FastRCNN, None if precomputed."""

    config: ModelConfig
    vlbert: dict[str, Tensor]
    fast_rcnn: dict[str, Tensor] | None


def convert_published(path: Path, out: Path) -> tuple[Path, ...]:
    """Write a published checkpoint in our format: `out`, and beside it `*.detector.safetensors` where there is one.

    The pooler and the relationship head, which pre-training did not have, stay fresh. Returns the written files.
    Raises WeightsError naming the tensor that is missing, unknown, misshapen or contradicts its double, and ConfigError
    where a file to write is the checkpoint.
    """
    beside = out.with_name(f"{out.stem}.detector.safetensors")
    for written in (out, beside):
        refuse_overwriting(written, path)
    published = identify(read_tensors(path))
    model = VLBert.from_config(published.config)
    fill(model, published.vlbert, SOURCE, fresh=FRESH)
    store.save(model, out, published.config, kind="vlbert")
    if published.fast_rcnn is None:
        return (out,)
    detector = FastRCNN.from_config(published.config.detector)
    fill(detector, published.fast_rcnn, SOURCE)
    store.save(detector, beside, published.config, kind="fast_rcnn")
    return out, beside


def identify(state: Mapping[str, Tensor]) -> Published:
    """Which of the four it is, and its tensors under our names.

    Raises WeightsError naming the tensor that is missing, unknown, misshapen or contradicts its double.
    """
    vlbert, fast_rcnn = rename(state)
    width = vlbert["embeddings.words.weight"].shape[-1]
    if width not in PRESETS:
        raise WeightsError(f"vlbert.word_embeddings.weight is {width} wide; base has 768 and large 1024. "
                           "Take one of the published checkpoints.")
    config = PRESETS[width](precomputed=fast_rcnn is None)
    with torch.device("meta"):
        model, detector = VLBert.from_config(config), FastRCNN.from_config(config.detector)
    state = plain(state)
    _check_shapes(state, vlbert_names(state), model)
    _check_shapes(state, detector_names(state), detector)
    return Published(config, vlbert, fast_rcnn)


def rename(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """The tensors of VLBert and of FastRCNN (None if precomputed) under our names, for a VLBert of any size.

    Raises WeightsError naming the tensor that is missing, unknown or contradicts its double.
    """
    state = plain(state)
    names, detector = vlbert_names(state), detector_names(state)
    refuse_unless_same(state, names | detector, file="the file", wanted_by=SOURCE)
    tensors = renamed({k: v for k, v in state.items() if k in names}, names, SOURCE)
    for ours in (VECTORS | HIDDEN_APPEARANCE).values():
        if ours in tensors:
            tensors[ours] = tensors[ours].squeeze(0)
    return tensors, renamed({k: v for k, v in state.items() if k in detector}, detector, SOURCE) or None


def _check_shapes(state: Mapping[str, Tensor], names: Mapping[str, str], module: nn.Module) -> None:
    own = module.state_dict()
    for theirs, ours in names.items():
        if ours not in own:
            raise WeightsError(f"{theirs} is unknown: the published model of this size has no such tensor. "
                               "Take one of the published checkpoints.")
        shape = list(own[ours].shape)
        expected = [1, *shape] if theirs in VECTORS | HIDDEN_APPEARANCE else shape
        if list(state[theirs].shape) != expected:
            raise WeightsError(f"{theirs} has the shape {list(state[theirs].shape)}; the published model has "
                               f"{expected}. Take the original file.")
    missing = [ours for ours in own if ours not in names.values() and ours not in FRESH]
    if names and missing:
        raise WeightsError(f"{missing[0]} has no counterpart in the file. Take one of the published checkpoints.")
