"""Boxes keep their meaning through every frame."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

from engine.errors import BoxError
from engine.structures.boxes import Boxes

fraction = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(fraction, fraction, fraction, fraction), min_size=1, max_size=8),
       st.integers(2, 4000), st.integers(2, 4000))
def test_boxes_survive_there_and_back(boxes: list, width: int, height: int) -> None:
    one = Boxes.from_fractions(boxes, 500, 375)
    again = one.resized(width, height).resized(500, 375)
    torch.testing.assert_close(again.xyxy, one.xyxy, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(one.fractions, torch.tensor(boxes), rtol=1e-5, atol=1e-6)


@given(st.lists(st.tuples(fraction, fraction, fraction, fraction), min_size=1, max_size=6))
def test_overlap_agrees_with_torchvision(boxes: list) -> None:
    corners = torch.tensor(boxes) * 100
    low, high = torch.minimum(corners[:, :2], corners[:, 2:]), torch.maximum(corners[:, :2], corners[:, 2:])
    ordered = torch.cat([low, high + 1], dim=1)
    own = Boxes(ordered, 101, 101)
    torch.testing.assert_close(own.iou(own), box_iou(ordered, ordered), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("boxes", "message"), [
    ([(1.2, 1.2, 1.5, 1.5)], "Box 1 has no area inside the picture"),
    ([(0.1, 0.1, 0.5, 0.5), (0.3, 0.3, 0.3, 0.6)], "Box 2 has no area"),
    ([(0.6, 0.6, 0.2, 0.2)], "Box 1 has no area"),
    ([(0.0, 0.0, 0.5, 0.5)] * 101, "There are 101 boxes; at most 100 fit"),
    ([(0.1, 0.1, 0.5, 0.5), (64, 120, 256, 312)],
     r"^Box 2 looks like pixels: 64, 120, 256, 312\. Give fractions of the picture, from 0 to 1: divide by its width"),
    ([(0.0, 0.0, float("nan"), 0.5)], "Box 1 must be four numbers"),
    ([(0.0, 0.0, 0.5)], "Box 1 must be four numbers"),
    ([("a", 0, 1, 1)], "Box 1 must be four numbers"),
])
def test_a_persons_boxes_are_refused_by_name(boxes: list, message: str) -> None:
    with pytest.raises(BoxError, match=message):
        Boxes.from_user(boxes, 640, 480)


def test_a_box_over_the_edge_is_cut_at_it() -> None:
    assert Boxes.from_user([(-0.5, 0.5, 0.5, 1.5)], 100, 100).xyxy.tolist() == [[0, 50, 50, 100]]


def test_frames_that_differ_are_not_joined() -> None:
    with pytest.raises(BoxError, match="Two frames: 10 x 10 and 20 x 20"):
        Boxes.whole(10, 10).joined(Boxes.whole(20, 20))
