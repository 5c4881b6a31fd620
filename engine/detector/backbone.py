"""ResNet 50 and 101 in the caffe layout of the published VL-BERT, with frozen batch normalisation.

Stages are counted as in the paper: 1 is the stem, 2 to 5 are `layer1` to `layer4`. The names of the
parameters are torchvision's, so published and imported weights map one to one.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class FrozenBatchNorm(nn.Module):
    """Batch normalisation that never learns: its four tensors are buffers, used as an affine map.

    `eps` belongs to the weights: 1e-5 as published, 1e-3 for weights that come from Keras.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift, [channels] each, that do the same as the normalisation."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return scale, self.bias - self.running_mean * scale


def normalised(convolution: nn.Conv2d, norm: FrozenBatchNorm, x: Tensor) -> Tensor:
    """Convolution, then its frozen normalisation, in one pass: the scale is folded into the kernel."""
    scale, shift = norm.affine()
    kernel = convolution.weight * scale[:, None, None, None]
    return F.conv2d(x, kernel, shift, convolution.stride, convolution.padding, convolution.dilation)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; the stride sits in the first 1x1 (caffe), not in the 3x3 (torchvision)."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, eps: float) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, stride=stride, bias=False)
        self.bn1 = FrozenBatchNorm(width, eps)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = FrozenBatchNorm(width, eps)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = FrozenBatchNorm(outputs, eps)
        self.downsample = nn.ModuleList()
        if stride > 1 or inputs != outputs:
            self.downsample.append(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False))
            self.downsample.append(FrozenBatchNorm(outputs, eps))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self._shortcut(x)
        x = normalised(self.conv1, self.bn1, x).relu_()
        x = normalised(self.conv2, self.bn2, x).relu_()
        return normalised(self.conv3, self.bn3, x).add_(shortcut).relu_()

    def _shortcut(self, x: Tensor) -> Tensor:
        for convolution, norm in zip(self.downsample[::2], self.downsample[1::2], strict=True):
            x = normalised(cast(nn.Conv2d, convolution), cast(FrozenBatchNorm, norm), x)
        return x


class ResNet(nn.Module):
    """Stages 1 to 4 as one map and stage 5 as a second step (specification, "Visual feature").

    depth: 50 or 101. dilated: stage 5 keeps its input's size (stride 1, dilation 2; published), else it halves it.
    eps: of the frozen normalisation. ceil_pool: the stem pools without padding and keeps incomplete last places, as
    caffe does. Raises ConfigError on another depth.
    """

    def __init__(self, depth: int, *, dilated: bool, eps: float = 1e-5, ceil_pool: bool = False) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise ConfigError(f"A ResNet has 50 or 101 layers here, not {depth}; choose one of the two.")
        blocks = BLOCKS[depth]
        self.pool = nn.MaxPool2d(3, stride=2, padding=0 if ceil_pool else 1, ceil_mode=ceil_pool)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm(64, eps)
        self.layer1 = _stage(64, 64, blocks[0], stride=1, dilation=1, eps=eps)
        self.layer2 = _stage(256, 128, blocks[1], stride=2, dilation=1, eps=eps)
        self.layer3 = _stage(512, 256, blocks[2], stride=2, dilation=1, eps=eps)
        self.layer4 = _stage(1024, 512, blocks[3], stride=1 if dilated else 2, dilation=2 if dilated else 1, eps=eps)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stage4(self, images: Tensor) -> Tensor:
        """Images [B, 3, h, w], mean subtracted -> the map of stage 4, [B, 1024, h/16, w/16]."""
        x = self.pool(normalised(self.conv1, self.bn1, images).relu_())
        return self.layer3(self.layer2(self.layer1(x)))

    def stage5(self, x: Tensor) -> Tensor:
        """A map or crops [K, 1024, h, w] of stage 4 -> [K, 2048, h, w] if dilated, else [K, 2048, h/2, w/2]."""
        return self.layer4(x)

    def freeze_first_stages(self) -> None:
        """Stages 1 and 2 (the stem and `layer1`) stop learning, as published."""
        self.conv1.requires_grad_(False)
        self.layer1.requires_grad_(False)


def _stage(inputs: int, width: int, blocks: int, *, stride: int, dilation: int, eps: float) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride, dilation, eps)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, dilation, eps) for _ in range(blocks - 1)))
