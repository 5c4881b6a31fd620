"""What a run or a folder of features was made from, and with which settings: kept in its files and compared when the
same command is given again."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.config import FineTuneConfig, Settings
from engine.errors import ConfigError
from engine.structures.questions import DataSet
from engine.weights.adapters import AdapterInfo, digest

Origin = Mapping[str, Any]
SHOWN = 12  # characters of a digest in a message
DIGEST = re.compile("[0-9a-f]{64}")

# The settings that may change between two starts of one run. Every other field of a settings class is part of the
# run's identity, so a new field is compared unless it is added here.
LENGTHS = frozenset({"epochs", "steps", "detector_epochs", "tuning_epochs"})  # a run goes on to another end
FREE = LENGTHS | {
    "most_steps",  # refuses a longer run and changes none
    "log_every", "evaluate_every", "save_every",  # when something is written
    "accumulate",  # memory, as the number of processes
}
FREE_WITHOUT_VIEWS = FREE | {"views"}  # of a stage that reads no features computed before
WORDS = {"detections": "regions of the detector's own"}  # names that a message spells out


def of_settings(*settings: Settings, free: Collection[str] = FREE) -> dict[str, Any]:
    """Every field that is not `free`, by name; where two settings share a name, the value of the later one."""
    return {f.name: getattr(own, f.name) for own in settings for f in dataclasses.fields(own) if f.name not in free}


def of_finetuning(settings: FineTuneConfig, training: Settings, base: str, after: Path | None,
                  detector: str) -> dict[str, Any]:
    """Collect what is known of a fine-tuning before its data are read.

    Args:
        settings: of the run
        training: the optimiser's settings that follow from them
        base: SHA-256 of the VL-BERT file that the run starts from
        after: the adapter that it starts from, if any
        detector: what distinguishes the detector from others (`engine.weights.detectors.identity`)

    Returns:
        Settings and digests by name.
    """
    return of_settings(settings, training) | {
        "rank": settings.rank if settings.tune == "lora" else 0, "weights": base,
        "after": digest(after) if after else "nothing", "detector": hashlib.sha256(detector.encode()).hexdigest()}


def of_questions(info: AdapterInfo, learned: DataSet[Any]) -> str:
    """SHA-256 of what a fine-tuning learns."""
    return hashlib.sha256(repr((info.answers, info.classes, learned.questions)).encode()).hexdigest()


def of_tensors(module: nn.Module) -> str:
    """SHA-256 of a module's state, on whatever device."""
    key = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        key.update(name.encode())
        key.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return key.hexdigest()


def of_texts(texts: Iterable[str]) -> str:
    """SHA-256 of texts in their order."""
    key = hashlib.sha256()
    for text in texts:
        key.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return key.hexdigest()


def refuse_other(found: Origin, own: Origin, where: Path, remedy: str) -> None:
    """Refuse to continue if two origins differ; a name that only one of them has is no difference.

    Args:
        found: what `where` holds
        own: what this run has
        where: a file or folder of an earlier run
        remedy: what to do, for the message

    Raises:
        ConfigError: names everything that differs, with both values.
    """
    other = [name for name in own if name in found and found[name] != own[name]]
    if other:
        was, now = (", ".join(f"{WORDS.get(name, name)} {_shown(values[name])}" for name in other)
                    for values in (found, own))
        raise ConfigError(f"{where} was made with {was}; this run has {now}. {remedy}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return " ".join(map(str, value)) or "none"
    return value[:SHOWN] if isinstance(value, str) and DIGEST.fullmatch(value) else str(value) or "none"
