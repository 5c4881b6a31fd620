"""A model that starts from one with other classes gives the same logits for the classes that both know."""

from dataclasses import replace

import torch

from engine.config import DetectorConfig
from engine.data.nouns import RegionClasses
from engine.detector.detector import ATTRIBUTES, Detector
from engine.detector.fast_rcnn import FeatureMaps
from engine.model.vlbert import VLBert
from engine.weights.reclassified import take_over, take_over_vlbert
from tests.tiny import CONFIG as TINY

CONFIG = DetectorConfig(depth=50, stage5="map", classes=4, mean_side=64, proposals=True, anchor_scales=(0.2, 0.6))
WORDS = tuple(f"word{i}" for i in range(ATTRIBUTES))


def test_classes_attributes_and_anchors_are_found_again_in_another_order() -> None:
    torch.manual_seed(0)
    old, new = Detector.from_config(CONFIG), Detector.from_config(
        replace(CONFIG, classes=5, anchor_scales=(0.1, 0.2, 0.6)))
    known = RegionClasses(("background", "dog", "sofa", "man"), {"couch": "sofa"})
    classes = RegionClasses(("background", "man", "zebra", "couch", "dog"), {})
    attributes = ("new", *reversed(WORDS[1:]))
    take_over(new, old, classes, known, attributes, WORDS)
    features = torch.randn(3, 2048)
    before, after = old.heads.classify(features), new.heads.classify(features)
    torch.testing.assert_close(after[:, [0, 4, 3, 1]], before)  # a couch was counted as a sofa
    assert (after[:, 2] < before[:, 1:].mean(dim=1)).all()  # what is new is rare
    torch.testing.assert_close(new.heads.attribute(features)[:, 1:], old.heads.attribute(features).flip(1)[:, :-1])
    stage4 = torch.randn(1, 1024, 4, 4)
    (score, move), (new_score, new_move) = old.proposals(stage4), new.proposals(stage4)
    by_scale, new_by_scale = score.view(16, 2, 3), new_score.view(16, 3, 3)
    torch.testing.assert_close(new_by_scale[:, 1:], by_scale)
    torch.testing.assert_close(new_by_scale[:, 0], by_scale[:, 0])
    torch.testing.assert_close(new_move.view(16, 3, 3, 4)[:, 1:], move.view(16, 2, 3, 4))
    maps, boxes = FeatureMaps(stage4, torch.randn(1, 2048, 2, 2)), [torch.tensor([[0.0, 0, 40, 50]])]
    torch.testing.assert_close(new.heads.deltas(maps.whole, boxes, 1 / 32), old.heads.deltas(maps.whole, boxes, 1 / 32))


def test_a_vlbert_with_other_classes_differs_in_nothing_else() -> None:
    torch.manual_seed(0)
    config = TINY
    old = VLBert.from_config(replace(config, detector=replace(config.detector, classes=3)))
    new = VLBert.from_config(replace(config, detector=replace(config.detector, classes=4)))
    known = RegionClasses(("background", "dog", "man"), {})
    take_over_vlbert(new, old, RegionClasses(("background", "man", "zebra", "dog"), {}), known)
    states = torch.randn(5, config.encoder.hidden)
    torch.testing.assert_close(new.heads.mvrc(states)[:, [0, 3, 1]], old.heads.mvrc(states))
    rest = {name: tensor for name, tensor in new.state_dict().items() if "mvrc.classify" not in name}
    assert len(rest) == len(old.state_dict()) - 2
    assert all(torch.equal(tensor, old.state_dict()[name]) for name, tensor in rest.items())
