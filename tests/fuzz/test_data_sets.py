"""Altered files of published data sets, and damaged shards: each is read, left out and counted, or refused."""

import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data import coco_captions, flickr8k, refcoco, vcr, vqa_v2
from engine.data.conceptual import ConceptualCaptions
from engine.data.shards import stream, write
from engine.data.sources import read_sources
from tests.data.test_picture_readers import INSTANCES, coded, write_conceptual, write_refcoco
from tests.data.test_question_readers import LINE, METADATA, write_vcr, write_vqa
from tests.fuzz.mutations import altered, as_json, damaged, examples, refusing, within

EVERYTHING = {"image": "a.jpg", "width": 500, "height": 375,
              "boxes": [{"box": [0.1, 0.2, 0.5, 0.9], "entities": [7], "label": "dog", "score": 0.9}],
              "captions": [{"text": "A dog runs .", "phrases": [{"start": 0, "end": 5, "entity": 7, "types": ["a"]}]}]}
CAPTIONS = {"images": [{"id": 5, "width": 20, "height": 10, "file_name": "COCO_train2014_000000000005.jpg"}],
            "annotations": [{"id": 1, "image_id": 5, "caption": "a dog"}, {"id": 2, "image_id": 6, "caption": "x"}]}


def check(seeds: list, attempt, most: int = 60) -> None:
    """Every altered or damaged form of these json values passes through `attempt`, or is refused with a sentence."""
    @examples(most)
    @given(altered(seeds).map(as_json) | damaged([as_json(seed) for seed in seeds]))
    def one(content: bytes) -> None:
        with refusing():
            attempt(content)

    with within(300):
        one()


@pytest.mark.parametrize(("name", "reader"), [
    ("entities_dev.jsonl", lambda folder: flickr8k.read(folder, "dev")),
    ("boxes_dev.jsonl", lambda folder: read_sources([f"{folder}:dev"]))])
def test_annotated_photos(tmp_path, name, reader) -> None:
    def attempt(content: bytes) -> None:
        (tmp_path / name).write_bytes(as_json(EVERYTHING) + b"\n" + content)
        for photo in reader(tmp_path):
            assert all(0 <= a <= 1 for box in photo.boxes for a in box)

    check([EVERYTHING], attempt)


def test_questions_of_vqa(tmp_path) -> None:
    write_vqa(tmp_path)
    for file in sorted(tmp_path.rglob("*.json")):
        own = file.read_bytes()

        def attempt(content: bytes, file=file) -> None:
            file.write_bytes(content)
            vqa_v2.read(tmp_path, "val")

        check([json.loads(own)], attempt)
        file.write_bytes(own)


def test_questions_of_vcr(tmp_path) -> None:
    write_vcr(tmp_path, LINE)
    metadata, lines = tmp_path / "vcr1images" / "m" / "a.json", tmp_path / "val.jsonl"
    for file, seed in ((metadata, METADATA), (lines, LINE)):
        own = file.read_bytes()

        def attempt(content: bytes, file=file) -> None:
            file.write_bytes(content)
            for masks in (True, False):
                vcr.read(tmp_path, "val", masks=masks)

        check([seed], attempt)
        file.write_bytes(own)


def test_instances_of_refcoco_and_captions_of_coco(tmp_path) -> None:
    images = write_refcoco(tmp_path)

    def instances(content: bytes) -> None:
        (tmp_path / "instances.json").write_bytes(content)
        refcoco.read(tmp_path, "testA", images)

    def captions(content: bytes) -> None:
        (tmp_path / "captions_train2014.json").write_bytes(content)
        coco_captions.read(tmp_path, "train", 2014)

    check([INSTANCES], instances)
    check([CAPTIONS], captions)


def test_regions_that_were_computed_before(tmp_path) -> None:
    write_conceptual(tmp_path)
    member = tmp_path / "other_frcnn" / "00000002.json"
    seed = json.loads(member.read_bytes())
    short = {**seed, "num_boxes": 1, "boxes": coded([0, 0, 50, 25]), "features": coded([0.5] * 2048),
             "classes": coded([0.5, 0.5])}

    def attempt(content: bytes) -> None:
        member.write_bytes(content)
        list(ConceptualCaptions(tmp_path, "val"))

    check([short], attempt)


def test_shards(tmp_path) -> None:
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture, and none is decoded here")
    (folder / "entities_dev.jsonl").write_bytes(as_json(EVERYTHING))
    written, = write(folder, "dev", tmp_path / "shards", 3)
    seed = written.read_bytes()
    assert tarfile.is_tarfile(written)

    @examples(100)
    @given(damaged([seed]) | st.binary(max_size=2000))
    def one(content: bytes) -> None:
        written.write_bytes(content)
        with refusing():
            list(stream(tmp_path / "shards"))

    with within(300):
        one()
