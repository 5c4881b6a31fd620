"""Attention heads that say nothing (Michel, Levy and Neubig 2019, Are sixteen heads really better than one?)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from engine.errors import MaskError
from engine.model.attention import SelfAttention
from engine.model.taps import Hooks
from engine.model.vlbert import VLBert

Head = tuple[int, int]  # layer, head


class HeadsOff(Hooks):
    """While it is open, the chosen heads of `model` give 0 to their layer's output projection, in its own thread.

    off: the heads of every row alike, or one collection for each row of the batches that come.
    Open it inside `Taps`, whose own result would take the place of this one otherwise. Raises MaskError for a head
    that is not there.
    """

    def __init__(self, model: VLBert, off: Collection[Head] | Sequence[Collection[Head]]) -> None:
        super().__init__()
        rows = list(off)
        each: list[Collection[Any]] = [rows] if all(_is_head(row) for row in rows) else rows
        layers = [layer.get_submodule("attention") for layer in model.encoder.layers]
        self._keep = torch.ones(len(each), len(layers), _heads(layers[0]), dtype=torch.bool)  # [B or 1, N, H]
        for row, heads in enumerate(each):
            for layer, head in heads:
                check_head(model, layer, head)
                self._keep[row, layer, head] = False
        self._layers = [(i, layer) for i, layer in enumerate(layers) if not self._keep[:, i].all()]

    def __enter__(self) -> Self:
        for number, module in self._layers:
            self._watch(module, self._silence(number))
        return self

    def _silence(self, layer: int) -> Any:
        def silence(module: nn.Module, inputs: tuple[Any, ...], context: Tensor) -> Tensor:
            keep = self._keep[:, None, layer, :, None]  # [B or 1, 1, H, 1]
            return (context.unflatten(2, (_heads(module), -1)) * keep).flatten(2)

        return silence


def check_head(model: VLBert, layer: int, head: int) -> None:
    """Raises MaskError for a head that is not there."""
    layers = len(model.encoder.layers)
    heads = _heads(model.encoder.layers[0].get_submodule("attention"))
    if not (0 <= layer < layers and 0 <= head < heads):
        raise MaskError(f"There is no head {head} in layer {layer}; the model has layers 0 to {layers - 1} "
                        f"with heads 0 to {heads - 1}.")


def _heads(module: nn.Module) -> int:
    assert isinstance(module, SelfAttention)
    return module.heads


def _is_head(row: Any) -> bool:
    return isinstance(row, tuple) and len(row) == 2 and all(isinstance(v, int) for v in row)
