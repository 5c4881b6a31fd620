"""Several data sets as one: what each annotates."""

import json

import pytest
from PIL import Image

from engine.data.flickr8k import Coverage
from engine.data.sources import read_sources
from engine.errors import DataError
from engine.training.stage_material import captioned


def write(folder, name: str, *records: dict):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(json.dumps(r) for r in records) + "\n")
    return folder


def record(*boxes: dict, **more) -> dict:
    return {"image": "a.png", "width": 40, "height": 30, "boxes": list(boxes)} | more


def box(label: str, **more) -> dict:
    return {"box": [0.1, 0.1, 0.6, 0.6], "label": label} | more


def test_each_photo_knows_what_its_data_set_annotates(tmp_path) -> None:
    phrases = write(tmp_path / "phrases", "entities_train.jsonl", record(
        {"box": [0, 0, 0.5, 0.5], "entities": [1]},
        captions=[{"text": "a dog", "phrases": [{"entity": 1, "types": ["animals"], "start": 0, "end": 5}]}]))
    both = write(tmp_path / "both", "entities_more.jsonl",
                 record(box("dog", entities=[1]), captions=[]), record(box("cat", entities=[]), captions=[]))
    boxes = write(tmp_path / "boxes", "boxes_train.jsonl", record(box("car")), record())
    found = read_sources([str(phrases), f"{both}:more", str(boxes), str(boxes)])
    assert [photo.labels for photo in found] == [(), ("dog",), ("cat",), ("car",), ("car",)]
    cars = Coverage(frozenset({"car"}))
    assert [photo.coverage for photo in found] == [Coverage(), *[Coverage(frozenset({"dog", "cat"}))] * 2, cars, cars]
    assert found[0].phrases_of(0)[0].text == "a dog"


def test_of_a_detector_only_boxes_that_it_is_sure_of_are_used_and_nothing_is_complete(tmp_path) -> None:
    folder = write(tmp_path / "d", "boxes_train.jsonl", {"image": "a.png", "boxes": [
        box("bed", score=0.9), box("chair", score=0.3), box("book", score=0.9)]})
    (folder / "images").mkdir()
    Image.new("RGB", (64, 48)).save(folder / "images" / "a.png")
    photo, = read_sources([str(folder)])
    assert photo.labels == ("bed",) and (photo.width, photo.height) == (64, 48)
    assert photo.coverage == Coverage(frozenset({"bed"}), complete=False)


def test_what_is_missing_or_broken_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no .*entities_dev\.jsonl"):
        read_sources([f"{tmp_path}:dev"])
    folder = write(tmp_path / "b", "boxes_train.jsonl", record(box("dog")), {"image": "b.png"})
    with pytest.raises(DataError, match=r"Line 2 of .*boxes_train\.jsonl is broken"):
        read_sources([str(folder)])


def test_after_the_detector_each_captioned_photo_is_read_once_with_the_boxes_that_its_captions_name(tmp_path) -> None:
    caption = {"text": "a cat and a dog", "phrases": [{"entity": 7, "types": ["animals"], "start": 10, "end": 15}]}
    named = write(tmp_path / "named", "entities_train.jsonl",
                  record(box("cat", entities=[]), {**box("dog", entities=[7]), "box": [0.5, 0.5, 1, 1]},
                         captions=[caption]))
    boxes = write(tmp_path / "boxes", "boxes_train.jsonl", record(box("car")))
    photos, times = captioned(read_sources([str(named), str(boxes), str(named)]))
    assert times == [2] and len(photos) == 1
    assert photos[0].boxes == ((0.5, 0.5, 1.0, 1.0),) and photos[0].labels == ("dog",)
    assert [p.text for p in photos[0].phrases_of(0)] == ["a dog"]
    assert photos[0].coverage == Coverage(frozenset({"cat", "dog"}), complete=False)  # the cat has no box any more
