"""The real library's models with random but fixed weights, and a yaml file of the Visual Genome layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.detector.detectron2 import Detectron2, build

PROPOSALS = 60
COCO = "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml"
GENOME = """
VERSION: 2
MODEL:
  META_ARCHITECTURE: GeneralizedRCNN
  CAFFE_MAXPOOL: True
  PIXEL_MEAN: [102.9801, 115.9465, 122.7717]
  MASK_ON: False
  RESNETS: {DEPTH: 50}
  PROPOSAL_GENERATOR: {HID_CHANNELS: 512}
  ANCHOR_GENERATOR: {SIZES: [[64, 128, 256, 512]]}
  RPN: {PRE_NMS_TOPK_TEST: 6000, POST_NMS_TOPK_TEST: 300}
  ROI_HEADS: {NAME: Res5ROIHeads, NUM_CLASSES: 1600, SCORE_THRESH_TEST: 0.2}
  ROI_BOX_HEAD: {RES5HALVE: False, POOLER_TYPE: ROIPool, ATTR: True, NUM_ATTRS: 400}
INPUT: {MIN_SIZE_TEST: 600, MAX_SIZE_TEST: 1000}
TEST: {DETECTIONS_PER_IMAGE: 36}
"""


def library(config: str = COCO) -> Detectron2:
    """The model of a configuration, with few proposals to save time. Skips where the library is missing."""
    pytest.importorskip("detectron2", reason="detectron2 is not installed, so nothing can be compared with it")
    torch.manual_seed(0)
    detector = build(config, torch.device("cpu"))
    randomise(detector.model)
    detector.model.proposal_generator.post_nms_topk[False] = PROPOSALS
    return detector


def randomise(model: nn.Module) -> None:
    """Weights under which activations stay near 1, and boxes, scores and classes differ."""
    generator = torch.Generator().manual_seed(1)
    scales = {"cls_score.weight": 0.08, "bbox_pred.weight": 0.02, "objectness_logits.weight": 0.05,
              "anchor_deltas.weight": 0.003}
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.startswith("pixel"):
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            scale = next((s for end, s in scales.items() if name.endswith(end)), None)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.2 * noise.abs())
            elif "norm" in name:
                last = "conv3" in name  # the sum of a block's branches would grow with each block
                tensor.copy_((0.3 if last else 1.0) + 0.1 * noise if name.endswith("weight") else 0.1 * noise)
            elif tensor.ndim == 4 and scale is None:
                tensor.copy_(noise * (2 / tensor[0].numel()) ** 0.5)
            elif name.endswith("cls_score.weight"):  # features are positive: what they share must not choose the class
                tensor.copy_(scale * (noise - noise.mean(dim=1, keepdim=True)))
            else:
                tensor.copy_(noise * (scale or 0.05))
        model.backbone.stem.conv1.weight.mul_(0.02)  # pixels are in the hundreds


def picture() -> Tensor:
    """[1, 3, 192, 256], mean subtracted: smooth blobs and an edge."""
    generator = torch.Generator().manual_seed(2)
    coarse = torch.randn(1, 3, 8, 10, generator=generator) * 60
    image = nn.functional.interpolate(coarse, (192, 256), mode="bilinear")
    image[:, :, 60:140, 90:200] += 70
    return image


def save_pkl(path: Path, state: dict[str, Tensor]) -> Path:
    """As the library's model zoo stores models."""
    import pickle

    arrays = {k: np.asarray(v) for k, v in state.items()}
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "nobody", "iteration": 3}))
    return path
