"""Time and memory of the loaded model on this machine."""

from __future__ import annotations

import io
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

from engine.machine import processor
from engine.memory import keep_freed_memory
from engine.precision import fast_bf16
from engine.predictor import Predictor, Seen
from engine.structures.photo import Photo

CAPTION = "a man in a red shirt and his small brown dog run along the beach near water"  # 17 words
REGIONS = 36


def bench(weights: Path, rounds: int = 40, against: Path | None = None) -> dict[str, Any]:
    """Time what the studio does.

    Args:
        weights: A folder of weights.
        rounds: How often each part is timed.
        against: A second folder of weights, timed by turns with the first, so that load on the machine slows both.

    Returns:
        Milliseconds of each part (p50, p95, n), seconds to load, resident memory; with `against` also its milliseconds,
        and the ratios of the medians (the first folder's over those of `against`).

    Raises:
        WeightsError: A file is missing or broken.
    """
    keep_freed_memory()
    start = time.perf_counter()
    predictor = Predictor.load(weights)
    loaded = time.perf_counter() - start
    picture = jpeg(4000, 3000)
    both = [predictor, *([Predictor.load(against)] if against else [])]
    parts = [_parts(own, picture, rounds) for own in both]
    figures, *others = timed(parts)
    found = {"milliseconds": figures, "load_seconds": round(loaded, 3),
             "resident_megabytes": round(psutil.Process().memory_info().rss / 1e6),
             "shape": {"words": len(predictor.words(CAPTION)), "regions": REGIONS}, "model": predictor.config.name,
             "machine": machine()}
    for other in others:
        ratios = {name: round(figures[name]["p50"] / other[name]["p50"], 3) for name in figures}
        found["against"] = {"model": both[1].config.name, "milliseconds": other, "ratios": ratios}
    return found


Part = tuple[Callable[[int], Any], int]  # what is timed, given the number of the round, and how often


def _parts(predictor: Predictor, picture: bytes, rounds: int) -> dict[str, Part]:
    """What a visitor waits for, by name."""
    seen = predictor.see(Photo.open(picture), grid(REGIONS))
    words = len(predictor.words(CAPTION))
    return {
        "word_masked": (lambda i: predictor.ask(seen, CAPTION, [i % words], []), rounds),
        "region_masked_fast": (lambda i: predictor.ask(seen, CAPTION, [], [1 + i % REGIONS]), rounds),
        "region_masked_faithful": (lambda i: _faithful(predictor, seen, 1 + i % REGIONS), min(rounds, REGIONS)),
        "photo_12_megapixels_to_first_answers": (lambda i: _from_bytes(predictor, picture), max(3, rounds // 8)),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"processor": processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads(),
            "memory_gigabytes": round(psutil.virtual_memory().total / 1e9, 1), "python": platform.python_version(),
            "torch": torch.__version__, "bfloat16": fast_bf16()}


def timed(models: Sequence[Mapping[str, Part]]) -> list[dict[str, dict[str, float]]]:
    """Milliseconds of each part of each model; the models take turns."""
    found: list[dict[str, dict[str, float]]] = [{} for _ in models]
    for name, (_, rounds) in models[0].items():
        calls = [own[name][0] for own in models]
        for i in range(2):
            for call in calls:
                call(i)
        times: list[list[float]] = [[] for _ in models]
        for i in range(rounds):
            for call, own in zip(calls, times, strict=True):
                start = time.perf_counter()
                call(i)
                own.append(1000 * (time.perf_counter() - start))
        for figures, own in zip(found, times, strict=True):
            p50, p95 = (round(float(np.percentile(own, share)), 2) for share in (50, 95))
            figures[name] = {"p50": p50, "p95": p95, "n": rounds}
    return found


def _faithful(predictor: Predictor, seen: Seen, region: int) -> None:
    seen.hidden.clear()
    predictor.ask(seen, CAPTION, [], [region], "pixels")


def _from_bytes(predictor: Predictor, picture: bytes) -> None:
    seen = predictor.see(Photo.open(picture))
    predictor.ask(seen, CAPTION, [3], [1])


def jpeg(width: int, height: int) -> bytes:
    """A picture of smooth noise."""
    noise = np.random.default_rng(0).integers(0, 255, (height // 50, width // 50, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def grid(count: int) -> list[tuple[float, float, float, float]]:
    side = int(count ** 0.5)
    return [(x / side, y / side, (x + 1) / side, (y + 1) / side) for y in range(side) for x in range(side)]
