"""Which arithmetic a pass is computed in: bfloat16 only where the processor is made for it."""

import ast

import pytest
import torch
from torch.nn.functional import linear

from engine import precision
from tests.conftest import ROOT


@pytest.mark.parametrize(("asked", "made_for_it", "computed"), [
    ("bf16", True, torch.bfloat16), ("bf16", False, torch.float32), ("no", True, torch.float32),
    ("fp16", False, torch.float16)])
def test_a_processor_without_bfloat16_computes_in_float32(monkeypatch, asked, made_for_it, computed) -> None:
    monkeypatch.setattr(precision, "fast_bf16", lambda: made_for_it)
    with precision.autocast("cpu", asked):
        assert linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == computed
    with torch.autocast("cpu", torch.bfloat16), precision.autocast("cpu", "no"):
        assert linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == torch.float32


def test_nothing_else_chooses_an_arithmetic() -> None:
    """Elsewhere autocast is only ever switched off."""
    for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("studio/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.autocast":
                off = any(k.arg == "enabled" and ast.unparse(k.value) == "False" for k in node.keywords)
                assert off or path.name == "precision.py", path


@pytest.mark.parametrize(("able", "fast"), [
    ({"avx512_f": True, "avx512_bw": True, "avx512_bf16": False}, False), ({"avx2": True}, False),
    ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"neon": True, "bf16": True}, True)])
def test_what_only_emulates_bfloat16_is_not_made_for_it(monkeypatch, able, fast) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert precision.fast_bf16() is fast
