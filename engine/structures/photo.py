"""A photograph as a person handed it in, made upright RGB."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import PhotoError

MAX_PIXELS = 64_000_000
MIN_SIDE = 2
LARGE, SHOWN_SIDE = 6_000_000, 2048


@dataclass(frozen=True, eq=False)
class Photo:
    """pixels: [height, width, 3] uint8, RGB, upright (EXIF rotation applied).

    A picture of over 6 megapixels is kept at 2,048 pixels on its longer side: boxes are fractions, and no screen and no
    backbone sees more.
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise PhotoError(f"A photo is [height, width, 3] uint8; this is {self.pixels.shape} {self.pixels.dtype}.")

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels: equal pictures have equal digests, however they came."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()

    @classmethod
    def open(cls, source: bytes | str | Path) -> Photo:
        """Read a picture from bytes or a path.

        CMYK, 16-bit and palette pictures become RGB, transparency lies on white, an animation gives its first
        frame. Raises PhotoError where it is no picture, is cut off, has over 64 megapixels, or is under 2 x 2; it
        names the file of a path, without its folder, which may be of no concern to who handed the picture in.
        """
        if isinstance(source, bytes):
            return cls._decoded(source)
        path = Path(source)
        with _named(path):
            return cls._decoded(path.read_bytes())

    @classmethod
    def check(cls, path: Path) -> None:
        """Refuse what its header is enough to refuse; nothing is decoded. Raises PhotoError as `open` does."""
        with _named(path), path.open("rb") as file, _refused():
            image = _header(file)
            _check_size(image.width, image.height)

    @classmethod
    def _decoded(cls, data: bytes) -> Photo:
        """Raises PhotoError, and never names a file."""
        if not data:
            raise PhotoError("The file is empty. Choose a JPEG, PNG or WebP picture.")
        with _refused():
            image = _header(io.BytesIO(data))
            _check_size(image.width, image.height)
            image.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))
            return cls(_upright_rgb(image))

    def resized(self, width: int, height: int) -> Photo:
        """The picture scaled to `width` x `height` (bilinear, antialiased when it shrinks)."""
        if (width, height) == (self.width, self.height):
            return self
        image = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
        return Photo(np.asarray(image))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever is wrong is said with the file's name."""
    try:
        yield
    except OSError as error:
        raise PhotoError(f"The picture could not be read: {error.strerror}. Check the file's name. "
                         f"({path.name})") from error
    except PhotoError as error:
        raise PhotoError(f"{error} ({path.name})") from error


@contextmanager
def _refused() -> Iterator[None]:
    """What Pillow raises is said in words."""
    try:
        yield
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError("This file is not a picture that can be read. Choose a JPEG, PNG or WebP picture.") from error
    except Image.DecompressionBombError as error:
        limit = MAX_PIXELS // 1_000_000
        raise PhotoError(f"The picture has over {limit} megapixels. Make it smaller first.") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise PhotoError("The picture is damaged or cut off. Save it again, or choose another one.") from error


def _header(file: IO[bytes]) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PhotoError(f"The picture has {width * height / 1e6:.0f} megapixels; "
                         f"at most {MAX_PIXELS // 1_000_000} are read. Make it smaller first.")
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"The picture is {width} x {height} pixels; it needs at least {MIN_SIDE} x {MIN_SIDE}. "
                         "Choose a larger one.")


def _upright_rgb(image: Image.Image) -> np.ndarray:
    """Decode, rotate by EXIF, flatten to 8-bit RGB on white."""
    image.seek(0)
    if image.width * image.height > LARGE and not image.mode.startswith(("I", "F")):
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if values.max() > 255 else 255.0
        image = Image.fromarray((values.clip(0, top) * (255.0 / top)).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))
