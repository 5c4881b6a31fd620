"""Picture files become upright RGB. Pillow opens a file here and nowhere else in the project."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from engine.errors import PhotoError
from engine.structures import cut_jpeg
from engine.structures.depth import eight_bits, is_deep, refuse_dark
from engine.structures.picture_kinds import FORMATS, HEAD_BYTES, why_unread

MAX_PIXELS = 64_000_000
MIN_SIDE = 2
LARGE, SHOWN_SIDE = 6_000_000, 2048
_ORIENTATION, _SUBFILE_TYPE, _REDUCED = 274, 254, 1  # tags of TIFF and EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90}
_SIDEWAYS = (5, 6, 7, 8)


def size_of(file: IO[bytes]) -> tuple[int, int]:
    """Read the size of a picture as it is seen, turned as its EXIF says; its pixels are not decoded.

    Args:
        file: a picture file, open for reading bytes

    Returns:
        Width and height.

    Raises:
        PhotoError: it is no picture of a format that is read, is too large, or is too small
    """
    with _refused():
        image = _opened(file)
        turned = _orientation(image) in _SIDEWAYS and not _has_turned_size(image)
        return image.size[::-1] if turned else image.size


def upright_rgb(data: bytes) -> np.ndarray:
    """Decode a picture.

    A picture of more than `LARGE` pixels is shrunk to `SHOWN_SIDE` before anything else is done to it. An animation
    gives its first frame, and transparency lies on white.

    Args:
        data: the content of a picture file

    Returns:
        Pixels, [height, width, 3] uint8, RGB.

    Raises:
        PhotoError: as for `size_of`, and where the picture is damaged or cut off
    """
    with _refused():
        image = _opened(io.BytesIO(data))
        deep_colours = not is_deep(image) and any(";16" in str(tile[3]) for tile in image.tile)
        turn = None if image.format == "TIFF" else _TURNS.get(_orientation(image))  # Pillow turns a TIFF by itself
        small = _shrunk(_loaded(image, data))
        pixels = np.asarray(_on_white(small if turn is None else small.transpose(turn)).convert("RGB"))
        if deep_colours:
            refuse_dark(pixels)
        return pixels


def _opened(file: IO[bytes]) -> ImageFile.ImageFile:
    """A picture of which only the header is read. Raises PhotoError, and whatever Pillow raises."""
    why = why_unread(file.read(HEAD_BYTES))
    if why:
        raise PhotoError(why)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(file, formats=FORMATS)
    if getattr(image, "tag_v2", {}).get(_SUBFILE_TYPE, 0) == _REDUCED:
        raise PhotoError("The first picture in this TIFF is only a preview, as in camera raw files. They are not read. "
                         "Save the picture as JPEG or PNG first.")
    _check_size(image.width, image.height)
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PhotoError(f"The picture has {width * height / 1e6:.0f} megapixels; "
                         f"at most {MAX_PIXELS // 1_000_000} are read. Make it smaller first.")
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"The picture is {width} x {height} pixels; it needs at least {MIN_SIDE} x {MIN_SIDE}. "
                         "Choose a larger one.")


@contextmanager
def _refused() -> Iterator[None]:
    """Turn whatever Pillow raises into a PhotoError."""
    try:
        yield
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError("This file is not a picture that can be read. Choose a JPEG, PNG or WebP picture.") from error
    except Image.DecompressionBombError as error:
        limit = MAX_PIXELS // 1_000_000
        raise PhotoError(f"The picture has over {limit} megapixels. Make it smaller first.") from error
    except MemoryError as error:
        raise PhotoError("There is not enough memory to decode the picture. Make it smaller first.") from error
    except Exception as error:  # on a damaged file a decoder may raise anything: RuntimeError, KeyError, struct.error
        raise PhotoError("The picture is damaged or cut off. Save it again, or choose another one.") from error


def _orientation(image: Image.Image) -> int:
    """1 to 8; 1 where the EXIF data are damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged block of EXIF raises anything, and the pixels are whole all the same
        return 1


def _has_turned_size(image: Image.Image) -> bool:
    """Pillow gives the size of a TIFF as it is seen, unless only its XMP data hold the orientation."""
    return image.format == "TIFF" and _ORIENTATION in getattr(image, "tag_v2", {})


def _loaded(image: Image.Image, data: bytes) -> Image.Image:
    """The image with its pixels; of a large JPEG, already at a fraction of its size."""
    try:
        return _decoded(image)
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
        return _cut_jpeg(data)


def _decoded(image: Image.Image) -> Image.Image:
    image.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))
    image.load()
    return image


def _cut_jpeg(data: bytes) -> Image.Image:
    """A JPEG that lacks its end, grey where that was. Raises OSError where more than its end is missing."""
    image = _decoded(_opened(io.BytesIO(data + cut_jpeg.END)))
    scans = cut_jpeg.scans(data)
    if not cut_jpeg.all_begun(scans, len(getattr(image, "layer", ()))):
        raise OSError("a scan of the JPEG is missing")
    before = _decoded(_opened(io.BytesIO(data[:scans[-1].body] + cut_jpeg.END)))
    if cut_jpeg.lacking(np.asarray(image), np.asarray(before), first=len(scans) == 1) > cut_jpeg.MOST_LACKING:
        raise OSError("more than the end of the JPEG is missing")
    return image


def _shrunk(image: Image.Image) -> Image.Image:
    """At 8 bits a channel, and no larger than is of use."""
    if is_deep(image):
        image = eight_bits(image)
    if image.width * image.height > LARGE:
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
