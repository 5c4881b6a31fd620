"""Reading and writing a file of tensors, and filling a module from tensors by name, without forgiving anything."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.data.stand_ins import refuse_stand_in
from engine.errors import DiskError, WeightsError
from engine.writing import write_failed

ASKED_FOR = re.compile(r"GLOBAL (\w+(?:\.\w+)*)")  # in PyTorch's message about an object of another class
NUMBERS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, whatever its name, or of a PyTorch one (a state dict, or a dict that holds
    `state_dict`).

    Raises WeightsError where the file is missing, damaged, or holds something else.
    """
    check_file(path)
    if path.suffix == ".safetensors" or _begins_as_safetensors(path):
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise damaged(path, error) from error
    content = read_pickled(path)
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(f"{path} holds something else than named tensors. Choose a checkpoint.")
    return dict(content)


def read_pickled(path: Path, *, mmap: bool = False) -> Any:
    """The content of a file that `torch.save` wrote: tensors, containers, numbers and words.

    PyTorch's own messages advise to read the file with `weights_only=False`, which runs its code, or to report a newer
    pickle protocol. They are not passed on.

    Args:
        path: the file.
        mmap: whether tensors are read from the disk when they are used.

    Returns:
        What was saved, with tensors on the processor.

    Raises:
        WeightsError: the file is missing, damaged, or holds objects of other classes; none of them was made.
    """
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # a damaged pickle raises anything
        if not (found := ASKED_FOR.search(str(error))):
            raise damaged(path, error) from error
        name = found[1]
        what = "a number of NumPy, which is no tensor" if name in NUMBERS else "an object that is no tensor"
        raise WeightsError(f"{path} holds {what} ({name}). Only tensors, plain numbers and words are read, so that no "
                           "code of the file runs. Save the tensors alone: torch.save(model.state_dict(), FILE).") \
            from error


def damaged(path: Path, error: Exception) -> WeightsError:
    """The error to raise for a file of weights that cannot be read."""
    why = f" ({error})" if isinstance(error, SafetensorError) else ""
    return WeightsError(f"{path} cannot be read as a file of weights; it is damaged, cut short or of another "
                        f"kind{why}. Fetch it again.")


def _begins_as_safetensors(path: Path) -> bool:
    """Whether a header follows, an object of json, after the eight bytes of its length."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """A `.safetensors` file, which appears whole or not at all. Raises DiskError where it cannot be written."""
    if path.exists() and not path.is_file():
        raise DiskError(f"{path} is {'a folder' if path.is_dir() else 'no ordinary file'}; name a file.")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        mode = unfinished.stat().st_mode
        save_file(tensors, unfinished, metadata=metadata)
        unfinished.chmod(mode)  # the library lets nobody else read what it writes
        os.replace(unfinished, path)
    except (SafetensorError, OSError) as error:
        raise write_failed(str(path), _cause(error), "; what was there before is kept") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _cause(error: SafetensorError | OSError) -> OSError:
    """The library's errors hold the system's message and number as text: "I/O error: WORDS (os error NUMBER)"."""
    if isinstance(error, OSError):
        return error
    words, _, number = str(error).rpartition("I/O error: ")[2].partition(" (os error ")
    return OSError(int(number.rstrip(")")) if number.rstrip(")").isdecimal() else 0, words)


def check_file(path: Path) -> None:
    """Refuse what stands where a file of weights should be.

    Args:
        path: the file.

    Raises:
        WeightsError: there is no such file, or a web page or a pointer of Git LFS is there instead of it.
    """
    if not path.is_file():
        raise WeightsError(f"There is no file {path}. Check the name, or fetch the weights first.")
    refuse_stand_in(path, WeightsError)


def renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str], source: str) -> dict[str, Tensor]:
    """`tensors` under new names.

    names: each expected name and its new one; several may share a new name if their tensors are equal.
    source: what the tensors should be, for messages. Raises WeightsError that names the first missing, unknown or
    contradicting tensor.
    """
    refuse_unless_same(tensors, names, file="the file", wanted_by=source)
    firsts: dict[str, str] = {}
    for theirs, ours in names.items():
        first = firsts.setdefault(ours, theirs)
        if first != theirs and not torch.equal(tensors[first], tensors[theirs]):
            raise WeightsError(f"{theirs} and {first} are one tensor in {source}, but differ here. "
                               "The file was changed; take the original.")
    return {ours: tensors[theirs] for ours, theirs in firsts.items()}


def refuse_unless_same(found: Collection[str], expected: Collection[str], *, file: str, wanted_by: str) -> None:
    """Raises WeightsError that names the first key that only one of the two has: `file` or `wanted_by`."""
    missing = [k for k in expected if k not in found]
    if missing:
        raise WeightsError(f"{missing[0]} is missing: {wanted_by} has it, {file} does not ({len(missing)} of "
                           f"{len(expected)} tensors are missing). Take a complete file of that kind.")
    unknown = sorted(k for k in found if k not in expected)
    if unknown:
        raise WeightsError(f"{unknown[0]} is unknown: {file} has it, {wanted_by} does not ({len(unknown)} tensors too "
                           "many). Take a file of that kind.")


def refuse_misshapen(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> None:
    """Raises WeightsError that names the first tensor whose shape is not that of its namesake."""
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise WeightsError(f"{name} has the shape {list(tensor.shape)} in {source}; this model needs "
                               f"{list(expected[name].shape)}. Take the weights and the configuration that belong "
                               "together.")


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: str, *, fresh: Collection[str] = ()) -> None:
    """Copy `tensors` into `module`; only the names in `fresh` may be absent, and keep their values.

    Raises WeightsError that names the first missing, unknown or misshapen tensor; nothing is copied then.
    """
    own = module.state_dict()
    expected = [k for k in own if k in tensors or k not in fresh]
    refuse_unless_same(tensors, expected, file=source, wanted_by="this model")
    refuse_misshapen(tensors, own, source)
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
