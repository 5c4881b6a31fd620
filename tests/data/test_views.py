"""More looks at the same photos."""

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import DetectorConfig, ScenesConfig
from engine.data import views
from engine.data.features import FeatureCache, compute, write
from engine.data.flickr8k import AnnotatedPhoto
from engine.detector.detector import Detector
from engine.errors import ConfigError, DiskError, PhotoError
from engine.progress import silent
from engine.structures.photo import Photo
from engine.training.looks import Looks
from engine.training.materials import drawn, whole

BOXES = ((0.1, 0.2, 0.5, 0.9), (0.6, 0.0, 1.0, 0.4))
CONFIG = DetectorConfig(depth=50, stage5="map", classes=4, square_side=96, source_side=96, proposals=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three photos of coloured patches, an untrained detector, its features."""
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0)
    photos = []
    for i in range(3):
        patches = noise.integers(0, 255, (6, 6, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
        Image.fromarray(patches).save(folder / f"{i}.png")
        photos.append(AnnotatedPhoto(folder / f"{i}.png", 96, 96, BOXES, ()))
    torch.manual_seed(0)
    detector = Detector.from_config(CONFIG).eval()
    compute(detector, photos, folder / "features")
    return photos, detector, FeatureCache(folder / "features", photos), folder


def test_a_mirrored_view_is_the_photo_in_a_mirror(world, monkeypatch) -> None:
    photos, detector, plain, folder = world
    for name in ("BRIGHTNESS", "CONTRAST"):
        monkeypatch.setattr(views, name, 0.0)
    monkeypatch.setattr(views, "JITTER", (0.0,) * 4)
    views.compute_view(detector, photos, plain, 1, folder / "mirrored", mirrored=True)
    found = FeatureCache(folder / "mirrored", photos)
    (folder / "turned").mkdir()
    turned = []
    for photo in photos:
        Image.open(photo.path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "turned" / photo.path.name)
        turned.append(dataclasses.replace(photo, path=folder / "turned" / photo.path.name, boxes=tuple(
            (1 - x2, y1, 1 - x1, y2) for x1, y1, x2, y2 in photo.boxes)))
    compute(detector, turned, folder / "expected", detections=False)
    expected = FeatureCache(folder / "expected", turned)
    for i in range(3):
        torch.testing.assert_close(found.regions(i).boxes, expected.regions(i).boxes)
        torch.testing.assert_close(found.regions(i).appearance, expected.regions(i).appearance, rtol=0.02, atol=0.02)
    views.compute_view(detector, photos, plain, 1, folder / "unmirrored")
    unmirrored = FeatureCache(folder / "unmirrored", photos)
    for i in range(3):
        torch.testing.assert_close(unmirrored.regions(i).boxes, plain.regions(i).boxes)
        torch.testing.assert_close(unmirrored.regions(i).appearance, plain.regions(i).appearance, rtol=0.02, atol=0.02)


def test_a_view_has_the_rows_of_the_plain_cache_seen_a_little_otherwise(world) -> None:
    photos, detector, plain, folder = world
    for name, seed in (("even", 0), ("again", 0), ("fresh", 1)):
        views.compute_view(detector, photos, plain, 2, folder / name, seed=seed)
    found, again, fresh = (FeatureCache(folder / name, photos) for name in ("even", "again", "fresh"))
    assert not torch.equal(found.boxes(0), fresh.boxes(0))
    for i in range(3):
        detections = range(plain.detected(i))
        own, other, same = (cache.regions(i, detections) for cache in (plain, found, again))
        assert found.annotated(i) == plain.annotated(i) and found.detected(i) == plain.detected(i)
        assert torch.equal(other.appearance, same.appearance) and torch.equal(other.boxes, same.boxes)
        assert not torch.equal(own.appearance, other.appearance)
        moved = (own.boxes - other.boxes).abs()
        assert 0 < moved.max() < 0.5 and other.boxes.min() >= 0 and other.boxes.max() <= 1
        assert (other.boxes[:, 2:] > other.boxes[:, :2]).all()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("name", ["features.f16", "boxes.f32"])
def test_a_full_disk_is_named_while_features_are_written(world, tmp_path, name) -> None:
    photos, detector, _, _ = world
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(DiskError, match=r"could not be written to .* \(No space left on device\)\. Free some space"):
        compute(detector, photos[:1], tmp_path)


def test_all_pictures_that_are_cut_off_are_named_at_once(world, tmp_path) -> None:
    photos, detector, _, _ = world
    whole_picture = photos[0].path.read_bytes()
    copies = [dataclasses.replace(photos[0], path=tmp_path / f"{i}.png") for i in range(4)]
    for copy, size in zip(copies, (None, -60, None, -60), strict=True):
        copy.path.write_bytes(whole_picture[:size])
        Photo.check(copy.path)
    with pytest.raises(PhotoError, match=r"cut off\. .* \(1\.png\) Of those .*, 1 cannot be read either: 3\.png\.$"):
        compute(detector, copies, tmp_path / "features", detections=False)
    copies[1].path.write_bytes(whole_picture)
    with pytest.raises(PhotoError, match=r"cut off\. Save it again, or choose another one\. \(3\.png\)$"):
        compute(detector, copies, tmp_path / "features", detections=False)


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_what_a_killed_process_left_of_its_features_is_removed_and_what_is_being_made_is_not(
        tmp_path, monkeypatch) -> None:
    for name in ("features.123.part", "features-view-1.123.part"):
        (tmp_path / name).mkdir()

    def fill(folder) -> None:
        with monkeypatch.context() as another:  # process that wants the same
            another.setattr(os, "getpid", lambda: 99)
            whole(tmp_path / "features", lambda other: other.mkdir(exist_ok=True))
        (folder / "index.json").write_text("{}")

    whole(tmp_path / "features", fill)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["features", "features-view-1.123.part"]
    (tmp_path / "features" / "index.json").unlink()
    (tmp_path / "features.123.part").mkdir()
    whole(tmp_path / "features", fill)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["features", "features-view-1.123.part"]


def test_scenes_that_two_processes_draw_at_once_are_those_of_the_first_to_finish(tmp_path, monkeypatch) -> None:
    config, first = ScenesConfig(scenes=2), []

    def meanwhile(done: int, count: int) -> None:
        with monkeypatch.context() as another:
            another.setattr(os, "getpid", lambda: 99)
            first.append((drawn(config, tmp_path, silent) / "scenes.jsonl").stat())

    folder = drawn(config, tmp_path, meanwhile)
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]
    assert [(folder / "scenes.jsonl").stat().st_ino] * 2 == [found.st_ino for found in first]
    assert sorted(p.name for p in folder.iterdir()) == ["entities_train.jsonl", "images", "scenes.jsonl"]
    (folder / "scenes.jsonl").unlink()
    assert drawn(config, tmp_path, silent) == folder and (folder / "scenes.jsonl").is_file()  # that was half a folder


def test_what_another_detector_computed_or_the_same_without_detections_is_not_taken_up(world, tmp_path) -> None:
    photos, detector, _, _ = world
    looks = Looks(tmp_path / "features", 1)
    looks.compute(detector, photos, lambda name: silent)
    looks.compute(detector, photos, lambda name: silent)
    with pytest.raises(ConfigError, match=r"features was made with detections True; this run has detections False"):
        looks.compute(detector, photos, lambda name: silent, detections=False)
    other = Detector.from_config(CONFIG).eval()
    with pytest.raises(ConfigError, match=r"features was made with detector [0-9a-f]{12}; .* Remove that folder"):
        looks.compute(other, photos, lambda name: silent)
    with pytest.raises(ConfigError, match="features was made with detector"):
        looks.refuse_other(other, photos)
    shutil.rmtree(tmp_path / "features")
    with pytest.raises(ConfigError, match="features-view-1 was made with detector"):
        looks.compute(other, photos, lambda name: silent)


def test_pictures_of_which_no_region_was_found_have_their_whole(world, tmp_path) -> None:
    photos = [dataclasses.replace(photo, boxes=()) for photo in world[0]]
    nothing = torch.zeros(0, 4), torch.zeros(0, 2048)
    write(tmp_path / "none", photos, iter([(0, *nothing)] * len(photos)), silent)
    regions = FeatureCache(tmp_path / "none", photos).regions(1)
    assert regions.appearance.shape == (1, 2048) and regions.boxes.tolist() == [[0, 0, 1, 1]]
