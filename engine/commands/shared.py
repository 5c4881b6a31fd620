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
    p.add_argument("--detector-device", default="auto", help="where that detector computes: auto, cpu, cuda "
                   "(only the processor is tested)")


def write(figures: dict[str, Any], target: str) -> None:
    """As json to a file, or to standard output for "-". What is not a number (a share of nothing) is null."""
    text = json.dumps(_numbers(figures), indent=2, ensure_ascii=False, allow_nan=False)
    if target == "-":
        sys.stdout.write(text + "\n")
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(text + "\n", encoding="utf-8")


def _numbers(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {name: _numbers(own) for name, own in figures.items()}
    if isinstance(figures, list | tuple):
        return [_numbers(own) for own in figures]
    return None if isinstance(figures, float) and not math.isfinite(figures) else figures
