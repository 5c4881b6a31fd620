"""From the checkpoints of detectron2's Faster R-CNN C4 (.pkl of its model zoo, .pth of its trainer).

Two layouts: COCO's models, and those of bottom-up attention on Visual Genome (py-bottom-up-attention), which may have
an attribute head. Their background comes last, ours first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.c4_config import C4Config, bottom_up_attention
from engine.detector.backbone import BLOCKS
from engine.detector.c4 import C4, anchor_shapes
from engine.detector.detectron2 import Detectron2
from engine.errors import WeightsError
from engine.weights import store
from engine.weights.files import check_file, fill, read_pickled, read_tensors, refuse_unless_same, renamed
from engine.weights.names import COUNTER, both, count, plain
from engine.weights.pickles import read_arrays
from engine.writing import refuse_overwriting

SOURCE = "a Faster R-CNN C4 of detectron2"
KIND = "c4"
NORM = ("weight", "bias", "running_mean", "running_var")
HEADS = {
    "proposal_generator.rpn_head.conv": "proposals.look",
    "proposal_generator.rpn_head.objectness_logits": "proposals.objectness",
    "proposal_generator.rpn_head.anchor_deltas": "proposals.deltas",
    "roi_heads.box_predictor.cls_score": "heads.classify",
    "roi_heads.box_predictor.bbox_pred": "heads.refine",
}
EMBEDDING = "roi_heads.box_predictor.cls_embedding.weight"
ATTRIBUTES = {EMBEDDING: "heads.attributes.embed.weight"} | both(
    "roi_heads.box_predictor.fc_attr", "heads.attributes.dense") | both(
    "roi_heads.box_predictor.attr_score", "heads.attributes.score")
BACKGROUND_LAST = ("heads.classify.weight", "heads.classify.bias", "heads.attributes.embed.weight")
# What some versions of the library store besides the weights.
PIXEL_MEAN, PIXEL_STD = "pixel_mean", "pixel_std"
ANCHORS = "proposal_generator.anchor_generator.cell_anchors.0"


def convert_detectron2(path: Path, out: Path) -> tuple[Path]:
    """Write a checkpoint as our `C4`, in float32 as it came, so that both see the same; returns the written file.

    Raises WeightsError naming the tensor that is missing, unknown or misshapen, and ConfigError where `out` is the
    checkpoint.
    """
    refuse_overwriting(out, path)
    config, tensors = convert(read_checkpoint(path))
    detector = C4.from_config(config)
    fill(detector, tensors, str(path))
    store.save(detector, out, config, kind=KIND, exact=True)
    return (out,)


def load_c4(path: Path) -> tuple[C4Config, C4]:
    """The detector that `convert_detectron2` wrote. Raises WeightsError."""
    config = store.read_json(path, kind=KIND, parse=C4Config.from_json)
    detector = C4.from_config(config)
    fill(detector, read_tensors(path), str(path))
    return config, detector


def fill_library(detector: Detectron2, path: Path) -> None:
    """Fill the library's own model. Raises WeightsError naming what is missing, unknown or misshapen."""
    state = read_checkpoint(path)
    own = detector.model.state_dict()
    unstored = (PIXEL_MEAN, PIXEL_STD, ANCHORS)  # they come from the configuration
    counters = [k for k in own if k.endswith(COUNTER)]  # only training uses them
    fill(detector.model, {k: v for k, v in state.items() if k in own or k not in unstored}, str(path),
         fresh=(*unstored, *counters))


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.pkl` or `.pth` file, under `plain` names. No code of the file is run.

    Raises WeightsError where the file is missing, damaged, or holds something else.
    """
    check_file(path)
    content = read_arrays(path) if path.suffix == ".pkl" else read_pickled(path)
    model = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(model, dict) or not all(isinstance(v, (Tensor, np.ndarray)) for v in model.values()):
        raise WeightsError(f"{path} does not hold the named tensors of a model. Choose {SOURCE}.")
    return plain({str(key): torch.as_tensor(value) for key, value in model.items()})


def convert(state: Mapping[str, Tensor]) -> tuple[C4Config, dict[str, Tensor]]:
    """The configuration that fits a checkpoint, and its tensors under our names.

    Raises WeightsError naming the tensor that is missing, unknown or contradicts the layout.
    """
    config = identify(state)
    _check_stored_settings(state, config)
    weights = {k: v for k, v in state.items() if k not in (PIXEL_MEAN, PIXEL_STD, ANCHORS)}
    tensors = renamed(weights, names(config.depth, attributes=bool(config.attributes)), SOURCE)
    return config, {k: v.roll(1, dims=0) if k in BACKGROUND_LAST else v for k, v in tensors.items()}


def identify(state: Mapping[str, Tensor]) -> C4Config:
    """Which layout it is, from the shapes that differ. Raises WeightsError where one of them is missing or unknown."""
    blocks = count(state, r"backbone\.res4\.(\d+)\.")
    depth = 101 if blocks > BLOCKS[50][2] else 50
    refuse_unless_same([k for k in HEADS if f"{k}.weight" in state], list(HEADS), file="the file", wanted_by=SOURCE)
    classes = state["roi_heads.box_predictor.cls_score.weight"].shape[0] - 1
    anchors = state["proposal_generator.rpn_head.objectness_logits.weight"].shape[0]
    width = state["proposal_generator.rpn_head.conv.weight"].shape[0]
    described = "roi_heads.box_predictor.attr_score.weight"
    attributes = state[described].shape[0] - 1 if described in state else 0
    if any(k in state for k in ATTRIBUTES) and not attributes:
        raise WeightsError(f"{described} is missing: the file has other parts of an attribute head. "
                           "Take a complete file.")
    for known in (C4Config(), bottom_up_attention()):
        if anchors == len(known.anchor_sides) * len(known.anchor_ratios):
            return replace(known, depth=depth, classes=classes, attributes=attributes, proposal_width=width)
    raise WeightsError(f"proposal_generator.rpn_head.objectness_logits.weight scores {anchors} anchors; COCO's models "
                       "have 15 and Visual Genome's 12. Take one of those.")


def names(depth: int, *, attributes: bool) -> dict[str, str]:
    """Every name of a checkpoint, and ours."""
    found = _normalised("backbone.stem.conv1", "conv1", "bn1")
    for stage, blocks in enumerate(BLOCKS[depth], start=2):
        place = f"backbone.res{stage}" if stage < 5 else "roi_heads.res5"
        found |= _normalised(f"{place}.0.shortcut", f"layer{stage - 1}.0.downsample.0",
                             f"layer{stage - 1}.0.downsample.1")
        for block in range(blocks):
            ours = f"layer{stage - 1}.{block}"
            for i in (1, 2, 3):
                found |= _normalised(f"{place}.{block}.conv{i}", f"{ours}.conv{i}", f"{ours}.bn{i}")
    for theirs, own in HEADS.items():
        found |= both(theirs, own)
    return found | ATTRIBUTES if attributes else found


def _normalised(theirs: str, convolution: str, norm: str) -> dict[str, str]:
    """A convolution and its frozen normalisation."""
    prefix = "fast_rcnn.backbone."
    return {f"{theirs}.weight": f"{prefix}{convolution}.weight"} | {
        f"{theirs}.norm.{part}": f"{prefix}{norm}.{part}" for part in NORM}


def _check_stored_settings(state: Mapping[str, Tensor], config: C4Config) -> None:
    """Settings that a file carries must be those of its layout. Raises WeightsError."""
    shapes = torch.tensor(anchor_shapes(config))
    mean = config.pixel_mean if config.pixel_order == "RGB" else config.pixel_mean[::-1]
    expected = {ANCHORS: torch.cat([-shapes / 2, shapes / 2], dim=1), PIXEL_MEAN: torch.tensor(mean),
                PIXEL_STD: torch.ones(3)}
    for key, wanted in _present(state, expected).items():
        if state[key].numel() != wanted.numel() or not torch.allclose(state[key].float().reshape(wanted.shape),
                                                                      wanted, atol=1e-2):
            raise WeightsError(f"{key} is {state[key].flatten()[:4].tolist()} in the file; this layout has "
                               f"{wanted.flatten()[:4].tolist()}. Use such a model with detectron2 itself.")


def _present(state: Collection[str], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in expected.items() if key in state}
