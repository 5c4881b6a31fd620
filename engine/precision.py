"""Which arithmetic a pass is computed in."""

from __future__ import annotations

import torch

MADE_FOR_BF16 = ("amx_bf16", "avx512_bf16", "bf16")  # as torch calls what processors of Intel, AMD and ARM can do


def fast_bf16() -> bool:
    """Whether this processor computes in bfloat16 by itself; where that is emulated it is slower than float32."""
    able = torch.cpu.get_capabilities()
    return torch.backends.mkldnn.is_available() and any(able.get(name, False) for name in MADE_FOR_BF16)


def autocast(device: str = "cpu", precision: str = "bf16") -> torch.autocast:
    """Mixed precision for a pass on `device`, one of `engine.config.PRECISIONS`: "no" is float32.

    A processor that is not made for bfloat16 computes in float32 instead (measured on two cores of one with AVX2 alone:
    a training step takes twenty times as long in bfloat16).
    """
    enabled = precision != "no" and (precision == "fp16" or device != "cpu" or fast_bf16())
    return torch.autocast(device, torch.float16 if precision == "fp16" else torch.bfloat16, enabled=enabled)
