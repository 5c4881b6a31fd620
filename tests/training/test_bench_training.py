"""The bench of the trainer, on a model that takes no time."""

import pytest

from engine import bench_training as bench
from engine import config
from engine.bench_training import bench_training
from engine.config import DetectorConfig, EncoderConfig, ModelConfig, PretrainingConfig
from engine.errors import ConfigError
from engine.training.trainer import Report
from tests.conftest import ROOT

VOCABULARY = ROOT / "assets" / "weights" / "vocab.txt"
SIZES = EncoderConfig(hidden=32, layers=1, heads=2, feed_forward=32)


def test_captions_and_photos_a_second(monkeypatch) -> None:
    tiny = ModelConfig(name="tiny", precomputed=True, encoder=SIZES, pretraining=PretrainingConfig(alignment=0.5),
                       detector=DetectorConfig(depth=50, stage5="map", classes=5, square_side=64, proposals=True))
    monkeypatch.setitem(config.PRESETS, "tiny", lambda: tiny)
    figures = bench_training("tiny", VOCABULARY, steps=2)
    for name in ("captions_per_second_on_cached_features", "photos_per_second_end_to_end", "peak_megabytes_end_to_end"):
        assert figures[name] > 0
    assert figures["shape"]["pieces"] == 11 and figures["most_steps"] == 2


def test_a_preset_without_a_trainable_detector_is_timed_on_cached_features_only(monkeypatch) -> None:
    monkeypatch.setitem(config.PRESETS, "tiny", lambda: ModelConfig(name="tiny", encoder=SIZES, precomputed=True))
    figures = bench_training("tiny", VOCABULARY, steps=1)
    assert "photos_per_second_end_to_end" not in figures and figures["peak_megabytes_on_cached_features"] > 0


def test_the_figure_is_the_examples_of_a_second_after_the_first_step(monkeypatch) -> None:
    reports = [Report(step + 1, 4, {}, 0.0, 0.0, elapsed, 0.0) for step, elapsed in enumerate((5.0, 7.0, 9.0, 11.0))]
    monkeypatch.setattr(bench, "train", lambda task, settings: iter(reports))
    assert bench._per_second(range(64), 32, 3) == pytest.approx(3 * 32 / (11 - 5))


def test_an_unknown_preset_and_no_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match="no preset 'huge'"):
        bench_training("huge", VOCABULARY, 1)
    with pytest.raises(ConfigError, match="0 steps"):
        bench_training("mini", VOCABULARY, 0)
