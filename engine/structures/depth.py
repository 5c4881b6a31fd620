"""Grey pictures of more than 8 bits, and of floats, as 8 bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from engine.errors import PhotoError

BITS = (8, 10, 12, 14, 16, 24, 32)
DARKEST_WHITE = 16  # a picture whose largest value lies below would be shown as black
OVERSHOOT = 0.1  # by how much resampling takes floats of 0 to 1 out of that range
_BAND = 256  # rows that are converted at once, so that no copy of the whole picture is made
_ADVICE = "Save it with 8 bits a channel first."


def is_deep(image: Image.Image) -> bool:
    """Whether the pixels of an image are 16-bit or 32-bit integers, or floats."""
    return image.mode.startswith(("I", "F"))


def eight_bits(image: Image.Image) -> Image.Image:
    """Scale a deep grey image to 8 bits.

    White is the largest value of the fewest bits (8, 10, 12, 14, 16, 24 or 32) that hold every value of the picture,
    and 1 for floats of 0 to 1. Values that are no number become black.

    Args:
        image: an image of mode I, I;16 or F

    Returns:
        The image in mode L.

    Raises:
        PhotoError: the range of the values leaves open what is white, or there are negative values
    """
    scale = np.float32(255.0 / _white(*_range(image), floats=image.mode == "F"))
    grey = np.empty((image.height, image.width), np.uint8)
    for top, values in _bands(image):
        grey[top:top + len(values)] = np.nan_to_num(values * scale, nan=0.0, posinf=255.0).clip(0, 255).round()
    return Image.fromarray(grey)


def refuse_dark(pixels: np.ndarray) -> None:
    """Refuse colours of 16 bits that use 12 bits or fewer; Pillow keeps the upper 8 of 16, which makes them black.

    Args:
        pixels: what Pillow made of a picture with 16 bits a channel, [height, width, 3] uint8

    Raises:
        PhotoError: no value reaches 16 of 255
    """
    if 0 < int(pixels.max()) < DARKEST_WHITE:
        raise PhotoError("The picture has 16 bits a channel and uses at most 12 of them, so it would be shown as "
                         f"black. {_ADVICE}")


def _bands(image: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        yield top, np.asarray(band).astype(np.float32)


def _range(image: Image.Image) -> tuple[float, float]:
    """The least and the largest finite value. Raises PhotoError where there is none."""
    lowest, highest = np.inf, -np.inf
    for _, values in _bands(image):
        finite = values[np.isfinite(values)]
        if finite.size:
            lowest, highest = min(lowest, float(finite.min())), max(highest, float(finite.max()))
    if lowest > highest:
        raise PhotoError(f"The picture holds no pixel with a number. {_ADVICE}")
    return lowest, highest


def _white(lowest: float, highest: float, *, floats: bool) -> float:
    """The value that becomes white."""
    if floats and lowest >= -OVERSHOOT and highest <= 1 + OVERSHOOT:
        return 1.0
    if lowest < 0:
        raise PhotoError(f"The picture holds negative values, down to {lowest:g}. {_ADVICE}")
    if 0 < highest < DARKEST_WHITE:
        raise PhotoError(f"The largest value of the picture is {highest:g}, so it would be shown as black. {_ADVICE}")
    for bits in BITS:
        if highest <= 2**bits - 1:
            return float(2**bits - 1)
    raise PhotoError(f"The largest value of the picture is {highest:g}; at most {BITS[-1]} bits are read. {_ADVICE}")
