import numpy as np
import pytest
import torch

from engine.errors import ConfigError
from engine.model.geometry import geometry_embedding
from tests.reference.cases import FOLDER, check


def test_geometry_agrees_with_the_published_one():
    with np.load(FOLDER / "geometry.npz") as file:
        boxes, expected = (torch.from_numpy(file[k]) for k in ("boxes_xyxy_wh", "out"))
    fractions = boxes[:, :4] / boxes[:, [4, 5, 4, 5]]
    check(geometry_embedding(fractions), expected.flatten(1))


def test_geometry_agrees_with_a_slow_loop():
    box, width = [0.1, 0.25, 0.5, 0.75], 32
    values = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]]
    expected = []
    for value in values:
        angles = [100 * value / 1000 ** (i / (width // 8)) for i in range(width // 8)]
        expected += [np.sin(a) for a in angles] + [np.cos(a) for a in angles]
    found = geometry_embedding(torch.tensor([[box]]), width)
    assert found.shape == (1, 1, width)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_width_that_is_no_multiple_of_8_is_refused():
    with pytest.raises(ConfigError, match="multiple of 8, not 12"):
        geometry_embedding(torch.rand(1, 4), 12)
