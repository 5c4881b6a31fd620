"""Changed photographs: those that are photographs still, as people bring them, and those that are none any more."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from engine.structures.photo import Photo

Picture = Image.Image
Change = Callable[[Picture, Generator], Picture]


def edges(photo: Picture, rng: Generator) -> Picture:
    """A line drawing: the photograph's edges, dark on white."""
    lines = ImageOps.autocontrast(photo.convert("L").filter(ImageFilter.GaussianBlur(1)).filter(ImageFilter.FIND_EDGES),
                                  cutoff=(0, 2))
    return ImageOps.invert(lines).point(lambda v: 255 if v > 150 else v).convert("RGB")


def inverted(photo: Picture, rng: Generator) -> Picture:
    """A negative."""
    return ImageOps.invert(photo)


def posterised(photo: Picture, rng: Generator) -> Picture:
    """Two levels of each channel, without small detail."""
    return ImageOps.posterize(photo.filter(ImageFilter.MedianFilter(5)), 1)


def grey(photo: Picture, rng: Generator) -> Picture:
    """Black and white."""
    return ImageOps.grayscale(photo).convert("RGB")


def soft(photo: Picture, rng: Generator) -> Picture:
    """A little out of focus."""
    return photo.filter(ImageFilter.GaussianBlur(min(photo.size) * rng.uniform(0, 1 / 80)))


def contrasted(photo: Picture, rng: Generator) -> Picture:
    """More or less contrast."""
    return ImageEnhance.Contrast(photo).enhance(rng.uniform(0.6, 1.6))


def exposed(photo: Picture, rng: Generator) -> Picture:
    """Darker or brighter, and warmer or colder."""
    power, tint = 2 ** rng.uniform(-1, 1.2), rng.uniform(0.75, 1.15, 3)
    return _image(255 * (np.asarray(photo) / 255) ** power * tint)


def night(photo: Picture, rng: Generator) -> Picture:
    """Dark, bluish and with the noise of a sensor."""
    dark = (np.asarray(photo) / 255) ** 1.6 * np.array([0.9, 0.95, 1.2]) * rng.uniform(60, 140)
    return _image(dark + rng.normal(0, rng.uniform(1, 5), dark.shape))


def compressed(photo: Picture, rng: Generator) -> Picture:
    """A JPEG of low quality."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(12, 50)))
    return _image(Photo.open(file.getvalue()).pixels)


def cut(photo: Picture, rng: Generator) -> Picture:
    """A quarter to four fifths of its width and height."""
    width, height = (max(8, int(side * rng.uniform(0.25, 0.8))) for side in photo.size)
    x, y = int(rng.integers(0, photo.width - width + 1)), int(rng.integers(0, photo.height - height + 1))
    return photo.crop((x, y, x + width, y + height))


def small(photo: Picture, rng: Generator) -> Picture:
    """A thumbnail."""
    copy = photo.copy()
    copy.thumbnail((int(rng.integers(72, 160)),) * 2)
    return copy


def framed(photo: Picture, rng: Generator) -> Picture:
    """In a white or black frame."""
    return ImageOps.expand(photo, int(min(photo.size) * rng.uniform(0.02, 0.15)),
                           (255, 255, 255) if rng.random() < 0.5 else (0, 0, 0))


def turned(photo: Picture, rng: Generator) -> Picture:
    """By 90 degrees."""
    return photo.transpose(Image.Transpose.ROTATE_90 if rng.random() < 0.5 else Image.Transpose.ROTATE_270)


def blurred(photo: Picture, rng: Generator) -> Picture:
    """Out of focus by a fiftieth of the shorter side."""
    return photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 50))


UNLIKE: dict[str, Change] = {"line drawing": edges, "negative": inverted, "posterised": posterised}
EVERYDAY: dict[str, Change] = {
    "black and white": grey, "soft": soft, "contrast": contrasted, "exposure": exposed, "night": night,
    "compressed": compressed, "cut out": cut, "thumbnail": small, "framed": framed}
STILL_PHOTOS: dict[str, Change] = {**EVERYDAY, "turned by 90 degrees": turned, "heavily blurred": blurred}


def changed(photo: Photo, change: Change, rng: Generator) -> Photo:
    """A changed copy of a photo."""
    return Photo(np.asarray(change(Image.fromarray(photo.pixels), rng)))


def as_brought(photo: Photo, rng: Generator) -> Photo:
    """A copy with one of the everyday changes, as a photo that somebody brings may have them."""
    return changed(photo, list(EVERYDAY.values())[int(rng.integers(len(EVERYDAY)))], rng)


def _image(pixels: np.ndarray) -> Picture:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
