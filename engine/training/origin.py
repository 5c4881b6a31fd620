"""What a run or a folder of features began from: told in its files, so that nothing else goes on in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.config import FineTuneConfig
from engine.errors import ConfigError
from engine.structures.questions import DataSet
from engine.weights.adapters import AdapterInfo, digest

Origin = Mapping[str, Any]
SHOWN = 12  # characters of a digest that a message tells


def of_finetuning(settings: FineTuneConfig, info: AdapterInfo, learned: DataSet[Any], after: Path | None,
                  pictures: str, detector: str) -> Origin:
    """What changes the meaning of a fine-tuning; its length and its rate may change on the way.

    pictures: their digest (`engine.training.materials.digest_of`). detector: what tells it from others
    (`engine.weights.detectors.identity`).
    """
    asked = hashlib.sha256(repr((info.answers, info.classes, learned.questions)).encode()).hexdigest()
    return {"task": info.task, "tune": info.tune, "rank": info.rank, "weights": info.base,
            "after": digest(after) if after else "nothing", "questions": asked, "pictures": pictures,
            "detector": hashlib.sha256(detector.encode()).hexdigest(), "evidence": settings.evidence,
            "words": settings.words, "ranking": settings.ranking}


def of_tensors(module: nn.Module) -> str:
    """SHA-256 of a module's state, on whatever device."""
    key = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        key.update(name.encode())
        key.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return key.hexdigest()


def refuse_other(found: Origin, own: Origin, where: Path, remedy: str) -> None:
    """Raises ConfigError that names what differs; what only one of the two tells is no difference.

    found: what `where` holds. remedy: what to do.
    """
    other = [name for name in own if name in found and found[name] != own[name]]
    if other:
        was, now = (", ".join(f"{name} {str(told[name])[:SHOWN]}" for name in other) for told in (found, own))
        raise ConfigError(f"{where} was made with {was}; this run has {now}. {remedy}")
