"""Two states of one training, mixed."""

import shutil
from pathlib import Path

import pytest
import torch

from engine.errors import ConfigError, WeightsError
from engine.weights.average import average
from engine.weights.shipped import load_model
from engine.weights.store import save

WEIGHTS = Path(__file__).parents[2] / "assets" / "weights"


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """The shipped weights, every parameter raised by a half."""
    folder = tmp_path_factory.mktemp("other")
    for name in ("labels.json", "vocab.txt", "mini-detector.safetensors"):
        shutil.copyfile(WEIGHTS / name, folder / name)
    config, model, _, _ = load_model(WEIGHTS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5
    save(model, folder / "mini-vlbert.safetensors", config, kind="vlbert")
    return folder


def test_a_quarter_of_the_second_moves_every_weight_a_quarter_of_the_way(other: Path, tmp_path: Path) -> None:
    mixed = load_model(average(WEIGHTS, other, tmp_path / "mixed", 0.25))[1]
    for own, first in zip(mixed.parameters(), load_model(WEIGHTS)[1].parameters(), strict=True):
        assert torch.allclose(own, first + 0.125, rtol=2e-3, atol=2e-3)


def test_other_classes_and_shares_outside_are_refused(other: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"share is 1\.5"):
        average(WEIGHTS, other, tmp_path, 1.5)
    labels = other / "labels.json"
    labels.write_text(labels.read_text().replace('"dog"', '"hound"', 1))
    with pytest.raises(WeightsError, match="not two states of one training"):
        average(WEIGHTS, other, tmp_path / "none")
    assert not (tmp_path / "none").exists()
