"""A photo as the page shows it."""

from __future__ import annotations

import base64
import io

from PIL import Image

from engine.structures.photo import Photo

LONGEST_SHOWN = 1280
QUALITY = 86


def data_url(photo: Photo, longest: int = LONGEST_SHOWN) -> str:
    """A JPEG of the upright photo, its longer side at most `longest` pixels, inside a data: URL.

    The picture travels in the answer itself, so there is no address under which somebody else could ask for it.
    """
    scale = min(1.0, longest / max(photo.width, photo.height))
    shown = photo.resized(max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    file = io.BytesIO()
    Image.fromarray(shown.pixels).save(file, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
