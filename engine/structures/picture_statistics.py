"""Statistics of a picture's pixels in which photographs differ from drawings, documents and screenshots.

Photographs have noise and soft steps everywhere, a power spectrum that falls evenly and thousands of colours (Ruderman
1994; Athitsos et al. 1997). Drawn and rendered pictures have flat areas, few colours and sharp steps.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.structures.photo import Photo

SIDE = 192  # every picture is reduced to SIDE x SIDE pixels
BLOCK = 8  # pixels
STEPS = (0.5, 1.5, 3.5, 8.5, 20.5, 60.5)  # grey levels
BANDS = (2, 4, 8, 16, 32, 64, 96)  # periods per picture
GREY = np.array([0.299, 0.587, 0.114], np.float32)
AXIS = 0.05  # radians by which a gradient may differ from horizontal or vertical
COUNT = 46


def statistics(photo: Photo) -> np.ndarray:
    """The statistics of a photo.

    Args:
        photo: of any size.

    Returns:
        [COUNT] float32. Shares are between 0 and 1, strengths are logarithms.
    """
    channels = np.ascontiguousarray(photo.resized(SIDE, SIDE).pixels.transpose(2, 0, 1))  # numpy is fast along rows
    colours = channels.astype(np.float32)
    grey = np.tensordot(GREY, colours, 1)
    return np.concatenate([_steps(colours), _palette(channels), _gradients(grey), _tones(colours, grey),
                           _spectrum(grey), _detail(colours, grey)]).astype(np.float32)


def _steps(colours: np.ndarray) -> list[float]:
    """For rows and columns, the shares of neighbours that differ by less than so much in every channel."""
    return [float((step_sizes < step).mean())
            for step_sizes in (np.abs(np.diff(colours, axis=axis)).max(0) for axis in (2, 1)) for step in STEPS]


def _palette(channels: np.ndarray) -> list[float]:
    """Of 16 levels a channel: the shares of the 1, 4 and 16 most frequent colours, their number and their entropy."""
    red, green, blue = channels.astype(np.int64) >> 4
    counts = np.bincount(((red << 8) + (green << 4) + blue).ravel())
    shares = np.sort(counts[counts > 0])[::-1] / counts.sum()
    return [shares[0], shares[:4].sum(), shares[:16].sum(), np.log(1 + len(shares)), -(shares * np.log(shares)).sum()]


def _gradients(grey: np.ndarray) -> list[float]:
    """Strength and kurtosis of the derivatives along rows and columns, and how much of them is along the two axes."""
    along, down = np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]
    found = []
    for derivative in (along, down):
        deviation = derivative.std() + 0.1
        found += [np.log(deviation), np.log(1 + (derivative ** 4).mean() / deviation ** 4)]
    energy, sizes = along ** 2 + down ** 2, (np.abs(along), np.abs(down))
    straight = (np.minimum(*sizes) < np.tan(AXIS) * np.maximum(*sizes)) & (energy > 4)
    return [*found, np.log((energy * straight).sum() + 1) - np.log(energy.sum() + 1), straight.mean()]


def _tones(colours: np.ndarray, grey: np.ndarray) -> list[float]:
    """Brightness, contrast, the shares of white and black, and the strength of the colours."""
    chroma = colours.max(0) - colours.min(0)
    return [grey.mean(), grey.std(), (grey > 248).mean(), (grey < 8).mean(), np.log(1 + chroma.mean()),
            np.log(1 + chroma.std()), (chroma > 150).mean()]


def _spectrum(grey: np.ndarray) -> np.ndarray:
    """The mean power of bands of spatial frequency."""
    window = np.hanning(SIDE).astype(np.float32)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window * window[:, None])) ** 2
    band = _band()
    return np.log(1e-3 + np.bincount(band, power.ravel()) / np.bincount(band))


@cache
def _band() -> np.ndarray:
    """The band of each frequency of `rfft2`, counted from 0."""
    rows = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    return np.digitize(np.hypot(rows[:, None], np.arange(SIDE // 2 + 1)), BANDS).ravel()


def _detail(colours: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Quantiles of the contrast inside small blocks, and the contrast between the blocks in each channel."""
    count = SIDE // BLOCK
    inside = grey.reshape(count, BLOCK, count, BLOCK).std((1, 3))
    between = colours.reshape(3, count, BLOCK, count, BLOCK).mean((2, 4)).std((1, 2))
    return np.log(np.concatenate([0.3 + np.quantile(inside, (0.05, 0.25, 0.5, 0.75, 0.95)), 1 + between]))
