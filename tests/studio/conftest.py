"""What the studio's tests share: the stand-in predictor and photos of any size."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import engine.predictor  # noqa: F401  (takes seconds; the service imports it at the first question)
from engine.structures.photo import Photo

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def photo():
    """photo(shade, width, height): a plain photo; another shade is another photo."""
    def made(shade: int = 100, width: int = 60, height: int = 40) -> Photo:
        return Photo(np.full((height, width, 3), shade, dtype=np.uint8))
    return made


@pytest.fixture
def jpeg():
    def made(shade: int = 100, width: int = 60, height: int = 40) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (width, height), (shade, shade, shade)).save(file, "JPEG")
        return file.getvalue()
    return made
