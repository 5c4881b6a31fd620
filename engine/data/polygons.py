"""Segmentation polygons as small masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.structures.questions import MASK_SIDE

_TOUCHES = 1e-12  # steps; how near to a corner a point counts as on it


def mask(polygons: Sequence[Sequence[Sequence[float]]], box: Sequence[float]) -> np.ndarray:
    """[14, 14] float32, 1 where a polygon covers a grid point of the box, else 0.

    polygons: each a list of x, y in pixels; box: x1, y1, x2, y2 in the same pixels. As in the published code, the
    box with its last pixel spans 14 steps, corners outside are moved to the grid's border, and a point on an edge
    is covered. Raises ValueError where a polygon is no list of points.
    """
    low, high = np.asarray(box[:2], np.float64), np.asarray(box[2:4], np.float64)
    covered = np.zeros((MASK_SIDE, MASK_SIDE), bool)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64).reshape(len(polygon), -1)[:, :2]
        if len(corners) and corners.shape[1] == 2:
            steps = (corners - low) * (MASK_SIDE / (high - low + 1))
            covered |= _covered(steps.clip(0, MASK_SIDE - 1))
    return covered.astype(np.float32)


def _covered(corners: np.ndarray) -> np.ndarray:
    """[14, 14]: which grid points lie in the polygon, on an edge or on a corner.

    corners: [E, 2], x and y in steps of the grid. An even number of edges to the left and to the right is outside;
    on an edge the two differ (O'Rourke, Computational Geometry in C, section 7.4).
    """
    y, x = np.divmod(np.arange(MASK_SIDE * MASK_SIDE), MASK_SIDE)  # each [P]
    (x1, y1), (x2, y2) = corners.T[..., None], np.roll(corners, 1, axis=0).T[..., None]  # each [E, 1]
    x1, y1, x2, y2 = x1 - x, y1 - y, x2 - x, y2 - y  # each [E, P], seen from the point
    with np.errstate(divide="ignore", invalid="ignore"):  # level edges cross nothing
        meets = (x1 * y2 - x2 * y1) / (y2 - y1)
    right = (((y1 > 0) != (y2 > 0)) & (meets > 0)).sum(axis=0)
    left = (((y1 < 0) != (y2 < 0)) & (meets < 0)).sum(axis=0)
    corner = ((np.abs(x1) < _TOUCHES) & (np.abs(y1) < _TOUCHES)).any(axis=0)
    return (corner | (right % 2 == 1) | (left % 2 == 1)).reshape(MASK_SIDE, MASK_SIDE)
