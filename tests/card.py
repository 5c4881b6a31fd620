"""A stand-in for a graphics card: tensors that compute on the processor and refuse to meet those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("meta")  # a device that every machine has
MOVES = ("aten::_to_copy", "aten::copy_")
INDEXING = ("aten::index", "aten::index_put", "aten::index_put_")  # a card takes indices from the processor, too


class There(Tensor):
    """A tensor on the card. here: the same numbers on the processor."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> There:
        made = Tensor._make_wrapper_subclass(cls, here.shape, strides=here.stride(), dtype=here.dtype, device=CARD)
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(op, args, kwargs or {})


class _Made(TorchDispatchMode):
    """While it is open, tensors can be made on the card."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(op, args, kwargs or {})


class _Lists(TorchFunctionMode):
    """The same for what turns lists into tensors, or tensors into lists, before anything is dispatched."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.tensor and kwargs.get("device") == CARD:
            return There(function(*args, **kwargs | {"device": None}))
        if function is Tensor.tolist and isinstance(args[0], There):
            return args[0].here.tolist()
        if function in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], tree_map(_index, args[1], is_leaf=lambda own: isinstance(own, list | range)), *args[2:])
        return function(*args, **kwargs)


@contextmanager
def card(model: nn.Module) -> Iterator[None]:
    """The parameters of `model` are on the card from here on; its passes must run inside."""
    for module in model.modules():
        for name, own in module._parameters.items():
            if own is not None:
                module._parameters[name] = nn.Parameter(There(own.detach()), own.requires_grad)
    with _Lists(), _Made():
        yield


def computed(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The result is on the card if an argument is, or if it is asked for there. Raises RuntimeError for a mixture."""
    tensors = [own for own in tree_leaves((args, kwargs)) if isinstance(own, Tensor)]
    if any(own.device == CARD and not isinstance(own, There) for own in tensors):
        raise RuntimeError(f"{op} got a tensor on the card that was made behind the stand-in's back")
    met = [args[0], *args[2:3]] if op._schema.name in INDEXING else tensors
    there = any(isinstance(own, There) for own in met)
    if op._schema.name in MOVES:
        there = isinstance(args[0], There)
    elif there and not all(isinstance(own, There) or own.ndim == 0 for own in met):
        raise RuntimeError(f"{op} got tensors on the card and on the processor: {[tuple(own.shape) for own in met]}")
    if kwargs.get("device") is not None:
        there, kwargs = kwargs["device"] == CARD, kwargs | {"device": "cpu"}
    own_args, own_kwargs = tree_map(lambda own: own.here if isinstance(own, There) else own, (args, kwargs))
    result = op(*own_args, **own_kwargs)
    if op._schema.is_mutable:
        return args[0]
    return tree_map(lambda own: There(own) if there and isinstance(own, Tensor) else own, result)


def _index(own: Any) -> Any:
    return torch.tensor(list(own), dtype=torch.int64) if isinstance(own, list | range) else own
