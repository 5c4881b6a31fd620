"""Observation from outside: what passed through a model, by name, without the model knowing.

    with Taps(model) as taps:
        model(batch)
    taps.attention[0]        # [B, H, L, L], layer 0
    taps.states["layer.0"]   # [B, L, D]
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn

from engine.model.attention import SelfAttention
from engine.model.layout import Layout
from engine.model.vlbert import VLBert


class Hooks:
    """Forward hooks that see the passes of the thread which made them, and are gone when they are closed."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._thread = threading.get_ident()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _watch(self, module: nn.Module, seen: Any) -> None:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
            return seen(module, inputs, output) if threading.get_ident() == self._thread else None

        self._handles.append(module.register_forward_hook(hook))


class Taps(Hooks):
    """Records the last pass of its own thread through `model` while it is open.

    attention: one [B, H, L, L] per layer; row i says how much element i takes from each other; padding gets 0.
    states: "regions" (obj_rep) [B, R, D], "embeddings" [B, L, D], "layer.0" ... "layer.N-1" [B, L, D] (the last is 0
    where a pass does not ask for it) and "pooled" [B, D].
    layout: who sits where in L.

    All are part of the graph, so gradients with respect to them can be asked for. While taps are open attention is
    computed step by step, which agrees with the fused path to rounding.
    """

    def __init__(self, model: VLBert) -> None:
        super().__init__()
        self.attention: list[Tensor] = []
        self.states: dict[str, Tensor] = {}
        self.layout: Layout | None = None
        self._model = model

    def __enter__(self) -> Self:
        model = self._model
        self._watch(model.embeddings, self._start)
        for layer in model.encoder.layers:
            self._watch(layer.get_submodule("attention"), self._attend)
        named = {"regions": model.regions, "pooled": model.pooler} | {
            f"layer.{i}": layer for i, layer in enumerate(model.encoder.layers)}
        for name, module in named.items():
            self._watch(module, lambda _, __, output, name=name: self.states.update({name: output}))
        return self

    def _start(self, _: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        self.attention.clear()
        self.layout = inputs[0]
        self.states["embeddings"] = output

    def _attend(self, module: SelfAttention, inputs: tuple[Any, ...], _: Tensor) -> Tensor:
        """The same attention again, step by step; its result takes the place of the fast path's."""
        context, probabilities = module.step_by_step(*inputs)
        self.attention.append(probabilities)
        return context
