"""The Keras importer on a small stand-in for the package: same names, every kernel 1/16 as wide."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.detector.backbone import FrozenBatchNorm, ResNet, normalised
from engine.errors import WeightsError
from engine.weights.resnet import convert_resnet, load_resnet, read_layers_model


def layer_shapes(width: int = 4) -> dict[str, list[int]]:
    """Every tensor of Keras' ResNet-50, where `width` is 64 in the real one."""
    shapes: dict[str, list[int]] = {"fc1000/kernel": [32 * width, 10], "fc1000/bias": [10]}

    def convolution(name: str, norm: str, kernel: list[int]) -> None:
        shapes[f"{name}/kernel"] = kernel
        shapes[f"{name}/bias"] = [kernel[-1]]
        shapes.update({f"{norm}/{part}": [kernel[-1]] for part in ("gamma", "beta", "moving_mean", "moving_variance")})

    convolution("conv1", "bn_conv1", [7, 7, 3, width])
    inputs = width
    for stage, blocks in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True):
        inner = width * 2 ** (stage - 2)
        for letter in "abcdef"[:blocks]:
            for branch, kernel in (("2a", [1, 1, inputs, inner]), ("2b", [3, 3, inner, inner]),
                                   ("2c", [1, 1, inner, 4 * inner])):
                convolution(f"res{stage}{letter}_branch{branch}", f"bn{stage}{letter}_branch{branch}", kernel)
            if letter == "a":
                convolution(f"res{stage}a_branch1", f"bn{stage}a_branch1", [1, 1, inputs, 4 * inner])
            inputs = 4 * inner
    return shapes


@pytest.fixture
def folder(tmp_path):
    """A layers model in three shards that end in the middle of tensors."""
    random, weights, content = np.random.RandomState(0), [], b""
    for name, shape in layer_shapes().items():
        weights.append({"name": name, "shape": shape, "dtype": "float32"})
        content += random.standard_normal(shape).astype("<f4").tobytes()
    paths = ["group1-shard1of3.bin", "group1-shard2of3.bin", "group1-shard3of3.bin"]
    cut = len(content) // 3 + 1
    for i, path in enumerate(paths):
        (tmp_path / path).write_bytes(content[i * cut:(i + 1) * cut])
    (tmp_path / "model.json").write_text(json.dumps({"weightsManifest": [{"paths": paths, "weights": weights}]}))
    return tmp_path


def test_every_tensor_is_read_as_it_was_written(folder):
    tensors = read_layers_model(folder)
    random = np.random.RandomState(0)
    for name, shape in layer_shapes().items():
        np.testing.assert_array_equal(tensors[name], random.standard_normal(shape).astype("<f4"), err_msg=name)


def test_the_names_are_exactly_those_of_the_backbone(folder):
    with torch.device("meta"):
        expected = ResNet(50, dilated=False).state_dict()
    converted = convert_resnet(read_layers_model(folder))
    assert converted.keys() == expected.keys()
    for name, tensor in converted.items():
        wide = [16 * n if n > 7 or (n == 4 and i == 0) else n for i, n in enumerate(tensor.shape)]
        assert math.prod(wide) >= tensor.numel() and tensor.ndim == expected[name].ndim


def test_a_convolution_with_bias_and_normalisation_keeps_its_function(folder):
    """Against Keras' own order: convolution in HWIO with bias, then normalisation with eps 1e-3."""
    tensors = read_layers_model(folder)
    tensors["bn_conv1/moving_variance"] = tensors["bn_conv1/moving_variance"].abs() + 0.5
    state = convert_resnet(tensors)
    convolution, norm = torch.nn.Conv2d(3, 4, 7, stride=2, padding=3, bias=False), FrozenBatchNorm(4, 1e-3)
    convolution.load_state_dict({"weight": state["conv1.weight"]})
    norm.load_state_dict({k.removeprefix("bn1."): v for k, v in state.items() if k.startswith("bn1.")})
    images = torch.rand(1, 3, 9, 9)
    kernel = torch.einsum("hwio->oihw", tensors["conv1/kernel"])
    plain = F.conv2d(images, kernel, tensors["conv1/bias"], stride=2, padding=3)
    expected = F.batch_norm(plain, tensors["bn_conv1/moving_mean"], tensors["bn_conv1/moving_variance"],
                            tensors["bn_conv1/gamma"], tensors["bn_conv1/beta"], eps=1e-3)
    torch.testing.assert_close(normalised(convolution, norm, images), expected, rtol=1e-4, atol=1e-4)


def test_missing_and_unknown_tensors_are_named(folder):
    tensors = read_layers_model(folder)
    without = {k: v for k, v in tensors.items() if k != "res4d_branch2b/kernel"}
    with pytest.raises(WeightsError, match="res4d_branch2b/kernel is missing"):
        convert_resnet(without)
    with pytest.raises(WeightsError, match="res9z/kernel is unknown"):
        convert_resnet(tensors | {"res9z/kernel": torch.zeros(1)})


def test_another_width_is_refused(folder):
    with pytest.raises(WeightsError, match="has the shape"):
        load_resnet(ResNet(50, dilated=False), folder)


def test_missing_and_short_files_are_refused(folder, tmp_path):
    shard = folder / "group1-shard3of3.bin"
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(WeightsError, match="Unpack the package again"):
        read_layers_model(folder)
    shard.unlink()
    with pytest.raises(WeightsError, match=r"There is no file .*shard3of3"):
        read_layers_model(folder)
    with pytest.raises(WeightsError, match=r"There is no file .*model.json"):
        read_layers_model(tmp_path / "elsewhere")
