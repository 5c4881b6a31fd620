"""Time and memory of the loaded model on this machine."""

from __future__ import annotations

import io
import os
import platform
import time
from collections.abc import Callable
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


def bench(weights: Path, rounds: int = 40) -> dict[str, Any]:
    """Milliseconds (p50, p95, n) of what the studio does, and resident memory. Raises WeightsError."""
    keep_freed_memory()
    start = time.perf_counter()
    predictor = Predictor.load(weights)
    loaded = time.perf_counter() - start
    picture = jpeg(4000, 3000)
    boxes = grid(REGIONS)
    seen = predictor.see(Photo.open(picture), boxes)
    words = len(predictor.words(CAPTION))
    figures = {
        "word_masked": timed(lambda i: predictor.ask(seen, CAPTION, [i % words], []), rounds),
        "region_masked_fast": timed(lambda i: predictor.ask(seen, CAPTION, [], [1 + i % REGIONS]), rounds),
        "region_masked_faithful": timed(lambda i: _faithful(predictor, seen, 1 + i % REGIONS), min(rounds, REGIONS)),
        "photo_12_megapixels_to_first_answers": timed(lambda i: _from_bytes(predictor, picture), max(3, rounds // 8)),
    }
    return {"milliseconds": figures, "load_seconds": round(loaded, 3),
            "resident_megabytes": round(psutil.Process().memory_info().rss / 1e6),
            "shape": {"words": words, "regions": REGIONS}, "model": predictor.config.name, "machine": machine()}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"processor": processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads(),
            "memory_gigabytes": round(psutil.virtual_memory().total / 1e9, 1), "python": platform.python_version(),
            "torch": torch.__version__, "bfloat16": fast_bf16()}


def timed(call: Callable[[int], Any], rounds: int) -> dict[str, float]:
    for i in range(2):
        call(i)
    times = []
    for i in range(rounds):
        start = time.perf_counter()
        call(i)
        times.append(1000 * (time.perf_counter() - start))
    p50, p95 = (round(float(np.percentile(times, share)), 2) for share in (50, 95))
    return {"p50": p50, "p95": p95, "n": rounds}


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
