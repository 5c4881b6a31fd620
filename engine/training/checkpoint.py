"""Resumable training state: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from engine.errors import WeightsError
from engine.weights.files import read_pickled
from engine.writing import write_failed

REMEDY = "Give the same settings, or another folder."


def save(state: dict[str, Any], path: Path) -> None:
    """Write beside `path`, sync, then rename: a kill or a full disk at any moment leaves the last good file.

    Raises DiskError where the disk is full or refuses.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        reason = _refusal(error)
        if reason is None:
            raise
        kept = "; the one before it is kept" if path.exists() else ""
        raise write_failed(f"The checkpoint {path}", reason, kept) from error
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """The state that `save` wrote. mmap: tensors are read only when they are used. Raises WeightsError where the file
    is missing or broken."""
    if not path.is_file():
        raise WeightsError(f"There is no checkpoint {path}.")
    try:
        return read_pickled(path, mmap=mmap)
    except WeightsError as error:
        raise WeightsError(f"{path} is no checkpoint that can be read. Remove it to start the run anew.") from error


def origin(path: Path) -> dict[str, Any]:
    """What the run in `path` was made from and with, without its tensors. Raises WeightsError as `load` does."""
    return origin_of(load(path, mmap=True))


def origin_of(state: dict[str, Any]) -> dict[str, Any]:
    """The same of a state that is loaded; older versions kept a few settings under names of their own."""
    older = dict(zip(("seed", "batch_size", "examples"), state.get("data", ()), strict=False))
    return {**older, "optimiser": state.get("kind", "adamw"), **state.get("origin", {})}


def _sync_folder(folder: Path) -> None:
    """The rename, too, outlasts a power failure (POSIX only)."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _refusal(error: BaseException | None) -> OSError | None:
    """Why the disk refused, or None where the error is another one. torch wraps a failed write of its zip file."""
    wrapped = isinstance(error, RuntimeError) and "PytorchStreamWriter" in str(error)
    while error is not None:
        if isinstance(error, OSError):
            return error
        error = error.__cause__ or error.__context__
    return OSError(0, "the write failed") if wrapped else None
