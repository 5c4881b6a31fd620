"""Boxes from maps, against torchvision and against their own inverse."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import roi_align

from engine.config import DetectorConfig, mini
from engine.detector.detector import Detector
from engine.detector.pooling import mean_roi_align
from engine.detector.proposals import Suppression, anchors, decode, encode
from engine.detector.transform import Transform
from engine.structures.boxes import Boxes
from engine.structures.photo import Photo


def boxes(count: int, side: float, seed: int) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed)) * side
    return torch.cat([corners.min(dim=1).values, corners.max(dim=1).values + 2], dim=1)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 15))
def test_mean_pooling_equals_roi_align_averaged(seed: int, samples: int) -> None:
    maps = torch.randn(2, 3, 12, 9, generator=torch.Generator().manual_seed(seed))
    own = [boxes(4, 420, seed), boxes(3, 300, seed + 1)]
    theirs = roi_align(maps, own, samples, 1 / 32, sampling_ratio=1, aligned=True).mean(dim=(2, 3))
    torch.testing.assert_close(mean_roi_align(maps, own, 1 / 32, samples), theirs, rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_decode_undoes_encode(seed: int) -> None:
    start = boxes(5, 200, seed)
    goal = start + (boxes(5, 1, seed + 1) - 0.5)
    torch.testing.assert_close(decode(start, encode(start, goal)), goal, rtol=1e-4, atol=1e-2)


def test_anchors_are_centred_on_the_places_of_the_map() -> None:
    found = anchors(2, 3, (0.1, 0.4)).reshape(2, 3, -1, 4)
    centres = (found[..., :2] + found[..., 2:]) / 2
    assert torch.allclose(centres[1, 2], torch.tensor([2.5 * 16, 1.5 * 16]).expand_as(centres[1, 2]))


def test_suppression_keeps_the_best_of_a_class_and_other_classes_beside_it() -> None:
    one = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 7], [50, 50, 60, 60]], dtype=torch.float32)
    kept = Suppression(least=1, most=3).keep(one, torch.tensor([0.5, 0.9, 0.4, 0.8]), torch.tensor([1, 1, 2, 1]))
    assert kept.tolist() == [1, 3, 2]


def test_a_picture_has_between_the_least_and_the_most_regions() -> None:
    apart = torch.tensor([[i * 20, 0, i * 20 + 10, 10] for i in range(60)], dtype=torch.float32)
    rule = Suppression()
    assert len(rule.keep(apart, torch.full((60,), 0.9), torch.ones(60))) == rule.most
    assert len(rule.keep(apart, torch.full((60,), 0.001), torch.ones(60))) == rule.least
    heap, scores = apart[:1].expand(60, 4), torch.linspace(0, 1, 60)
    assert rule.keep(heap, scores, torch.ones(60)).tolist() == list(range(59, 49, -1))


def test_picture_and_boxes_are_resized_alike_by_either_rule() -> None:
    pixels = torch.zeros(200, 400, 3, dtype=torch.uint8)
    pixels[100:150, 100:200] = 255
    photo = Photo(pixels.numpy())
    box = Boxes(torch.tensor([[100.0, 100, 200, 150]]), 400, 200)
    published = Transform(600, 1000, 0, 0, (0.0, 0.0, 0.0), "RGB")
    square, same_area = replace(published, square_side=384, source_side=224), replace(published, mean_side=432)
    assert published.picture(photo).shape == (3, 500, 1000)
    for transform in (square, published, same_area):
        picture = transform.picture(photo)
        x1, y1, x2, y2 = transform.boxes(box).xyxy[0].round().int().tolist()
        inside = picture[:, y1 + 8:y2 - 8, x1 + 8:x2 - 8]
        assert (inside == picture.amax(dim=(1, 2), keepdim=True)).all()
        assert picture[:, y1 - 12, x1 - 12].equal(picture.amin(dim=(1, 2)))


@given(st.integers(20, 4000), st.integers(20, 4000))
def test_a_picture_of_a_mean_side_keeps_its_aspect_ratio_and_costs_the_same(width: int, height: int) -> None:
    """Sides are multiples of 32: a picture up to 4 times as long as high differs by half a step in each."""
    side = 432
    w, h = Transform(0, 0, 0, 0, (0.0, 0.0, 0.0), "RGB", mean_side=side).size(width, height)
    assert w % 32 == h % 32 == 0 and w > 0 and h > 0
    assert abs(w - side * (width / height) ** 0.5) <= 16 or w == 32
    assert abs(h - side * (height / width) ** 0.5) <= 16 or h == 32


def test_channels_come_in_the_order_of_the_weights() -> None:
    red = Photo(torch.tensor([255, 0, 0], dtype=torch.uint8).expand(8, 8, 3).contiguous().numpy())
    picture = Transform.from_config(mini().detector).picture(red)
    torch.testing.assert_close(picture[:, 0, 0], torch.tensor([-103.939, -116.779, 255 - 123.68]))


def test_a_regions_score_and_the_suppression_are_those_of_the_configuration() -> None:
    torch.manual_seed(0)
    config = DetectorConfig(depth=50, stage5="map", classes=4, mean_side=96, proposals=True, post_nms_topk=30,
                            nms_thresh=1.0, cross_class_nms_thresh=1.0)
    detector = Detector.from_config(config).eval()
    for layer in (detector.proposals.deltas, detector.heads.refine):  # the anchors themselves are the regions
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    maps = detector.fast_rcnn.maps(torch.randn(1, 3, 96, 96))
    objectness, deltas = detector.proposals(maps.stage4)
    boxes, objects = detector.proposals.best(objectness[0], deltas[0], anchors(6, 6, config.anchor_scales), 96, 96, 30)
    foreground = 1 - detector.heads.classify(detector.fast_rcnn.features(maps, [boxes])).softmax(dim=1)[:, 0]
    for weight in (0.5, 0.7):
        other = Detector.from_config(replace(config, objectness_weight=weight)).eval()
        other.load_state_dict(detector.state_dict())
        found = other.regions(maps, 96, 96)
        expected = (weight * objects.log() + (1 - weight) * foreground.log()).exp().sort(descending=True).values
        torch.testing.assert_close(found.scores, expected[:len(found.scores)], rtol=1e-4, atol=1e-5)
    assert detector.suppression == Suppression(class_overlap=1.0, any_overlap=1.0)


def test_a_second_refinement_moves_the_boxes_of_the_first(monkeypatch) -> None:
    torch.manual_seed(0)
    config = DetectorConfig(depth=50, stage5="map", classes=4, mean_side=96, proposals=True, post_nms_topk=5,
                            nms_thresh=1.0, cross_class_nms_thresh=1.0)
    moved = []
    step = torch.tensor([0.0, 0.0, -0.1, -0.2])  # a tenth narrower and two tenths lower, in logarithms
    for refinements in (1, 2):
        torch.manual_seed(0)
        detector = Detector.from_config(replace(config, refinements=refinements)).eval()
        torch.nn.init.zeros_(detector.proposals.deltas.weight)
        torch.nn.init.zeros_(detector.proposals.deltas.bias)
        monkeypatch.setattr(detector.heads, "deltas", lambda _, boxes, __: step.expand(len(boxes[0]), 4))
        moved.append(detector.regions(detector.fast_rcnn.maps(torch.ones(1, 3, 96, 96)), 96, 96).boxes)
    first, second = (boxes[:, 2:] - boxes[:, :2] for boxes in moved)
    assert len(first) == len(second) > 0
    torch.testing.assert_close(second, first * step[2:].exp())
