"""How long explanations take on this machine, for 16 words and 16 regions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Part, grid, jpeg, machine, timed
from engine.errors import StoppedError
from engine.explain.explainer import Explainer
from engine.explain.question import Asked, Question
from engine.memory import keep_freed_memory
from engine.predictor import Predictor, Seen
from engine.structures.photo import Photo

CAPTION = "a man in a red shirt and his small brown dog run along the beach quickly"  # 16 words
REGIONS = 16
STOP_AFTER = 0.25  # seconds into the work


def bench_explain(weights: Path, rounds: int = 20) -> dict[str, Any]:
    """Milliseconds (p50, p95, n) of each kind of explanation. Raises WeightsError."""
    keep_freed_memory()
    predictor = Predictor.load(weights)
    seen = predictor.see(Photo.open(jpeg(640, 480)), grid(REGIONS))
    words = len(predictor.words(CAPTION))

    def fresh() -> Explainer:
        """One that keeps no values of the rounds before."""
        return Explainer(predictor)

    def attribute(method: str) -> Any:
        return lambda i: fresh().attribute(seen, _hidden(i % words), Asked("word", i % words), method)

    relevance = attribute("relevance")(0)
    parts: dict[str, Part] = {
        "attention_pyramid": (lambda i: fresh().pyramid(seen, _hidden(i % words)), rounds),
        "relevance": (attribute("relevance"), rounds),
        "consensus": (attribute("consensus"), rounds),
        "gradient_x_input": (attribute("gradient_x_input"), rounds),
        "all_leave_one_out": (lambda i: fresh().hidings(seen, _hidden(i % words)), rounds),
        "integrated_gradients": (attribute("integrated_gradients"), max(3, rounds // 4)),
        "sampled_shapley": (attribute("shapley"), 3),
        "proof": (lambda i: fresh().prove(seen, _hidden(0), Asked("word", 0), relevance), max(3, rounds // 4)),
        "all_heads_ranked": (lambda i: fresh().rank_heads(seen, _hidden(0), Asked("word", 0)), 3),
    }
    stops = {name: _stops(fresh(), seen, name, 5) for name in ("integrated_gradients", "shapley")}
    return {"milliseconds": {**timed([parts])[0], "stop_of": stops}, "shape": {"words": words, "regions": REGIONS},
            "model": predictor.config.name, "machine": machine()}


def _hidden(word: int) -> Question:
    return Question(CAPTION, (word,), ())


def _stops(explainer: Explainer, seen: Seen, method: str, rounds: int) -> dict[str, float]:
    """From telling a method to stop to the end of it."""
    times = []
    for word in range(rounds):
        told = time.perf_counter() + STOP_AFTER
        try:
            explainer.attribute(seen, _hidden(word), Asked("word", word), method, stop=_is_past(told))
        except StoppedError:
            times.append(1000 * (time.perf_counter() - told))
    p50, p95 = (round(float(np.percentile(times, share)), 2) if times else float("nan") for share in (50, 95))
    return {"p50": p50, "p95": p95, "n": len(times)}


def _is_past(moment: float) -> Callable[[], bool]:
    return lambda: time.perf_counter() > moment
