"""What several commands need: flags from settings, figures to a file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from engine.config import Settings
from engine.errors import ConfigError
from engine.writing import refuse_overwriting, write_failed

WEIGHTS = Path("assets/weights")
Chosen = TypeVar("Chosen", bound=Settings)


def add_settings(p: argparse.ArgumentParser, settings: type[Settings], leave_out: Sequence[str] = ()) -> None:
    """One flag for each field, with the field's own help, choices and default."""
    for f in dataclasses.fields(settings):
        if f.name in leave_out:
            continue
        default = "none" if f.default == "" else f.default
        flag, help = f"--{f.name.replace('_', '-')}", f"{f.metadata['help']} (default {default})"
        if isinstance(f.default, bool):
            p.add_argument(flag, action=argparse.BooleanOptionalAction, default=f.default, help=help)
        else:
            p.add_argument(flag, type=type(f.default), default=f.default, choices=f.metadata["choices"] or None,
                           help=help)


def settings_of(options: argparse.Namespace, settings: type[Chosen]) -> Chosen:
    """What `add_settings` took from the command line, defaults for what it left out. Raises ConfigError."""
    named = [f.name for f in dataclasses.fields(settings) if hasattr(options, f.name)]
    return settings(**{name: getattr(options, name) for name in named})


def add_detector(p: argparse.ArgumentParser) -> None:
    p.add_argument("--detector", default="", metavar="detectron2:CONFIG[:WEIGHTS]|FILE",
                   help="compute regions with detectron2, or with a file that `convert detectron2` wrote "
                   "(default: the detector of the weights)")
    p.add_argument("--detector-device", default=None, help="where that detector computes: auto, cpu, cuda "
                   "(only the processor is tested; default auto)")


def detector_of(options: argparse.Namespace) -> tuple[str, str]:
    """What the flags of `add_detector` choose.

    Args:
        options: of the command line.

    Returns:
        The detector, "" for that of the weights, and its device.

    Raises:
        ConfigError: a device is given for no detector.
    """
    if options.detector_device is not None and not options.detector:
        raise ConfigError("--detector-device has no use without --detector: the detector of the weights computes where "
                          "the model does. Give --detector, too, or leave --detector-device out.")
    return options.detector, options.detector_device or "auto"


def check_targets(options: argparse.Namespace, *read: Path | None) -> None:
    """Before anything is computed: see that the files of `--json` and `--answers` can be written and replace no input.

    Args:
        options: of the command line; where they have weights, an adapter or a detector, their files are inputs, too.
        read: further files that the command reads, and folders of them.

    Raises:
        ConfigError: a file to write is an input, or a folder.
        DiskError: its folder cannot be made.
    """
    targets = [getattr(options, name, None) for name in ("json", "answers")]
    inputs = [*read, getattr(options, "adapter", None), *map(Path, parts_of(getattr(options, "detector", "")))]
    if weights := getattr(options, "weights", None):
        named = ("vocab.txt", "labels.json", "calibration.json")
        inputs += [*weights.glob("*.safetensors"), *(weights / name for name in named)]
    for target in (Path(target) for target in targets if target and str(target) != "-"):
        refuse_overwriting(target, *inputs)
        if target.is_dir():
            raise ConfigError(f"{target} is a folder; name a file to write.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_failed(str(target), error) from error


def parts_of(detector: str) -> list[str]:
    """The files that a `--detector` may name: FILE, or CONFIG and WEIGHTS."""
    return [part for part in detector.removeprefix("detectron2:").split(":") if part]


def write(figures: dict[str, Any], target: str) -> None:
    """As json to a file, or to standard output for "-". What is not a number (a share of nothing) is null."""
    text = json.dumps(_numbers(figures), indent=2, ensure_ascii=False, allow_nan=False)
    if target == "-":
        sys.stdout.write(text + "\n")
        return
    try:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        sys.stdout.write(text + "\n")  # they may have taken an hour
        raise write_failed(target, error, "; the figures are on standard output instead") from error


def _numbers(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {name: _numbers(own) for name, own in figures.items()}
    if isinstance(figures, list | tuple):
        return [_numbers(own) for own in figures]
    return None if isinstance(figures, float) and not math.isfinite(figures) else figures
