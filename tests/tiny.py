"""A folder of weights small enough to train in a test."""

from pathlib import Path

import torch

from engine.config import DetectorConfig, EncoderConfig, ModelConfig
from engine.data.nouns import RegionClasses
from engine.detector.detector import Detector
from engine.model.vlbert import VLBert
from engine.weights.shipped import save_all

VOCABULARY = Path(__file__).parents[1] / "assets" / "weights" / "vocab.txt"
CONFIG = ModelConfig(
    name="tiny", precomputed=True, encoder=EncoderConfig(hidden=32, layers=2, heads=4, feed_forward=64, dropout=0.0),
    detector=DetectorConfig(depth=50, stage5="map", classes=4, square_side=96, source_side=96, proposals=True))


def write_tiny(folder: Path, config: ModelConfig = CONFIG) -> Path:
    torch.manual_seed(0)
    classes = RegionClasses(("background", "ball", "tree", "car"), {})
    save_all(folder, config, Detector.from_config(config.detector), VLBert.from_config(config), classes, ("red",),
             VOCABULARY)
    return folder
