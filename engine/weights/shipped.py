"""The folder of weights that the project ships and, without the last three, that a finished pre-training run writes.

    vocab.txt                        BERT's word pieces
    labels.json                      region classes, the spellings merged into them, attributes
    NAME-detector.safetensors        float16
    NAME-vlbert.safetensors          float16
    NAME-TASK.safetensors            adapters
    calibration.json                 temperatures (`engine.weights.calibration`), where they were fitted
    NAME-novelty.safetensors         how unlike the training photographs a picture is
    README.md                        model card
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from engine.config import ModelConfig
from engine.data.lines import BROKEN, reason
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.data.vocabulary import classes_of
from engine.detector.detector import Detector
from engine.errors import WeightsError
from engine.model.vlbert import VLBert
from engine.weights.files import check_file
from engine.weights.store import load, read_config, save

CALIBRATION = "calibration.json"
NOVELTY = "*-novelty.safetensors"
GENOME_CLASSES = 1601  # background included


def load_all(folder: Path) -> tuple[ModelConfig, Detector, VLBert, WordPieces, RegionClasses]:
    """Everything that a predictor needs. Raises WeightsError where a file is missing, broken or of another model."""
    detector_file = only(folder, "*-detector.safetensors")
    config, model, pieces, classes = load_model(folder)
    detector = Detector.from_config(config.detector)
    load(detector, detector_file, config, kind="detector")
    return config, detector.eval(), model, pieces, classes


def load_model(folder: Path) -> tuple[ModelConfig, VLBert, WordPieces, RegionClasses]:
    """The same without the detector. A model of 1,601 classes needs no labels.json: they are Visual Genome's."""
    model_file = only(folder, "*-vlbert.safetensors")
    config = read_config(model_file, kind="vlbert")
    labels = folder / "labels.json"
    genome = config.detector.classes == GENOME_CLASSES and not labels.exists()
    classes = classes_of(GENOME_CLASSES - 1) if genome else read_labels(labels)[0]
    if len(classes.names) != config.detector.classes:
        raise WeightsError(f"{labels} names {len(classes.names)} classes; the weights have "
                           f"{config.detector.classes}. Take both from one training run.")
    model = VLBert.from_config(config)
    load(model, model_file, config, kind="vlbert")
    pieces = WordPieces(folder / "vocab.txt")
    if len(pieces.pieces) != config.encoder.vocabulary:
        raise WeightsError(f"{folder / 'vocab.txt'} holds {len(pieces.pieces)} pieces; the weights have "
                           f"{config.encoder.vocabulary}. Copy the file again.")
    return config, model, pieces, classes


def read_with(folder: Path) -> list[Path]:
    """The files of a folder of weights that are read with its models; they need not be there."""
    return [*folder.glob("*-detector.safetensors"), *folder.glob("*-vlbert.safetensors"), folder / "vocab.txt",
            folder / "labels.json", folder / CALIBRATION, *folder.glob(NOVELTY)]


def save_all(folder: Path, config: ModelConfig, detector: Detector, model: VLBert, classes: RegionClasses,
             attributes: Sequence[str], vocabulary: Path) -> None:
    """Write the folder; an existing one is replaced file by file, and loses its temperatures: these are new weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CALIBRATION).unlink(missing_ok=True)
    save(detector, folder / f"{config.name}-detector.safetensors", config, kind="detector")
    save(model, folder / f"{config.name}-vlbert.safetensors", config, kind="vlbert")
    write_labels(folder / "labels.json", classes, attributes)
    (folder / "vocab.txt").write_bytes(vocabulary.read_bytes())


def write_labels(path: Path, classes: RegionClasses, attributes: Sequence[str]) -> None:
    path.write_text(json.dumps({"names": classes.names, "aliases": classes.aliases, "attributes": list(attributes)}
                               | ({"kinds": dict(classes.kinds)} if classes.kinds else {})))


def read_labels(path: Path) -> tuple[RegionClasses, tuple[str, ...]]:
    """Region classes and attributes. Raises WeightsError where the file is missing or broken."""
    check_file(path)
    try:
        raw = json.loads(path.read_bytes())
        kinds = {name: tuple(own) for name, own in raw.get("kinds", {}).items()}
        return RegionClasses(tuple(raw["names"]), dict(raw["aliases"]), kinds), tuple(raw["attributes"])
    except BROKEN as error:
        raise WeightsError(f"{path} is broken ({reason(error)}). Copy it again beside the weights.") from error


def only(folder: Path, pattern: str) -> Path:
    """The one file of this pattern. Raises WeightsError."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(p.name for p in found) or "none"
        raise WeightsError(f"{folder} must hold exactly one {pattern}; it holds {names}. "
                           "Point to a folder of weights, such as assets/weights.")
    return found[0]
