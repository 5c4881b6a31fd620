"""A photograph as a person handed it in, made upright RGB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import PhotoError
from engine.structures.decoding import size_of, upright_rgb

MOST_BYTES = 512 * 1024**2  # of a file; 64 megapixels of 16 bits and four channels, not compressed


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

        CMYK, 16-bit, float and palette pictures become RGB, transparency lies on white, an animation gives its first
        frame. A JPEG that lacks only its last bytes is read; what was lost is grey.

        Args:
            source: the content of a picture file, or its path

        Returns:
            The upright photo.

        Raises:
            PhotoError: the file is no picture of a format that is read, is damaged or cut off, has over 64 megapixels,
                or is under 2 x 2. For a path the message ends with the file's name, without the folder, since
                a visitor may read it.
        """
        if isinstance(source, bytes):
            return cls._decoded(source)
        path = Path(source)
        with _named(path):
            _check_bytes(path.stat().st_size)
            return cls._decoded(path.read_bytes())

    @classmethod
    def check(cls, path: Path) -> tuple[int, int]:
        """Refuse a file whose header suffices to refuse it. No pixels are decoded.

        Args:
            path: of a picture file

        Returns:
            Width and height of the picture as it is seen, turned as its EXIF says.

        Raises:
            PhotoError: as `open` does
        """
        with _named(path), path.open("rb") as file:
            _check_bytes(path.stat().st_size)
            return size_of(file)

    @classmethod
    def _decoded(cls, data: bytes) -> Photo:
        """Raises PhotoError, and never names a file."""
        if not data:
            raise PhotoError("The file is empty. Choose a JPEG, PNG or WebP picture.")
        return cls(upright_rgb(data))

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


def _check_bytes(size: int) -> None:
    if size > MOST_BYTES:
        raise PhotoError(f"The file has {size >> 20} MB; pictures of at most {MOST_BYTES >> 20} MB are read. "
                         "Make it smaller first.")
