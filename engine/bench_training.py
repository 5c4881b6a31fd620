"""How fast the trainer is on this machine: captions a second on cached features, photos a second end to end."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from engine.bench import machine
from engine.config import ModelConfig, preset
from engine.data.features import FeatureCache
from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Phrase
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.detector.detector import Detector
from engine.errors import ConfigError
from engine.memory import keep_freed_memory
from engine.model.vlbert import VLBert
from engine.tasks.detection import DetectionTask
from engine.tasks.end_to_end import EndToEndTask
from engine.tasks.pretraining import PretrainingTask
from engine.training.schedule import TrainingConfig
from engine.training.trainer import Trainable, train

TEXT = "a brown dog runs on the wet sand ."  # 11 pieces with [CLS] and [SEP]
REGIONS, DETECTIONS, CAPTIONS, PHOTOS = 10, 12, 5, 32
CACHED_BATCH, END_TO_END_BATCH = 128, 4  # as `pretrain` takes captions
LONGEST = 30.0  # seconds after which no further step of a kind begins


def bench_training(name: str, vocabulary: Path, steps: int) -> dict[str, Any]:
    """Captions and photos a second, counted after one step, and this process's largest memory so far.

    Features, boxes and pictures are random, of the sizes that real ones have. Photos pass end to end only where the
    preset has a detector that can be trained (`mini`). Raises ConfigError for an unknown preset or no step.
    """
    if steps < 1:
        raise ConfigError(f"{steps} steps take no time; give at least 1.")
    keep_freed_memory()
    torch.manual_seed(0)
    config = preset(name)
    pieces = WordPieces(vocabulary)
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder))
        _write_features(Path(folder), photos, config.appearance)
        cache = FeatureCache(folder, photos)
        task = _task(config, pieces, photos, cache)
        cached = _per_second(task, CACHED_BATCH, steps)
        figures = {"captions_per_second_on_cached_features": cached, "peak_megabytes_on_cached_features": _peak()}
        if config.detector.proposals:
            detector = Detector.from_config(config.detector).to(memory_format=torch.channels_last)
            detector.fast_rcnn.backbone.freeze_first_stages()
            joint = EndToEndTask(_task(config, pieces, photos, cache),
                                 DetectionTask(detector, photos, _classes(config), ()))
            figures["photos_per_second_end_to_end"] = _per_second(joint, END_TO_END_BATCH, steps)
            figures["peak_megabytes_end_to_end"] = _peak()
    return figures | {"model": name, "most_steps": steps, "machine": machine(),
                      "batch": {"cached": CACHED_BATCH, "end_to_end": END_TO_END_BATCH},
                      "shape": {"pieces": len(pieces.captions([TEXT])[0].piece_ids), "regions": REGIONS,
                                "captions_per_photo": CAPTIONS}}


def _task(config: ModelConfig, pieces: WordPieces, photos: Sequence[AnnotatedPhoto],
          cache: FeatureCache) -> PretrainingTask:
    classify = torch.nn.Linear(config.appearance, config.detector.classes)
    return PretrainingTask(VLBert.from_config(config), config.pretraining, pieces, photos, cache, _classes(config),
                           classify, pieces.captions([TEXT]))


def _classes(config: ModelConfig) -> RegionClasses:
    return RegionClasses(("background", "dog", "sand", *(f"class {i}" for i in range(3, config.detector.classes))),
                         {"dog": "dog", "sand": "sand"})


def _per_second(task: Trainable, batch_size: int, steps: int) -> float:
    """Examples a second in the real loop; the first step, which fetches memory, is not counted.

    A slow model takes fewer steps: none begins after half a minute.
    """
    epochs = (steps + 1) * batch_size / len(task)
    settings = TrainingConfig(epochs=epochs, batch_size=batch_size, rate=1e-5)
    reports = []
    for report in train(task, settings):
        reports.append(report)
        if len(reports) > 1 and report.elapsed > LONGEST:
            break
    return round((len(reports) - 1) * batch_size / (reports[-1].elapsed - reports[0].elapsed), 2)


def _peak() -> int:
    """Megabytes (10^6 bytes) that this process held at most; macOS counts in bytes, the others in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * (1 if sys.platform == "darwin" else 1024) / 1e6)


def _photos(folder: Path) -> list[AnnotatedPhoto]:
    """Pictures of noise, 500 x 375, with ten boxes each; two of them are named in every caption."""
    noise = np.random.default_rng(0)
    caption = AnnotatedCaption(TEXT, (Phrase("a brown dog", 0, 11, ("animals",), (0,)),
                                      Phrase("the wet sand", 20, 32, ("scene",), (1,))))
    photos = []
    for i in range(PHOTOS):
        path = folder / f"{i}.jpg"
        Image.fromarray(noise.integers(0, 255, (375, 500, 3), dtype=np.uint8)).save(path)
        corners = noise.uniform(0, 0.6, (REGIONS, 2))
        boxes = tuple((float(x), float(y), float(x + 0.3), float(y + 0.3)) for x, y in corners)
        photos.append(AnnotatedPhoto(path, 500, 375, boxes, (caption,) * CAPTIONS))
    return photos


def _write_features(folder: Path, photos: Sequence[AnnotatedPhoto], width: int) -> None:
    """The files of a `FeatureCache`, ten annotated boxes and twelve detections a photo."""
    noise = np.random.default_rng(1)
    each = REGIONS + DETECTIONS
    rows = each * len(photos)
    noise.uniform(0, 1, (rows, width)).astype(np.float16).tofile(folder / "features.f16")
    corners = noise.uniform(0, 0.6, (rows, 2)).astype(np.float32)
    np.concatenate([corners, corners + 0.3], axis=1).astype(np.float32).tofile(folder / "boxes.f32")
    (folder / "index.json").write_text(json.dumps({
        "images": [p.path.name for p in photos], "starts": list(range(0, rows + 1, each)),
        "annotated": [REGIONS] * len(photos), "rows": rows, "width": width}))
