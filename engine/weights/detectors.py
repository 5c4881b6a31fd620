"""Which detector a predictor looks with: the weights' own, one of detectron2, or a converted one."""

from __future__ import annotations

from pathlib import Path

from engine.data.nouns import RegionClasses
from engine.data.vocabulary import classes_of
from engine.detector.detectron2 import build, check_library, read_config
from engine.detector.elsewhere import Elsewhere, device_named
from engine.errors import ConfigError
from engine.weights.adapters import digest
from engine.weights.detectron2 import fill_library, load_c4
from engine.weights.files import check_file
from engine.weights.shipped import only

LIBRARY = "detectron2:"


def load_detector(choice: str, device: str = "auto") -> tuple[Elsewhere, RegionClasses]:
    """The chosen detector on its device, and the names of its classes.

    choice: detectron2:CONFIG[:WEIGHTS], or a file written by `convert detectron2`. Raises ConfigError and WeightsError.
    """
    place = device_named(device)
    if not choice.startswith(LIBRARY):
        config, converted = load_c4(Path(choice))
        classes = classes_of(config.classes)
        return Elsewhere(converted.to(place).eval(), place), classes
    check_library()
    name, weights = _parts(choice)
    check_file(weights)
    detector = build(name, place)
    fill_library(detector, weights)
    return Elsewhere(detector, place), classes_of(detector.model.roi_heads.num_classes)


def identity(choice: str, folder: Path) -> str:
    """What tells a detector from others: SHA-256 of its file, of the library's also its configuration.

    choice: as `load_detector` takes it, or "" for that of the weights in `folder`. Raises WeightsError where the file
    is missing.
    """
    if not choice.startswith(LIBRARY):
        return digest(Path(choice) if choice else only(folder, "*-detector.safetensors"))
    name, weights = _parts(choice)
    written = digest(Path(name)) if Path(name).is_file() else ""
    return f"{name} {written} {digest(weights)}"


def _parts(choice: str) -> tuple[str, Path]:
    """Configuration and weights; without any, those that a yaml file of one's own names. Raises ConfigError."""
    name, _, weights = choice.removeprefix(LIBRARY).partition(":")
    if not weights and Path(name).is_file():
        weights = str(read_config(name).MODEL.WEIGHTS)
        weights = weights if Path(weights).is_file() else ""
    if not weights:
        raise ConfigError(f"{choice} names no weights, and nothing is fetched while the program runs. "
                          f"Write {choice}:FILE with a .pkl or .pth checkpoint of that configuration.")
    return name, Path(weights)
