"""Referring expressions and captions, read from files in the official layouts; pickles are not trusted."""

import base64
import json
import os
import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from engine.data import coco_captions, datasets, flickr8k, refcoco
from engine.data.album import Album
from engine.data.conceptual import ConceptualCaptions
from engine.errors import DataError

# RefCOCO ------------------------------------------------------------------------------------------------------------

REFS = [
    {"ref_id": 1, "ann_id": 11, "image_id": 5, "category_id": 1, "split": "testA", "sent_ids": [1, 2],
     "file_name": "COCO_train2014_000000000005_1.jpg", "sentences": [
         {"sent_id": 1, "sent": "man  left", "raw": "Man left", "tokens": ["man", "left"]},
         {"sent_id": 2, "sent": "", "raw": "", "tokens": []}]},
    {"ref_id": 2, "ann_id": 12, "image_id": 5, "split": "testA", "sentences": [{"sent_id": 3, "sent": "the dog"}]},
    {"ref_id": 3, "ann_id": 14, "image_id": 6, "split": "testA", "sentences": [{"sent_id": 4, "sent": "gone"}]},
    {"ref_id": 4, "ann_id": 99, "image_id": 5, "split": "testA", "sentences": [{"sent_id": 5, "sent": "nothing"}]},
    {"ref_id": 5, "ann_id": 13, "image_id": 5, "split": "val", "sentences": [{"sent_id": 6, "sent": "far away"}]}]
INSTANCES = {
    "images": [{"id": 5, "width": 200, "height": 100, "file_name": "COCO_train2014_000000000005.jpg"},
               {"id": 6, "width": 200, "height": 100, "file_name": "COCO_train2014_000000000006.jpg"}],
    "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    "annotations": [{"id": 13, "image_id": 5, "category_id": 1, "bbox": [300, 0, 10, 10]},
                    {"id": 11, "image_id": 5, "category_id": 1, "bbox": [0, 0, 100, 50]},
                    {"id": 12, "image_id": 5, "category_id": 18, "bbox": [150, 50, 100, 50]},
                    {"id": 14, "image_id": 6, "category_id": 1, "bbox": [0, 0, 100, 50]}]}


def write_refcoco(folder: Path, refs: bytes = pickle.dumps(REFS, protocol=0)) -> Path:
    images = folder / "train2014"
    images.mkdir()
    Image.new("RGB", (200, 100)).save(images / "COCO_train2014_000000000005.jpg")
    (folder / "instances.json").write_text(json.dumps(INSTANCES))
    (folder / "refs(unc).p").write_bytes(refs)
    return images


def test_refcoco_gives_every_sentence_and_the_place_of_its_box(tmp_path: Path) -> None:
    data = refcoco.read(tmp_path, "testA", write_refcoco(tmp_path))
    picture, = data.pictures
    assert picture.boxes == ((0.0, 0.0, 0.5, 0.5), (0.75, 0.5, 1.0, 1.0))  # the second is clipped
    assert picture.names == ("person", "dog")
    assert [(q.text, q.boxes) for q in data.questions] == [("man left", (0,)), ("the dog", (1,))]
    assert data.skipped.count == 4 and "a box of picture 5: the box [300, 0, 310, 10] has" in data.skipped.named[0]
    assert data.skipped.named[1] == "a sentence of reference 1: sent must be a text; it is \"\""
    assert "reference 3: there is no picture" in data.skipped.named[2]
    assert len(refcoco.read(tmp_path, "testA", tmp_path / "train2014", limit=1).questions) == 1


def test_detected_boxes_show_the_target_where_they_overlap_it_by_half(tmp_path: Path) -> None:
    images = write_refcoco(tmp_path)
    (tmp_path / "dets.json").write_text(json.dumps([
        {"det_id": i, "image_id": 5, "category_id": 1, "category_name": "person", "score": score, "box": box}
        for i, (score, box) in enumerate([(0.5, [0, 0, 60, 50]), (0.9, [0, 0, 40, 50]), (0.7, [0, 0, 100, 45])])]))
    data = refcoco.read(tmp_path, "testA", images, detections=tmp_path / "dets.json")
    assert data.pictures[0].boxes[0] == pytest.approx((0, 0, 0.2, 0.5))  # the surest first
    assert [(q.text, q.boxes) for q in data.questions] == [("man left", (1, 2)), ("the dog", ())]


def test_a_split_that_does_not_exist_or_holds_nothing_is_said(tmp_path: Path) -> None:
    images = write_refcoco(tmp_path)
    with pytest.raises(DataError, match=r"no split 'testB'; it has testA, val\. Choose"):
        refcoco.read(tmp_path, "testB", images)
    with pytest.raises(DataError, match=r"nothing to use .*reference 5: the box .* has no area inside its picture"):
        refcoco.read(tmp_path, "val", images)
    with pytest.raises(DataError, match=r"no file .*refs\(google\)\.p"):
        refcoco.read(tmp_path, "val", images, partition="google")


def test_the_partition_and_the_pictures_are_those_that_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "refcocog"
    folder.mkdir()
    images = write_refcoco(folder)
    (folder / "refs(unc).p").rename(folder / "refs(umd).p")
    (folder / "refs(google).p").write_bytes(b"no pickle: the other one comes first")
    for place in (images, tmp_path / "train2014", folder / "images"):
        images = images.rename(place)
        data = datasets.referring_expressions(folder, "testA")
        assert data.pictures[0].path.parent == place and len(data.questions) == 2
    (folder / "refs(umd).p").rename(folder / "refs(google).p")
    assert len(datasets.referring_expressions(folder, "testA").questions) == 2
    (folder / "refs(google).p").unlink()
    with pytest.raises(DataError, match=r"none of refs\(unc\)\.p, refs\(umd\)\.p, refs\(google\)\.p"):
        datasets.referring_expressions(folder, "testA")


class Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_would_run_a_program_is_refused_and_runs_nothing(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "was-here"
    images = write_refcoco(tmp_path, pickle.dumps([*REFS, Harmful(mark)], protocol))
    with pytest.raises(DataError, match=rf"refused: it asks for {os.system.__module__}\.system; only lists"):
        refcoco.read(tmp_path, "testA", images)
    assert not mark.exists()


@pytest.mark.parametrize(("refs", "message"), [
    (b"(i" + b"os\nsystem\n.", "is no pickle|asks for os.system"), (b"Pkept\n.", "object kept elsewhere"),
    (pickle.dumps(REFS)[:-9], "is no pickle that can be read"), (b"", "is no pickle"),
    (pickle.dumps({"refs": REFS}), "must hold a list of dictionaries; it holds an object")])
def test_other_pickles_that_are_no_list_of_plain_data_are_refused(tmp_path: Path, refs: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        refcoco.read(tmp_path, "testA", write_refcoco(tmp_path, refs))


def test_byte_texts_of_python_2_are_read(tmp_path: Path) -> None:
    old = (b"(lp0\n(dp1\nS'split'\np2\nS'val'\np3\nsS'ref_id'\np4\nI7\nsS'ann_id'\np5\nL11L\nsS'image_id'\np6\nI5\ns"
           b"S'sentences'\np7\n(lp8\n(dp9\nS'sent'\np10\nVcaf\\u00e9 man\np11\nsasa.")
    data = refcoco.read(tmp_path, "val", write_refcoco(tmp_path, old))
    assert [(q.text, q.boxes) for q in data.questions] == [("café man", (0,))]


# Flickr30k Entities -------------------------------------------------------------------------------------------------

def entities(image: str = "a.jpg", box: tuple[float, ...] = (0.1, 0.2, 0.5, 0.9), start: int = 2) -> str:
    return json.dumps({"image": image, "width": 50, "height": 40, "boxes": [{"box": box, "entities": [7]}],
                       "captions": [{"text": "A dog runs .", "phrases": [
                           {"start": start, "end": 5, "entity": 7, "types": ["animals"]}]}]})


BOXES = ((float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (0.5, 0.2, 0.1, 0.9), (0.1, 0.2, 0.5, 1.02), (5, 5, 40, 30))


def test_lines_of_flickr30k_entities_that_cannot_be_used_are_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (50, 40)).save(tmp_path / "images" / "a.jpg")
    (tmp_path / "images" / "b.jpg").write_text("no picture")
    table = tmp_path / "entities_train.jsonl"
    bad = ["{broken", entities("gone.jpg"), *(entities(box=box) for box in BOXES), entities(start=5)]
    table.write_text("\n".join([entities(), *bad, "", entities(box=(-0.004, 0, 0.5, 1.002)), "", ""]))
    data = datasets.referring_expressions(tmp_path, "train")
    assert [p.boxes for p in data.pictures] == [((0.1, 0.2, 0.5, 0.9),)] * 2 + [((0.0, 0.0, 0.5, 1.0),)]
    assert [(q.picture, q.text, q.context) for q in data.questions] == [(i, "dog", "A dog runs .") for i in (0, 2)]
    assert data.skipped.count == len(bad) and data.skipped.named[0].startswith("line 2: no json")
    assert "line 3: there is no picture" in data.skipped.named[1] and "line 4: box 1 must be" in data.skipped.named[2]
    table.write_text(f"{entities()}\n{entities('b.jpg')}\n")
    left_out = datasets.referring_expressions(tmp_path, "train").skipped
    assert left_out.named == ["line 2: This file is not a picture that can be read. Choose a JPEG, PNG or WebP "
                              "picture. (b.jpg)"]
    table.write_text("\n".join(bad))
    with pytest.raises(DataError, match=r"nothing to use in this data \(8 left out: line 1: no json"):
        datasets.referring_expressions(tmp_path, "train")


def test_a_box_for_pre_training_that_is_none_or_outside_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "entities_train.jsonl"
    table.write_text(f"{entities()}\n\n{entities()}\n\n")
    assert len(flickr8k.read(tmp_path, "train")) == 2
    for box in BOXES:
        table.write_text(f"{entities()}\n\n{entities(box=box)}\n")
        with pytest.raises(DataError, match=r"Line 3 of .* is broken \(box 1 must be x1, y1, x2, y2 as fractions"):
            flickr8k.read(tmp_path, "train")


def test_a_text_corpus_has_lines_of_utf_8_or_says_what_is_wrong(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("Un café ici .\n\n  \nEncore .\n", encoding="utf-8")
    assert flickr8k.texts(corpus) == ["Un café ici .", "Encore ."]
    corpus.write_text("Un café ici .\n", encoding="latin-1")
    with pytest.raises(DataError, match=r"line 1 of .*corpus\.txt is not UTF-8\. Save the file as UTF-8\."):
        flickr8k.texts(corpus)


# Conceptual Captions ------------------------------------------------------------------------------------------------

def coded(*rows: list[float]) -> str:
    return base64.b64encode(np.array(rows, np.float32).tobytes()).decode()


def member(boxes: str, count: int = 3) -> str:
    return json.dumps({"image_w": 100, "image_h": 50, "num_boxes": count, "boxes": boxes,
                       "features": coded(*[[i] * 2048 for i in range(3)]),
                       "classes": coded([0.5, 0.3, 0.2], [0.1, 0.9, 0.0], [0.2, 0.1, 0.7])})


def write_conceptual(folder: Path) -> None:
    good = coded([0, 0, 50, 25], [50, 25, 120, 50], [100, 0, 110, 50])
    with ZipFile(folder / "val_frcnn.zip", "w") as archive:
        archive.writestr("00000000.json", member(good))
        archive.writestr("00000001.json", member(good, count=5))
    (folder / "other_frcnn").mkdir()
    (folder / "other_frcnn" / "00000002.json").write_text(member(good))
    lines = [{"image": f"val_image.zip@/0000000{i}.jpg", "caption": ["a", "dog", "."], "frcnn": f"{z}/0000000{i}.json"}
             for i, z in enumerate(["val_frcnn.zip@", "val_frcnn.zip@", "other_frcnn.0.zip@", "val_frcnn.zip@"])]
    (folder / "val_frcnn.json").write_text("\n".join(map(json.dumps, [*lines, {"caption": "no words"}])))


def test_precomputed_regions_come_surest_first_from_archive_or_folder(tmp_path: Path) -> None:
    write_conceptual(tmp_path)
    captions = ConceptualCaptions(tmp_path, "val")
    assert len(captions) == 3 and captions.skipped.count == 2
    assert captions.skipped.named == ["line 4: there is no val_frcnn.zip@/00000003.json",
                                      "line 5: caption must be a list of words; it is \"no words\""]
    for item in (captions[0], captions[2]):
        assert item.caption == "a dog ." and item.features.shape == (2, 2048)  # the box outside is left out
        assert item.boxes.tolist() == [[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]]
        assert item.features[:, 0].tolist() == [1, 0] and item.classes[0].tolist() == pytest.approx([0.1, 0.9, 0.0])
    assert captions[0].path == tmp_path / "val_image" / "00000000.jpg"
    with pytest.raises(DataError, match=r"00000001\.json in .*val_frcnn\.zip is broken \(cannot reshape"):
        captions[1]
    assert len(ConceptualCaptions(tmp_path, "val", limit=1)) == 1


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_iterating_leaves_out_broken_members_and_counts_what_is_lost_once(tmp_path: Path) -> None:
    write_conceptual(tmp_path)
    odd = json.loads(member(coded([0, 0, 50, 25], [np.nan] * 4, [200, 200, 300, 300])))
    (tmp_path / "other_frcnn" / "00000002.json").write_text(json.dumps({**odd, "image_w": 0}))
    captions = ConceptualCaptions(tmp_path, "val")
    with pytest.raises(DataError, match=r"00000002\.json is broken \(the picture has the size 0 x 50\)"):
        captions[2]
    assert captions.skipped.count == 2
    for _ in range(2):
        assert [len(item.boxes) for item in captions] == [2]
        assert captions.skipped.count == 2 + 1 + 2  # a box of the first, and the members of the two others
    assert captions.skipped.named[2] == "a box of 00000000.json: it has no area inside its picture"
    (tmp_path / "other_frcnn" / "00000002.json").write_text(json.dumps(odd))
    captions = ConceptualCaptions(tmp_path, "val")
    assert captions[2].boxes.tolist() == [[0.0, 0.0, 0.5, 0.5]] and captions.skipped.count == 2 + 2


@pytest.mark.parametrize("name", ["features", "classes"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_member_whose_features_or_classes_are_no_numbers_is_left_out(tmp_path: Path, name: str, value: float) -> None:
    write_conceptual(tmp_path)
    odd = json.loads(member(coded([0, 0, 50, 25], [50, 25, 100, 50], [0, 0, 9, 9])))
    rows = np.frombuffer(base64.b64decode(odd[name]), np.float32).reshape(3, -1).copy()
    rows[2, 1] = value
    (tmp_path / "other_frcnn" / "00000002.json").write_text(json.dumps({**odd, name: coded(*rows)}))
    captions = ConceptualCaptions(tmp_path, "val")
    with pytest.raises(DataError, match=r"00000002\.json is broken \(not all of its features and classes are finite"):
        captions[2]
    assert [len(item.boxes) for item in captions] == [2]


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    write_conceptual(tmp_path)
    (tmp_path / "val_frcnn.zip").write_text("not an archive")
    (tmp_path / "other_frcnn" / "00000002.json").unlink()
    with pytest.raises(DataError, match=r"nothing to use .*line 1: .*val_frcnn\.zip is no zip archive"):
        ConceptualCaptions(tmp_path, "val")


# COCO captions ------------------------------------------------------------------------------------------------------

def test_coco_captions_are_gathered_by_picture(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "000000000009.jpg").touch()
    (tmp_path / "annotations" / "captions_val2017.json").write_text(json.dumps({
        "images": [{"id": i, "file_name": f"00000000000{i}.jpg", "width": 64, "height": 48} for i in (9, 8)],
        "annotations": [{"id": 1, "image_id": 9, "caption": "A dog.\n"}, {"id": 2, "image_id": 9, "caption": " "},
                        {"id": 3, "image_id": 9, "caption": "One animal"}, {"id": 4, "image_id": 8, "caption": "x"}]}))
    data = coco_captions.read(tmp_path, "val")
    photo, = data.photos
    assert [c.text for c in photo.captions] == ["A dog.", "One animal"] and (photo.width, photo.height) == (64, 48)
    assert data.skipped.count == 2 and data.skipped.named[0] == "annotation 2: caption must be a text; it is \" \""
    assert "image 2: there is no picture" in data.skipped.named[1]
    with pytest.raises(DataError, match=r"no file .*captions_train2014\.json"):
        coco_captions.read(tmp_path, "train", 2014)


def test_a_name_that_no_file_can_have_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "a.jpg").touch()
    (tmp_path / "captions_val2017.json").write_text(json.dumps({
        "images": [{"id": i, "file_name": n, "width": 64, "height": 48} for i, n in enumerate(("x" * 300, "a.jpg"))],
        "annotations": [{"image_id": i, "caption": "A dog."} for i in (0, 1)]}))
    data = coco_captions.read(tmp_path, "val")
    assert len(data.photos) == 1 and data.skipped.named == [f"image 1: File name too long: {'x' * 60}"]
    write_conceptual(tmp_path)
    with (tmp_path / "val_frcnn.json").open("a") as lines:
        lines.write("\n" + json.dumps({"image": "a", "caption": ["a"], "frcnn": "x" * 300}))
    assert ConceptualCaptions(tmp_path, "val").skipped.named[2] == f"line 6: File name too long: {'x' * 60}"
    with pytest.raises(DataError, match=r"^File name too long: x{60}$"):
        Album().number(tmp_path / ("x" * 300))
