"""Regions computed at each step: the same picture once, its masks applied, and gradients reach the backbone."""

import numpy as np
import torch
from PIL import Image

from engine.config import DetectorConfig
from engine.data.region_source import LiveRegions
from engine.detector.fast_rcnn import FastRCNN
from engine.detector.transform import Transform
from engine.structures.questions import Pictured

CONFIG = DetectorConfig(depth=50, short_side=64, long_side=96)


def test_live_regions_apply_masks_and_carry_gradients(tmp_path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    torch.manual_seed(0)
    fast_rcnn = FastRCNN.from_config(CONFIG).eval()
    fast_rcnn.backbone.freeze_first_stages()
    boxes = ((0.1, 0.1, 0.6, 0.9), (0.3, 0.2, 0.9, 0.8))
    masks = np.ones((2, 14, 14), np.float32)
    masks[1] = 0
    pictures = [Pictured(tmp_path / "a.png", boxes), Pictured(tmp_path / "a.png", boxes, masks=masks)]
    source = LiveRegions(fast_rcnn, Transform.from_config(CONFIG), pictures)
    plain, masked, again = source.regions([(0, ()), (1, ()), (0, ())])
    assert plain is again and source.given(0) == 2 and source.detected(0) == 0
    torch.testing.assert_close(plain.boxes, torch.tensor([[0, 0, 1, 1], *boxes], dtype=torch.float32))
    torch.testing.assert_close(masked.appearance[:2], plain.appearance[:2])
    assert not masked.appearance[2].any() and plain.appearance[2].any()
    plain.appearance.sum().backward()
    assert next(fast_rcnn.backbone.layer3.parameters()).grad is not None
