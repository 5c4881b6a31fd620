"""Which arithmetic a pass is computed in."""

from __future__ import annotations

import torch


def fast_bf16() -> bool:
    """Whether this processor computes in bfloat16 by itself; elsewhere it is far slower than float32."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device: str = "cpu", precision: str = "bf16") -> torch.autocast:
    """Mixed precision for a pass on `device`, one of `engine.config.PRECISIONS`: "no" is float32.

    A processor that is not made for bfloat16 computes in float32 instead (measured on two cores of one with AVX2 alone:
    a training step takes twenty times as long in bfloat16).
    """
    enabled = precision != "no" and (precision == "fp16" or device != "cpu" or fast_bf16())
    return torch.autocast(device, torch.float16 if precision == "fp16" else torch.bfloat16, enabled=enabled)
