"""Where the photographs are, for the tests that need real ones."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# A busy machine may be slow; nothing here is about speed.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def flickr8k() -> Path:
    """The folder of the photographs: in VLBERT_DATA, else beside the project. Skips where there is neither."""
    for place in (os.environ.get("VLBERT_DATA"), ROOT.parent / "shared"):
        folder = Path(place) / "flickr8k" if place else None
        if folder and (folder / "images").is_dir():
            return folder
        if place and (Path(place) / "entities_dev.jsonl").is_file():
            return Path(place)
    pytest.skip("the photographs are not here: set VLBERT_DATA to the folder that holds flickr8k/")


@pytest.fixture(scope="session")
def daquar() -> Path:
    """The folder of DAQUAR: in VLBERT_DATA, else beside the project. Skips where there is neither."""
    for place in (os.environ.get("VLBERT_DATA"), ROOT.parent / "shared"):
        if place and (Path(place) / "daquar" / "qa_train.tsv").is_file():
            return Path(place) / "daquar"
    pytest.skip("DAQUAR is not here: set VLBERT_DATA to the folder that holds daquar/")


@pytest.fixture(scope="session")
def predictor():
    """The shipped model."""
    from engine.predictor import Predictor

    return Predictor.load(ROOT / "assets" / "weights")


@pytest.fixture
def in_float32(monkeypatch) -> None:
    """Everything computes in float32, also on a processor with bfloat16, so that near ties fall the same way twice."""
    from engine import precision

    monkeypatch.setattr(precision, "fast_bf16", lambda: False)
