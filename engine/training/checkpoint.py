"""Resumable training state: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from engine.errors import WeightsError


def save(state: dict[str, Any], path: Path) -> None:
    """Write beside `path`, sync, then rename: a kill at any moment leaves the last good file."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    """The state that `save` wrote. Raises WeightsError where the file is missing or broken."""
    if not path.is_file():
        raise WeightsError(f"There is no checkpoint {path}.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises several unrelated types for a broken file
        raise WeightsError(f"{path} is no checkpoint that can be read ({error}). Start the run anew.") from error
