"""Questions of several data sets as one, DAQUAR by blocks, and one vocabulary for all."""

import json
import shutil
from functools import partial

import pytest

from engine.config import FineTuneConfig
from engine.data import daquar, datasets, scenes
from engine.data.several import Source, sources_of, together
from engine.errors import DataError
from engine.structures.questions import Pictured
from engine.training.finetune import detections_of
from tests.conftest import ROOT

EXAMPLES = ROOT / "assets" / "examples"


def rooms(folder, lines):
    """DAQUAR of these questions, (split, image, question, answer), each image a copy of a small photo."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        own = [f"{image}\t{question}\t{answer}" for of, image, question, answer in lines if of == split]
        (folder / f"qa_{split}.tsv").write_text("\n".join(["image\tquestion\tanswer", *own]) + "\n")
    for image in {image for _, image, *_ in lines}:
        shutil.copy(EXAMPLES / "dog.jpg", folder / "images" / image)
    return folder


def photographs(folder):
    """A folder of annotated photographs that yields yes/no questions."""
    (folder / "images").mkdir(parents=True)
    records = []
    for name, label in (("dog.jpg", "dog"), ("cat.jpg", "cat"), ("cow.jpg", "cow"), ("horses.jpg", "horse")) * 2:
        image = f"{len(records)}-{name}"
        shutil.copy(EXAMPLES / name, folder / "images" / image)
        records.append({"image": image, "width": 640, "height": 480, "whole_scene": [],
                        "boxes": [{"entities": [1], "box": [0, 0, 0.5, 0.5], "label": label}],
                        "captions": [{"text": f"A {label} {verb} .", "phrases": []} for verb in ("waits", "looks")]})
    (folder / "entities_train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder


def test_folders_of_a_command_line_may_name_their_splits(tmp_path):
    (tmp_path / "a:b").mkdir()
    found = sources_of(["coco", "coco:more", tmp_path / "a:b", "up/flickr:dev"], "train")
    assert [(s.folder.name, s.split) for s in found] == [("coco", "train"), ("coco", "more"), ("a:b", "train"),
                                                         ("flickr", "dev")]
    assert found[1].name == "coco:more" and sources_of(tmp_path, "dev") == (Source(tmp_path, "dev"),)


def test_blocks_of_rooms_hold_out_neighbours_of_both_splits(tmp_path):
    numbers = [1, 190, 198, 199, 200, 223, 249, 250, 253, 256, 601, 900]  # the block from 200 to 249 is held out
    folder = rooms(tmp_path, [(("train", "dev")[n % 2], f"image{n}.jpg", "what is it", "lamp") for n in numbers])
    found = {split: {int(data.pictures[q.picture].path.stem[5:]) for q in data.questions}
             for split in daquar.BLOCKS for data in [datasets.open_questions(folder, split)]}
    assert found["blocks_dev"] == {200, 223, 249, 601}
    assert found["blocks_train"] == {1, 190, 256, 900}  # 198, 199, 250 and 253 are too near
    held = [n for n in range(1450) if daquar.in_split(f"image{n}.jpg", "blocks_dev")]
    assert 0.08 < len(held) / 1450 < 0.16 and not daquar.in_split("kitchen.jpg", "blocks_train")


def test_sources_are_joined_and_a_picture_of_two_stands_once(tmp_path):
    one = rooms(tmp_path / "one", [("train", "image1.jpg", "what is it", "night_stand"),
                                   ("dev", "image1.jpg", "how many lamps", "2"),
                                   ("dev", "image2.jpg", "what color is it", "red")])
    sources = sources_of([f"{one}:train", f"{one}:dev", f"{one}:dev"], "train")
    data = together(sources, datasets.open_questions)
    assert [(q.picture, q.text, q.source) for q in data.questions] == [
        (0, "what is it", "one:train"), *[(0, "how many lamps", "one:dev"), (1, "what color is it", "one:dev")] * 2]
    assert [p.path.name for p in data.pictures] == ["image1.jpg", "image2.jpg"]
    assert datasets.answers_of(sources, data) == ("2", "red", "night_stand")
    with pytest.raises(DataError, match="no split 'blocks'"):
        together(sources_of([one, f"{one}:blocks"], "train"), datasets.open_questions)


def test_generated_questions_scenes_and_rooms_share_one_vocabulary(tmp_path):
    photos = photographs(tmp_path / "photos")
    room = rooms(tmp_path / "rooms", [("train", "image1.jpg", "what is it", "teddy_bear"),
                                      ("train", "image1.jpg", "is it red", "yes")])
    scenes.write(tmp_path / "scenes", 1, seed=1)
    sources = sources_of([photos, room, tmp_path / "scenes"], "train")
    data = together(sources, datasets.open_questions)
    by_source = {source: {q.kind for q in data.questions if q.source == source} for source in
                 ("photos:train", "rooms:train", "scenes:train")}
    assert by_source["photos:train"] == {"object", "yes/no"} and by_source["rooms:train"] == {"single"}
    answers = datasets.answers_of(sources, data)
    assert answers[:len(scenes.ANSWERS)] == scenes.ANSWERS and answers.count("yes") == 1
    assert {"dog", "teddy_bear"} <= set(answers) and len(set(answers)) == len(answers)
    alone = datasets.answers_of(sources[:1], together(sources[:1], datasets.open_questions))
    assert set(alone) == {"yes", "no", "dog", "cat", "cow", "horse"}
    limited = together(sources[:1], partial(datasets.open_questions, limit=2))
    first = [q.text for q in data.questions if q.source == "photos:train" and q.picture < 2]
    assert [q.text for q in limited.questions] == first  # a limit changes no question


def test_detections_are_added_where_a_picture_has_no_boxes():
    boxed, bare = Pictured(EXAMPLES / "dog.jpg", ((0.0, 0.0, 1.0, 1.0),)), Pictured(EXAMPLES / "cat.jpg")
    asking, pointing = FineTuneConfig(task="vcr"), FineTuneConfig(task="grounding", extra_regions=4)
    assert [detections_of(asking, own) for own in ((boxed,), (bare,), (boxed, bare))] == [False, True, None]
    assert detections_of(pointing, (boxed, bare)) is True
