"""The measure of novelty, against statistics counted by hand and a Gaussian computed with its whole covariance."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.cli import main
from engine.errors import DataError, WeightsError
from engine.measure.changed_photos import STILL_PHOTOS, UNLIKE
from engine.measure.novelty import auroc
from engine.measure.other_kinds import DRAWN
from engine.novelty import RIDGE, fit
from engine.predictor import Predictor
from engine.structures.novelty import UNLIKE as NOTICE
from engine.structures.novelty import photo_note
from engine.structures.photo import Photo
from engine.structures.picture_statistics import COUNT, SIDE, statistics
from engine.weights.novelty import load_novelty, save_novelty
from tests.conftest import ROOT
from tests.tiny import write_tiny

WEIGHTS = ROOT / "assets" / "weights"


def described(count: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Statistics [count, COUNT] that vary along some directions more than along others."""
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(COUNT, COUNT)))[0]
    drawn = np.random.default_rng(seed).normal(size=(count, COUNT)) * np.linspace(9, 0.1, COUNT)
    return (5 + spread * drawn @ directions).astype(np.float32)


def test_the_distance_is_mahalanobis_of_the_standardised_statistics():
    training = described(400, 1)
    found = fit(training, [described(50, 3)])
    scaled = (training - training.mean(0)) / training.std(0)
    inverse = np.linalg.inv(np.cov(scaled.T) + RIDGE * np.eye(COUNT))
    for one in described(3, 2, 1.5):
        moved = (one - training.mean(0)) / training.std(0)
        assert found.distance(one) == pytest.approx(moved @ inverse @ moved / COUNT, rel=1e-3)


def test_the_threshold_leaves_two_in_a_hundred_of_the_widest_development_set_beyond():
    development = [described(200, 3), described(100, 4, 1.3)]
    found = fit(described(400, 1), development)
    beyond = [sum(found.distance(one) > found.threshold for one in own) for own in development]
    assert beyond == [0, 2]
    with pytest.raises(DataError, match="91 training photographs and 200 development photographs are too few"):
        fit(described(91, 1), development[:1])


def test_statistics_of_pictures_whose_statistics_are_known():
    flat = statistics(Photo(np.full((300, 200, 3), 255, np.uint8)))
    assert flat.shape == (COUNT,)
    assert flat[:12].tolist() == [1] * 12  # no step anywhere
    assert flat[12:17] == pytest.approx([1, 1, 1, np.log(2), 0])  # one colour
    assert flat[23:27] == pytest.approx([255, 0, 1, 0], abs=1e-3)  # white
    half = np.zeros((SIDE, SIDE, 3), np.uint8)
    half[:, SIDE // 2:] = (0, 0, 200)  # one step of 200 levels, in one channel, between columns
    found = statistics(Photo(half))
    assert found[:6] == pytest.approx([1 - 1 / (SIDE - 1)] * 6) and found[6:12].tolist() == [1] * 6
    assert found[12:17] == pytest.approx([0.5, 1, 1, np.log(3), np.log(2)])
    assert found[21:23] == pytest.approx([0, 1 / (SIDE - 1)], abs=1e-6)  # all of the gradient is along an axis
    assert found[25:27] == pytest.approx([0, 0.5]) and found[29] == pytest.approx(0.5)  # half black, half coloured


def test_one_frequency_has_its_power_in_its_band():
    wave = 128 + 100 * np.sin(2 * np.pi * 12 * np.arange(SIDE) / SIDE)
    pixels = np.repeat(np.tile(wave, (SIDE, 1))[..., None], 3, axis=2).astype(np.uint8)
    assert int(statistics(Photo(pixels))[30:38].argmax()) == 3  # 8 to 16 periods


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of weights with a measure."""
    save_novelty(write_tiny(tmp_path / "weights"), fit(described(400, 1), [described(50, 3)]), "made-up")
    return tmp_path / "weights"


def test_what_is_saved_comes_back_and_weights_without_it_have_none(folder):
    saved, read = fit(described(400, 1), [described(50, 3)]), load_novelty(folder)
    one = described(1, 6)[0]
    assert read.distance(one) == saved.distance(one) and read.threshold == pytest.approx(saved.threshold, rel=1e-6)
    (folder / "tiny-novelty.safetensors").unlink()
    assert load_novelty(folder) is None
    photo = Photo(np.zeros((50, 50, 3), np.uint8))
    assert Predictor.load(folder).see(photo, []).novelty is None and not photo_note(None)


def test_a_file_that_lacks_a_tensor_or_holds_a_misshapen_one_is_refused(folder):
    path = folder / "tiny-novelty.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    save_file({**tensors, "mean": torch.zeros(7)}, path, metadata)
    with pytest.raises(WeightsError, match=r"mean has the shape \[7\].*\[46\] was expected"):
        load_novelty(folder)
    save_file({name: t for name, t in tensors.items() if name != "threshold"}, path, metadata)
    with pytest.raises(WeightsError, match="threshold is missing"):
        load_novelty(folder)


def test_auroc_counts_pairs():
    assert auroc(np.array([2.0, 1.0]), np.array([1.0, 0.0, 3.0])) == pytest.approx((1 + 1 + 0 + 0.5 + 1 + 0) / 6)


def write_photos(folder: Path, split: str, count: int, seed: int) -> None:
    """Soft blots of colour with grain, as if they were photographs."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        small = Image.fromarray(rng.integers(60, 200, (5, 5, 3), dtype=np.uint8))
        pixels = np.asarray(small.resize((96, 96), Image.Resampling.BICUBIC)) + rng.normal(0, 6, (96, 96, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{split}{i}.png")
        lines.append(json.dumps({"image": f"{split}{i}.png", "boxes": [{"box": [0, 0, 1, 1], "label": "dog"}]}))
    (folder / f"boxes_{split}.jsonl").write_text("\n".join(lines) + "\n")


def test_the_commands_fit_and_measure_and_predict_reports_it(tmp_path):
    weights, data, figures = write_tiny(tmp_path / "weights"), tmp_path / "data", tmp_path / "f.json"
    write_photos(data, "train", 100, 1)
    write_photos(data, "dev", 12, 2)
    assert main(["evaluate", "novelty", "--data", str(data), "--weights", str(weights)]) == 2  # nothing is fitted
    assert main(["novelty", "--data", str(data), "--development", f"{data}:dev", "--weights", str(weights)]) == 0
    assert main(["evaluate", "novelty", "--data", str(data), "--limit", "3", "--weights", str(weights), "--others",
                 str(data), "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert set(found["other_kinds"]) == {*DRAWN, *UNLIKE, "images"}
    assert set(found["changed_photographs"]) == set(STILL_PHOTOS)
    assert found["photographs"][f"{data}:dev"]["n"] == 3 and found["other_kinds"]["images"]["n"] == 112
    assert found["other_kinds"]["chart"] == {"n": 3, "notices": 1, "auroc": 1,
                                             "median": found["other_kinds"]["chart"]["median"]}
    assert len({kind["median"] for kind in found["other_kinds"].values()}) == len(found["other_kinds"])
    picture = tmp_path / "chart.png"
    DRAWN["chart"](np.random.default_rng(1)).save(picture)
    assert main(["predict", "--image", str(picture), "--caption", "a [MASK]", "--weights", str(weights), "--json",
                 str(figures)]) == 0
    said, measure = json.loads(figures.read_text()), load_novelty(weights)
    assert said["novelty"] == pytest.approx(measure.of(Photo.open(picture))) and said["photo_note"] == NOTICE


def test_the_shipped_measure_knows_the_bundled_photos_from_drawn_pictures():
    measure = load_novelty(WEIGHTS)
    photos = {path.name: measure.of(Photo.open(path)) for path in (ROOT / "assets" / "examples").glob("*.jpg")}
    assert len(photos) == 8 and max(photos.values()) < 1, photos
    drawn = {name: measure.of(Photo(np.asarray(draw(np.random.default_rng(1))))) for name, draw in DRAWN.items()}
    assert min(drawn.values()) > 1, drawn
    greys = {path.name: measure.of(Photo(np.asarray(Image.open(path).convert("L").convert("RGB"))))
             for path in (ROOT / "assets" / "examples").glob("*.jpg")}
    assert sum(value > 1 for value in greys.values()) <= 1, greys
