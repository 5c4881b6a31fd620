"""Arrays out of a pickle, without running what it says.

A pickle is a program: it may name any function and have it called. Checkpoints in this format hold arrays, containers,
numbers and words only, so just the few names that describe arrays are known here, and stand-ins of our own take their
place: nothing that the file names is ever imported or called.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from engine.errors import WeightsError

KINDS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"})
DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError,
           RecursionError, OverflowError, MemoryError)


class _Kind:
    """Stands for numpy.dtype: one of KINDS, in the byte order that its state says."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name, self.order = str(name), "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"

    def numpy(self) -> np.dtype[Any]:
        if self.name not in KINDS:
            raise pickle.UnpicklingError(f"an array of {self.name!r}")
        return np.dtype(self.order + self.name)


class _Array:
    """Stands for numpy.ndarray while its state is read."""

    value: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, columns_first, data = state
        flat = np.frombuffer(_bytes(data), kind.numpy())
        native = flat.astype(flat.dtype.newbyteorder("="))
        self.value = native.reshape(shape, order="F" if columns_first else "C")


def _buffered(data: Any, kind: _Kind, shape: tuple[int, ...], order: str,
              axes: tuple[int, ...] | None = None) -> _Array:
    """An array as protocol 5 writes it: its bytes by rows ("C"), by columns ("F"), or in the order of `axes` ("K")."""
    flat = np.frombuffer(_bytes(data), kind.numpy())
    flat = flat.astype(flat.dtype.newbyteorder("="))
    array = _Array()
    array.value = flat.reshape(shape, order="F" if order == "F" else "C")
    if order == "K" and axes is not None:
        array.value = array.value.transpose(axes)
    return array


def _scalar(kind: _Kind, data: Any) -> Any:
    return np.frombuffer(_bytes(data), kind.numpy())[0].item()


def _bytes(data: Any) -> bytes:
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _no_bytes() -> bytes:
    """Old protocols write empty data as a call of `bytes`."""
    return b""


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"an encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
} | {(f"{module}.multiarray", name): stand_in for module in ("numpy.core", "numpy._core") for name, stand_in in
     (("_reconstruct", lambda *_: _Array()), ("scalar", _scalar))} | {
    (f"{module}.numeric", "_frombuffer"): _buffered for module in ("numpy.core", "numpy._core")}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it asks for something outside the file")


def read_arrays(path: Path) -> Any:
    """The content of a pickle of arrays, containers, numbers and words.

    Raises WeightsError where the file is damaged or asks for anything else; nothing of it has run then.
    """
    try:
        with path.open("rb") as file:
            return _plain(_Reader(file, encoding="latin1").load())
    except DAMAGED as error:
        raise WeightsError(f"{path} is refused: a checkpoint in this format may hold arrays, containers, numbers and "
                           f"words only ({error}). It is damaged or not to be trusted; take the original.") from error


def _plain(content: Any) -> Any:
    """The same with real arrays in place of the stand-ins."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value) for value in content]
    if isinstance(content, _Array):
        return content.value
    return content
