"""Two states of one training, mixed."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.cli import main
from engine.errors import ConfigError, WeightsError
from engine.model.lora import LowRank
from engine.weights.adapters import load_adapter, read_info, write_adapter
from engine.weights.average import average, average_adapters
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


def test_two_adapters_move_by_the_mean_of_both(tmp_path: Path) -> None:
    one, mixed = WEIGHTS / "mini-grounding.safetensors", tmp_path / "mixed.safetensors"
    info, tensors = read_info(one), load_file(one)
    generator = torch.Generator().manual_seed(2)
    # Of rank 3 instead of 16.
    shapes = {name: (torch.Size([3 if "lora_A" in name else t.shape[0], 3 if "lora_B" in name else t.shape[1]])
                     if name.startswith("lora.") else t.shape) for name, t in tensors.items()}
    other = tmp_path / "other.safetensors"
    write_adapter(other, {name: torch.randn(shape, generator=generator) / 10 for name, shape in shapes.items()},
                  dataclasses.replace(info, rank=3, alpha=12))
    main(["average", str(one), str(other), str(mixed), "--share", "0.25"])

    config, base, _, _ = load_model(WEIGHTS)
    models = [load_adapter(path, base, info.base, config)[0] for path in (one, other, mixed)]
    for (name, first), second, both in zip(models[0].vlbert.named_modules(), *(m.vlbert.modules() for m in models[1:]),
                                           strict=True):
        if isinstance(first, LowRank):
            moved = [layer.second @ layer.first for layer in (first, second, both)]
            torch.testing.assert_close(moved[2], 0.75 * moved[0] + 0.25 * moved[1], rtol=1e-2, atol=2e-3, msg=name)
    assert sum(isinstance(layer, LowRank) for layer in models[2].vlbert.modules()) == 37
    for first, second, both in zip(*(m.head.parameters() for m in models), strict=True):
        torch.testing.assert_close(both, 0.75 * first + 0.25 * second, rtol=2e-3, atol=2e-3)


def test_adapters_that_are_no_two_of_a_kind_are_refused(tmp_path: Path) -> None:
    pointing, answering = WEIGHTS / "mini-grounding.safetensors", WEIGHTS / "mini-vqa.safetensors"
    out = tmp_path / "none.safetensors"
    with pytest.raises(WeightsError, match="not two fine-tunings of one task"):
        average_adapters(pointing, answering, out)
    with pytest.raises(WeightsError, match="not both what --tune lora left"):
        average_adapters(WEIGHTS / "mini-vcr.safetensors", pointing, out)  # made thin of all weights
    info, tensors = read_info(pointing), load_file(pointing)
    layer = "lora.encoder.layers.0.attention.value"
    write_adapter(tmp_path / "cut.safetensors", {**tensors, f"{layer}.lora_A.weight": torch.zeros(16, 7)}, info)
    with pytest.raises(WeightsError, match=rf"{layer}\.lora_A\.weight has the shape \[16, 7\] in .*cut\.safetensors"):
        average_adapters(pointing, tmp_path / "cut.safetensors", out)
    assert not out.exists()
