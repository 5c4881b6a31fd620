"""How unlike the training photographs a picture is: the Mahalanobis distance of its statistics from theirs.

Lee et al. (2018) measure so in the features of a network. Here the features are statistics of the pixels
(`engine.structures.picture_statistics`): they tell photographs from pictures of other kinds whatever these show, and do
not change with the detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.errors import DataError
from engine.structures.photo import Photo
from engine.structures.picture_statistics import COUNT, statistics

RIDGE = 0.01  # added to the variances, so that no direction in which photographs hardly vary decides alone
LEAST_PHOTOS = 2 * COUNT
FALSE_NOTICES = 0.02  # the largest share of development photographs beyond the threshold


@dataclass(frozen=True, eq=False)
class Novelty:
    """A fitted measure of novelty.

    Attributes:
        mean: [D] float32, the mean of the training photographs' statistics.
        whitening: [D, D] float32; the squared length of `whitening @ (statistics - mean)` is D times the distance.
        threshold: the distance from which on a picture is unlike the training photographs.
    """

    mean: np.ndarray
    whitening: np.ndarray
    threshold: float

    def distance(self, found: np.ndarray) -> float:
        """The squared Mahalanobis distance of statistics [D] from the training photographs, divided by D."""
        moved = self.whitening @ (found - self.mean)
        return float(moved @ moved / len(moved))

    def of(self, photo: Photo) -> float:
        """The novelty of a photo: its distance in units of the threshold. Over 1 it is unlike the training
        photographs."""
        return self.distance(statistics(photo)) / self.threshold


def fit(training: np.ndarray, development: Sequence[np.ndarray], false_notices: float = FALSE_NOTICES) -> Novelty:
    """Fit the measure to training photographs.

    Args:
        training: [N, D], statistics of training photographs.
        development: for each data set [M, D], statistics of photographs that are not among them.
        false_notices: the largest share of the photographs of any of these sets that may lie beyond the threshold.

    Returns:
        The measure.

    Raises:
        DataError: there are too few photographs.
    """
    if len(training) < LEAST_PHOTOS or not development or min(map(len, development)) < 2:
        raise DataError(f"{len(training)} training photographs and {sum(map(len, development))} development "
                        f"photographs are too few; give at least {LEAST_PHOTOS} and 2 of each data set.")
    mean, scale = training.mean(0, dtype=np.float64), training.std(0, dtype=np.float64) + 1e-6
    values, vectors = np.linalg.eigh(np.cov(((training - mean) / scale).T))
    whitening = np.ascontiguousarray((vectors / np.sqrt(values + RIDGE)).T / scale)
    found = Novelty(mean.astype(np.float32), whitening.astype(np.float32), 1.0)
    distances = [[found.distance(one) for one in own] for own in development]
    return replace(found, threshold=max(float(np.quantile(own, 1 - false_notices)) for own in distances))
