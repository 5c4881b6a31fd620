"""A Faster R-CNN C4 computed by the library detectron2 itself, behind the same interface as our own detector.

The library is optional and imported when a detector is built. Its models of COCO (R50-C4, R101-C4) and the Visual
Genome layout of bottom-up attention, whose extra settings the library does not know, can be used.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.detector.c4 import SHOWN, TOGETHER, C4Transform
from engine.detector.detector import Detections
from engine.detector.fast_rcnn import FeatureMaps
from engine.detector.transform import Transform
from engine.errors import BoxError, ConfigError

GET_IT = "pip install 'git+https://github.com/facebookresearch/detectron2.git'"


class Detectron2(nn.Module):
    """The library's model, asked for maps, features, classes and regions (`engine.detector.detector.RegionDetector`).

    model: a GeneralizedRCNN with Res5ROIHeads. It computes in float32, as the library does.
    """

    def __init__(self, model: Any, transform: Transform) -> None:
        super().__init__()
        self.model = model
        self.transform = transform

    @property
    def fast_rcnn(self) -> Detectron2:
        return self

    @property
    def heads(self) -> Detectron2:
        return self

    def maps(self, images: Tensor) -> FeatureMaps:
        """Images [B, 3, h, w], mean subtracted -> their maps."""
        with torch.autocast("cpu", enabled=False):
            return FeatureMaps(self.model.backbone(images)["res4"], None)

    def features(self, maps: FeatureMaps, boxes: Sequence[Tensor], masks: Sequence[Tensor] | None = None) -> Tensor:
        """[sum R_i, 2048]: the mean of each region's stage-5 map. boxes: per picture [R_i, 4] in input pixels."""
        if masks is not None:
            raise BoxError("detectron2 takes no segmentation masks. Leave them out, or use a detector of our own.")
        boxes_class = _library("structures").Boxes
        with torch.autocast("cpu", enabled=False):
            found = []
            for i, own in enumerate(boxes):
                for some in own.float().split(TOGETHER):
                    crop = self.model.roi_heads._shared_roi_transform([maps.stage4[i:i + 1]], [boxes_class(some)])
                    found.append(crop.mean(dim=(2, 3)))
            return torch.cat(found)

    def classify(self, features: Tensor) -> Tensor:
        """Features [K, 2048] -> logits [K, C], the background moved from the end to the front."""
        with torch.autocast("cpu", enabled=False):
            return self.model.roi_heads.box_predictor.cls_score(features).roll(1, dims=1)

    def regions(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        """The best detections of one picture, whose maps are given."""
        return self.detect(maps, height, width).first(SHOWN)

    @torch.inference_mode()
    def detect(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        """All that the library finds in one picture, by its own settings."""
        images = _library("structures").ImageList(maps.stage4.new_empty(1, 3, height, width), [(height, width)])
        features = {"res4": maps.stage4}
        with torch.autocast("cpu", enabled=False):
            proposals, _ = self.model.proposal_generator(images, features, None)
            (found,), _ = self.model.roi_heads(images, features, proposals, None)
        return Detections(found.pred_boxes.tensor, found.scores, found.pred_classes)


def build(config: str, device: torch.device) -> Detectron2:
    """The library's model with random weights.

    config: a name of its model zoo, such as COCO-Detection/faster_rcnn_R_50_C4_1x.yaml, or a yaml file.
    Raises ConfigError where the library or the configuration is missing, or is not a Faster R-CNN C4.
    """
    settings = read_config(config)
    settings.MODEL.DEVICE = str(device)
    model = _library("modeling").build_model(settings).eval()
    box_head = settings.MODEL.ROI_BOX_HEAD
    if settings.MODEL.CAFFE_MAXPOOL:
        model.backbone.stem.forward = partial(_caffe_stem, model.backbone.stem)
    if not box_head.RES5HALVE:
        _keep_size(model.roi_heads.res5)
    if box_head.ATTR:
        _add_attributes(model.roi_heads.box_predictor, settings.MODEL.ROI_HEADS.NUM_CLASSES, box_head.NUM_ATTRS)
    red, green, blue = settings.MODEL.PIXEL_MEAN[::-1 if settings.INPUT.FORMAT == "BGR" else 1]
    transform = C4Transform(settings.INPUT.MIN_SIZE_TEST, settings.INPUT.MAX_SIZE_TEST, 0, 0, (red, green, blue),
                            settings.INPUT.FORMAT)
    return Detectron2(model.to(device), transform)


def read_config(config: str) -> Any:
    """The library's configuration node. Raises ConfigError as `build` does."""
    settings = _library("config").get_cfg()
    _know_visual_genome(settings)
    zoo = Path(_library().__file__).parent / "model_zoo" / "configs" / config
    path = zoo if zoo.is_file() else Path(config)
    if not path.is_file():
        raise ConfigError(f"{config} is neither a name in detectron2's model zoo nor a file. Take one such as "
                          "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml, or the path of a yaml file.")
    if re.search(r"_BASE_:\s*[\"']?\w+://", path.read_text(encoding="utf-8", errors="replace")):
        raise ConfigError(f"{path} is based on a file of the network, and nothing is fetched while the program runs. "
                          "Keep both files here and name the other one by its path.")
    try:
        settings.merge_from_file(str(path), allow_unsafe=False)
    except Exception as error:  # yaml, the library and its base class each raise kinds of their own
        raise ConfigError(f"{path} is not a configuration of detectron2 ({error}). Choose another one.") from error
    model = settings.MODEL
    if model.ROI_HEADS.NAME != "Res5ROIHeads" or model.MASK_ON or list(model.PIXEL_STD) != [1.0, 1.0, 1.0]:
        raise ConfigError(f"{config} is not a Faster R-CNN C4 with caffe's pixels: ROI_HEADS.NAME must be "
                          f"Res5ROIHeads, MASK_ON false, PIXEL_STD all 1; it has {model.ROI_HEADS.NAME}, "
                          f"{model.MASK_ON}, {list(model.PIXEL_STD)}. Choose one whose name ends in C4.")
    if model.PROPOSAL_GENERATOR.HID_CHANNELS > 0:
        model.RPN.CONV_DIMS = [model.PROPOSAL_GENERATOR.HID_CHANNELS]
    return settings


def check_library() -> None:
    """Raises ConfigError where detectron2 is not installed."""
    if importlib.util.find_spec("detectron2") is None:
        raise ConfigError(f"detectron2 is not installed. Get it with: {GET_IT} - or convert the weights once, "
                          "where it is not needed: python -m engine convert detectron2 FILE OUT.")


def _library(part: str = "") -> Any:
    """detectron2, or a module of it. Raises ConfigError where it is not installed."""
    check_library()
    return importlib.import_module(f"detectron2.{part}" if part else "detectron2")


def _know_visual_genome(settings: Any) -> None:
    """The settings that py-bottom-up-attention adds to the library's, at values that change nothing."""
    settings.MODEL.CAFFE_MAXPOOL = False
    settings.MODEL.PROPOSAL_GENERATOR.HID_CHANNELS = -1
    settings.MODEL.ROI_BOX_HEAD.RES5HALVE = True
    settings.MODEL.ROI_BOX_HEAD.ATTR = False
    settings.MODEL.ROI_BOX_HEAD.NUM_ATTRS = -1


def _caffe_stem(stem: Any, images: Tensor) -> Tensor:
    return F.max_pool2d(F.relu_(stem.conv1(images)), kernel_size=3, stride=2, padding=0, ceil_mode=True)


def _keep_size(stage5: Any) -> None:
    """Stage 5 keeps the crop's size and is dilated instead."""
    for convolution in (stage5[0].conv1, stage5[0].shortcut):
        convolution.stride = (1, 1)
    for block in stage5:
        block.conv2.padding = block.conv2.dilation = (2, 2)


def _add_attributes(predictor: nn.Module, classes: int, attributes: int) -> None:
    """The attribute head's parts under the checkpoint's names, so that a checkpoint is filled in whole."""
    predictor.add_module("cls_embedding", nn.Embedding(classes + 1, 256))
    predictor.add_module("fc_attr", nn.Linear(2048 + 256, 512))
    predictor.add_module("attr_score", nn.Linear(512, attributes + 1))
