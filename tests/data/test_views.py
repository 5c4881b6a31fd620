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
from engine.data.feature_files import write
from engine.data.features import FeatureCache, compute
from engine.data.flickr8k import AnnotatedPhoto
from engine.detector.detector import Detector
from engine.errors import ConfigError, DiskError
from engine.progress import silent
from engine.structures.photo import Photo
from engine.training.looks import Looks, unreadable
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
    with pytest.raises(DiskError, match=r"could not be written \(No space left on device\); what is done is "
                                       r"kept\. Free some space"):
        compute(detector, photos[:1], tmp_path)


def copies_of(photo: AnnotatedPhoto, folder: Path, cut: set[int], count: int) -> list[AnnotatedPhoto]:
    """Copies of a photo; those of these numbers have lost their last half."""
    copies = [dataclasses.replace(photo, path=folder / f"{i}.png") for i in range(count)]
    content = photo.path.read_bytes()
    for number, copy in enumerate(copies):
        copy.path.write_bytes(content[:len(content) // 2] if number in cut else content)
        Photo.check(copy.path)
    return copies


def test_a_picture_that_is_cut_off_has_no_regions_and_the_others_are_what_they_were(world, tmp_path) -> None:
    photos, detector, _, _ = world
    copies = copies_of(photos[0], tmp_path, {1}, 4)
    copies[3].path.unlink()
    looks = Looks(tmp_path / "features", 2)
    looks.compute(detector, copies, lambda name: silent)
    plain, other = looks.caches(copies)[0], Looks(tmp_path / "whole", 0)
    other.compute(detector, [copies[0], copies[2]], lambda name: silent)
    expected, _ = other.caches([copies[0], copies[2]])
    assert {number: why[-7:] for number, why in unreadable([plain]).items()} == {1: "(1.png)", 3: "(3.png)"}
    for view in looks.caches(copies)[1]:
        assert view.unreadable.keys() == {1, 3} and (view.annotated(1), view.annotated(2)) == (0, 2)
    assert (plain.annotated(1), plain.detected(1), len(plain.regions(1))) == (0, 0, 1)
    for own, there in ((0, 0), (2, 1)):
        found = plain.regions(own, range(plain.detected(own)))
        assert torch.equal(found.appearance, expected.regions(there, range(expected.detected(there))).appearance)


def test_features_go_on_where_they_were_interrupted_and_are_what_they_would_have_been(world, tmp_path) -> None:
    photos, detector, _, _ = world
    copies = copies_of(photos[0], tmp_path, {2}, 5)
    whole_run, broken = Looks(tmp_path / "whole", 1), Looks(tmp_path / "broken", 1)
    whole_run.compute(detector, copies, lambda name: silent)

    def stopping_at(moments: dict[str, int], done: dict[str, list[int]]):
        def told(name: str):
            def progress(count: int, of: int) -> None:
                done.setdefault(name, []).append(count)
                if moments.get(name) == count:
                    raise KeyboardInterrupt
            return progress
        return told

    done: dict[str, list[int]] = {}
    for moments in ({"features": 2}, {"features": 4}, {"view 1": 1}, {"view 1": 4}):
        with pytest.raises(KeyboardInterrupt):
            broken.compute(detector, copies, stopping_at(moments, done))
        assert any(p.name.startswith("broken") and p.name.endswith(".part") for p in tmp_path.iterdir())
    broken.compute(detector, copies, stopping_at({}, done))
    assert done == {"features": [1, 2, 3, 4, 5], "view 1": [1, 2, 3, 4, 5]}  # no photo twice
    assert not list(tmp_path.glob("*.part"))
    for name in ("", "-view-1"):
        for file in ("features.f16", "boxes.f32", "index.json"):
            own, expected = ((tmp_path / f"{which}{name}" / file).read_bytes() for which in ("broken", "whole"))
            assert own == expected
        assert sorted(p.name for p in (tmp_path / f"broken{name}").iterdir()) == [
            "boxes.f32", "features.f16", "index.json"]


@pytest.mark.parametrize("cut", ["features.f16", "boxes.f32", "rows.jsonl"])
def test_what_a_power_failure_took_is_computed_again(world, tmp_path, cut) -> None:
    photos, detector, _, _ = world
    compute(detector, photos, tmp_path / "whole")

    def stop(count: int, of: int) -> None:
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(detector, photos, tmp_path / "broken", stop)
    content = (tmp_path / "broken" / cut).read_bytes()
    (tmp_path / "broken" / cut).write_bytes(content[:len(content) - 9])
    done: list[int] = []
    compute(detector, photos, tmp_path / "broken", lambda count, of: done.append(count))
    assert done == [2, 3]
    for file in ("features.f16", "boxes.f32", "index.json"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_unfinished_features_of_something_else_are_not_gone_on_with(world, tmp_path) -> None:
    photos, detector, _, _ = world

    def stop(count: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(detector, photos, tmp_path / "features", stop, made={"detector": "another"})
    done: list[int] = []
    compute(detector, photos, tmp_path / "features", lambda count, of: done.append(count), made={"detector": "own"})
    assert done == [1, 2, 3] and FeatureCache(tmp_path / "features", photos).made == {"detector": "own"}


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
    with pytest.raises(ConfigError, match=r"made with regions of the detector's own on; this run has .* off\. Remove"):
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
    write(tmp_path / "none", photos, lambda first: iter([(0, *nothing)] * len(photos)), silent)
    regions = FeatureCache(tmp_path / "none", photos).regions(1)
    assert regions.appearance.shape == (1, 2048) and regions.boxes.tolist() == [[0, 0, 1, 1]]
