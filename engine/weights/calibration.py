"""The temperatures of a folder of weights: `calibration.json`, which `python -m engine calibrate` writes.

    {"temperatures": {"words": 1.12, "regions": 0.94, "classes": 1.3},
     "fitted_on": {"mini-vlbert.safetensors": SHA-256, "mini-detector.safetensors": SHA-256}}

They are in a file of their own because an adapter records the digest of the VL-BERT file that it belongs to. Weights
without the file have the temperature 1. An adapter holds its own temperature (`engine.weights.adapters.AdapterInfo`).
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from engine.data.lines import BROKEN, reason
from engine.errors import WeightsError
from engine.model.tempered import is_temperature
from engine.weights.adapters import digest
from engine.weights.shipped import CALIBRATION
from engine.writing import write_failed

FIT = "Fit it again: python -m engine calibrate pretraining."


@dataclass(frozen=True)
class Temperatures:
    """By which logits are divided before a probability is shown.

    Attributes:
        words: of masked words
        regions: of masked regions
        classes: of the classes that the detector gives its regions
    """

    words: float = 1.0
    regions: float = 1.0
    classes: float = 1.0


def read_temperatures(folder: Path) -> Temperatures:
    """The temperatures of a folder of weights, 1 where it has no `calibration.json`.

    Raises:
        WeightsError: The file is broken, or was fitted on other weights.
    """
    path = folder / CALIBRATION
    if not path.is_file():
        return Temperatures()
    try:
        raw = json.loads(path.read_bytes())
        found, fitted_on = Temperatures(**raw["temperatures"]), dict(raw["fitted_on"])
    except BROKEN as error:
        raise WeightsError(f"{path} is broken ({reason(error)}). {FIT}") from error
    for name, value in dataclasses.asdict(found).items():
        if not is_temperature(value):
            raise WeightsError(f"The temperature of {name} in {path} is no positive number. {FIT}")
    for name, expected in fitted_on.items():
        if digest(folder / Path(name).name) != expected:
            raise WeightsError(f"{path} was fitted on another {name} than the one beside it. {FIT} Without the file "
                               "all temperatures are 1.")
    return found


def write_temperatures(folder: Path, temperatures: Temperatures) -> Path:
    """Write the temperatures beside the weights on which they were fitted; the file appears whole or not at all.

    Raises:
        DiskError: The file cannot be written.
    """
    path, files = folder / CALIBRATION, (*folder.glob("*-vlbert.safetensors"), *folder.glob("*-detector.safetensors"))
    content = {"temperatures": dataclasses.asdict(temperatures),
               "fitted_on": {file.name: digest(file) for file in sorted(files)}}
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise write_failed(str(path), error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path
