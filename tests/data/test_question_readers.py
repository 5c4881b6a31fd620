"""Questions about pictures, read from files in the official layouts: VQA v2, DAQUAR, VCR."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data import daquar as daquar_reader
from engine.data import datasets, flickr8k, scenes, vcr, vqa_v2
from engine.data.album import fractions
from engine.data.polygons import mask
from engine.data.sequences import open_question, readable
from engine.data.tokenizer import WordPieces
from engine.data.vqa_answers import normalised, number_in, numbers_of, score_of, soft_scores, vocabulary
from engine.errors import BoxError, CaptionError, ConfigError, DataError
from engine.structures.boxes import Boxes
from engine.structures.questions import DataSet, ReferringExpression
from tests.conftest import ROOT

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3)).save(path)


# Answers ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("typed", "answer"), [
    ("Yes", "yes"), ("The  two dogs.", "2 dogs"), ("none", "0"), ("eleven", "eleven"), ("dont know", "don't know"),
    ("couldnt've", "couldn't've"), ("1,000", "1000"), ("2.00", "2.00"), ("u.s.", "us"), ("t-shirt", "t shirt"),
    ("yes, sir", "yes sir"), ("red/white", "red white"), ("what?!", "what"), ("a", ""), ("left\nside", "left side"),
    ("\u200bye\u00ads", "yes"), ("cafe\u0301", "caf\u00e9"), ("don\u2019t know", "don't know"),
    ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469")])
def test_answers_become_comparable_as_in_the_official_evaluation(typed: str, answer: str) -> None:
    assert normalised(typed) == answer


def test_scores_are_the_official_accuracy_over_leaving_one_person_out() -> None:
    people = ["red"] * 5 + ["Red."] + ["blue"] * 3 + ["a green"]
    counts = {"red": 6, "blue": 3, "green": 1}
    official = {a: sum(min(1, (n - (k < n)) / 3) for k in range(10)) / 10 for a, n in counts.items()}
    assert soft_scores(people) == pytest.approx(official) == {"red": 1.0, "blue": 0.9, "green": 0.3}


def test_the_published_answers_are_complete_and_already_normalised() -> None:
    answers = vocabulary()
    assert len(answers) == len(set(answers)) == 3129 and answers[:3] == ("", "woods", "trash can")
    assert all(normalised(a) == a for a in answers)


def test_an_answer_is_found_however_it_is_written_and_its_own_text_wins() -> None:
    numbers = numbers_of(("night_stand", "pillow, lamp", "lamp pillow", "A", "pillow lamp"))
    assert [number_in(numbers, a) for a in ("Night stand!", "the lamp, pillow", "pillow lamp", "a.", "b")] == [
        0, 2, 4, 3, None]
    assert [score_of(a, {"night stand": 0.3, "2": 1.0}) for a in ("night_stand", "two", "three")] == [0.3, 1.0, 0.0]


# VQA v2 -------------------------------------------------------------------------------------------------------------

def write_vqa(folder: Path, split: str = "val") -> None:
    asked = [{"question_id": 1, "image_id": 42, "question": "What colour is  the car?"},
             {"question_id": 2, "image_id": 42, "question": "Is it raining?"},
             {"question_id": 3, "image_id": 7, "question": "Where?"},
             {"question_id": 4, "image_id": 42, "question": "Why?"},
             {"question_id": 5, "image_id": 42}]
    given = [{"question_id": n, "image_id": 42, "answer_type": kind, "question_type": "what", "answers": [
        {"answer": answer, "answer_confidence": "yes", "answer_id": i} for i, answer in enumerate(answers, 1)]}
        for n, kind, answers in ((1, "other", ["red"] * 9 + ["The red!"]), (2, "yes/no", ["yes"] * 2 + ["no"] * 8),
                                 (3, "other", ["home"] * 10), (5, "other", ["x"] * 10))]
    touch(folder / f"{split}2014" / f"COCO_{split}2014_000000000042.jpg")
    (folder / "vqa").mkdir()
    (folder / "vqa" / f"v2_OpenEnded_mscoco_{split}2014_questions.json").write_text(json.dumps({"questions": asked}))
    (folder / f"v2_mscoco_{split}2014_annotations.json").write_text(json.dumps({"annotations": given}))


def test_vqa_gives_questions_scores_and_what_was_left_out(tmp_path: Path) -> None:
    write_vqa(tmp_path)
    data = vqa_v2.read(tmp_path, "val")
    assert [p.path.name for p in data.pictures] == ["COCO_val2014_000000000042.jpg"]
    assert [(q.picture, q.text, q.answers, q.kind) for q in data.questions] == [
        (0, "What colour is the car?", {"red": 1.0}, "other"),
        (0, "Is it raining?", {"yes": 0.6, "no": 1.0}, "yes/no")]
    assert data.skipped.count == 3
    assert "question 3: there is no picture" in data.skipped.named[0]
    assert data.skipped.named[1:] == ["question 4: it has no annotation", "question 5: it has no 'question'"]
    assert len(vqa_v2.read(tmp_path, "val", limit=1).questions) == 1


def test_vqa_says_what_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none for 'test2015'"):
        vqa_v2.read(tmp_path, "test2015")
    with pytest.raises(DataError, match=r"no file .*train2014_questions\.json or .*vqa"):
        vqa_v2.read(tmp_path, "train")
    write_vqa(tmp_path)
    (tmp_path / "val2014" / "COCO_val2014_000000000042.jpg").unlink()
    with pytest.raises(DataError, match=r"nothing to use in this data \(5 left out: question 1: there is no picture"):
        vqa_v2.read(tmp_path, "val")
    annotations = tmp_path / "v2_mscoco_val2014_annotations.json"
    annotations.write_text('{"questions": []}')
    with pytest.raises(DataError, match="it lacks annotations"):
        vqa_v2.read(tmp_path, "val")
    annotations.write_text('{"annotations": 3}')
    with pytest.raises(DataError, match="must be a list; it is a number"):
        vqa_v2.read(tmp_path, "val")
    annotations.write_text('{"annotations": [')
    with pytest.raises(DataError, match="is not json"):
        vqa_v2.read(tmp_path, "val")


# DAQUAR -------------------------------------------------------------------------------------------------------------

def test_daquar_keeps_an_answer_of_several_things_as_one(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.jpg")
    (tmp_path / "qa_dev.tsv").write_text("image\tquestion\tanswer\na.jpg\twhat is  there\tbook,  paper\n"
                                         "a.jpg\twhat\tThe night_stand!\nb.jpg\twhat\tdesk\na.jpg\twhat\n")
    data = daquar_reader.read(tmp_path, "dev")
    assert [(q.text, q.answers, q.kind) for q in data.questions] == [
        ("what is there", {"book, paper": 1.0}, "list"), ("what", {"night_stand": 1.0}, "single")]
    assert data.skipped.count == 2 and data.skipped.named[1] == "line 5: 2 columns, 2 of them filled; expected 3"
    (tmp_path / "qa_dev.tsv").write_text("picture\tquestion\n")
    with pytest.raises(DataError, match="must start with the columns image, question, answer; it starts with 'picture"):
        daquar_reader.read(tmp_path, "dev")


def test_a_picture_that_cannot_be_opened_is_left_out_and_named(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.jpg")
    (tmp_path / "images" / "fake.jpg").write_bytes(b"no picture")
    (tmp_path / "images" / "empty.jpg").touch()
    Image.new("L", (1, 9)).save(tmp_path / "images" / "thin.png")
    Image.new("1", (20_000, 3_300)).save(tmp_path / "images" / "large.png")
    (tmp_path / "qa_dev.tsv").write_text("image\tquestion\tanswer\n" + "".join(
        f"{name}\twhat\tdesk\n" for name in ("fake.jpg", "empty.jpg", "thin.png", "large.png", "a.jpg", "fake.jpg")))
    data = daquar_reader.read(tmp_path, "dev")
    assert [p.path.name for p in data.pictures] == ["a.jpg"] and len(data.questions) == 1 and data.skipped.count == 5
    assert data.skipped.named == [
        "line 2: This file is not a picture that can be read. Choose a JPEG, PNG or WebP picture. (fake.jpg)",
        "line 3: This file is not a picture that can be read. Choose a JPEG, PNG or WebP picture. (empty.jpg)",
        "line 4: The picture is 1 x 9 pixels; it needs at least 2 x 2. Choose a larger one. (thin.png)"]


def test_a_split_that_daquar_lacks_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"qa_{split}.tsv").write_text("image\tquestion\tanswer\n")
    with pytest.raises(DataError, match=r"has no split 'val'; it has dev, train\. Choose one of them"):
        datasets.open_questions(tmp_path, "val")


def test_a_folder_without_questions_is_refused_with_what_it_could_hold(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match=r"holds no scenes\.jsonl, no photos\.csv, no qa_dev\.tsv, no "
                                            r"entities_dev\.jsonl and no questions of VQA v2\. Point to a folder of "
                                            r"scenes, of own photos, of "):
            datasets.open_questions(folder, "dev")


def test_a_limit_leaves_the_first_questions_of_scenes_and_their_pictures(tmp_path: Path) -> None:
    scenes.write(tmp_path, 2, seed=1)
    for read in (datasets.open_questions, datasets.choice_questions, datasets.referring_expressions):
        whole, cut = read(tmp_path, "train"), read(tmp_path, "train", 1)
        assert cut.questions == whole.questions[:1] and len(cut.pictures) == 1 < len(whole.pictures)


def test_a_limit_below_0_is_refused_and_takes_no_last_one_away(tmp_path: Path) -> None:
    scenes.write(tmp_path, 2, seed=1)
    for read in (datasets.open_questions, datasets.choice_questions, datasets.referring_expressions, flickr8k.read):
        with pytest.raises(ConfigError, match="limit is -1; give how many of the first are taken, or leave it out"):
            read(tmp_path, "train", -1)


def test_the_real_daquar_is_read_whole(daquar: Path) -> None:
    for split, questions, pictures in (("train", 5999, 699), ("dev", 796, 95)):
        data = daquar_reader.read(daquar, split)
        assert (len(data.questions), len(data.pictures), data.skipped.count) == (questions, pictures, 0)


def test_what_no_task_can_read_is_left_out_and_told_by_picture_and_words(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.jpg")
    texts = ["word " * 121, "a" * 121, "\u200b", "word " * 120, "[MASK]", "caf\u00e9 ?", "what"]
    (tmp_path / "qa_dev.tsv").write_text("image\tquestion\tanswer\n" + "".join(
        f"a.jpg\t{t}\t{'no ' * 200 if t == 'what' else 'no'}\n" for t in texts))
    data = datasets.open_questions(tmp_path, "dev")
    left = readable(data, PIECES)
    for question in data.questions:  # the same as asking the tokenizer about each
        try:
            assert open_question(PIECES, question.text) and question in left.questions
        except CaptionError:
            assert question not in left.questions
    assert [q.text[:4] for q in left.questions] == ["aaaa", "word", "[MAS", "caf\u00e9", "what"]
    assert left.skipped.named[0] == (f"a.jpg, {('word ' * 12)!r}: The question has 121 word pieces; at most 120 fit. "
                                     "Shorten it.")
    assert len(readable(data, PIECES, answers=True).questions) == len(left.questions) - 1
    assert readable(left, PIECES) is left
    with pytest.raises(DataError, match=r"nothing to use in this data \(1 left out: a\.jpg, 'word"):
        readable(replace(data, questions=data.questions[:1]), PIECES)


# VCR ----------------------------------------------------------------------------------------------------------------

OBJECTS = ["person", "car", "person"]
METADATA = {"boxes": [[0, 0, 27, 27, 0.9], [50, 20, 120, 60, 0.8], [30, 10, 40, 20, 0.7]], "names": OBJECTS,
            "segms": [[[[0, 0], [13, 0], [13, 27], [0, 27]]], [], [[[29, 9], [41, 9], [41, 21], [29, 21]]]],
            "width": 100, "height": 80}
LINE = {"movie": "m", "objects": OBJECTS, "interesting_scores": [0], "answer_likelihood": "likely",
        "img_fn": "m/a.jpg", "metadata_fn": "m/a.json", "question": ["Why", "do", [0, 2], "look", "at", [1], "?"],
        "answer_choices": [["It", "shines"], [[1], "shines"], ["no"], ["yes"]], "answer_label": 1,
        "rationale_choices": [["a"], ["b"], ["c"], [[2], "said", "so"]], "rationale_label": 3}


def write_vcr(folder: Path, *lines: dict | str, metadata: dict = METADATA) -> None:
    touch(folder / "vcr1images" / "m" / "a.jpg")
    (folder / "vcr1images" / "m" / "a.json").write_text(json.dumps(metadata))
    (folder / "val.jsonl").write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))


def test_vcr_names_objects_by_tagged_words_and_gives_boxes_and_masks(tmp_path: Path) -> None:
    write_vcr(tmp_path, LINE, LINE)
    data = vcr.read(tmp_path, "val")
    first, second = data.questions
    assert first.question.words == ("Why", "do", "Casey", "and", "Riley", "look", "at", "car", "?")
    assert first.question.tags == (0, 0, 1, 0, 3, 0, 0, 2, 0)
    assert (first.answers[1].text, first.answers[1].tags, first.answer) == ("car shines", (2, 0), 1)
    assert (first.rationales[3].text, first.rationale) == ("Riley said so", 3)
    assert second.question.text == "Why do Jessie and Jackie look at car ?"
    picture, = data.pictures
    assert picture.names == ("person", "car", "person")
    assert picture.boxes[1] == pytest.approx((0.5, 0.25, 1.0, 0.75))  # clipped at the right edge
    assert picture.masks is not None and picture.masks.dtype == np.float32
    half = np.zeros((14, 14))
    half[:, :7] = 1  # the left half of its box
    assert (picture.masks[0] == half).all() and not picture.masks[1].any() and picture.masks[2].all()
    unmasked = datasets.choice_questions(tmp_path, "val")  # as tasks read it, whose features take no masks
    assert unmasked.questions == data.questions and unmasked.pictures[0].masks is None
    assert (unmasked.pictures[0].boxes, unmasked.pictures[0].names) == (picture.boxes, picture.names)


def test_choices_and_phrases_that_no_task_can_read_are_left_out(tmp_path: Path) -> None:
    long = [["word"] * 230, ["b"], ["c"], ["d"]]  # with the question too long; a reason has the answer before it, too
    write_vcr(tmp_path, {**LINE, "answer_choices": long}, {**LINE, "rationale_choices": long}, LINE,
              {**LINE, "rationale_choices": [["word"] * 228, *long[1:]]})
    found = vcr.read(tmp_path, "val")
    left = readable(found, PIECES)
    assert left.questions == found.questions[2:3] and left.skipped.count == 3
    assert left.skipped.named[0] == ("a.jpg, 'Why do Casey and Riley look at car ?': Question and answer have 242 word "
                                     "pieces; at most 240 fit. Shorten them.")
    said = [ReferringExpression(0, text, (0,), context=context) for text, context in (
        ("left", ""), ("left", "the left one"), ("left", "word " * 130), ("left " * 130, "the left one"))]
    assert readable(DataSet(found.pictures, tuple(said)), PIECES).questions == tuple(said[:2])


def test_vcr_skips_broken_lines_by_number(tmp_path: Path) -> None:
    write_vcr(tmp_path, "{", {**LINE, "img_fn": "m/b.jpg"}, {**LINE, "question": ["Why", [3]]}, {**LINE, "objects": []},
              {**LINE, "answer_choices": [["a"]]}, LINE)
    data = vcr.read(tmp_path, "val")
    assert len(data.questions) == 1 and data.skipped.count == 5
    assert [named.split(":")[0] for named in data.skipped.named] == ["line 1", "line 2", "line 3"]
    assert "names object 3; the picture has 3" in data.skipped.named[2]


def test_vcr_refuses_a_box_outside_and_a_split_without_labels(tmp_path: Path) -> None:
    outside = {**METADATA, "boxes": [[0, 0, 27, 27, 0.9], [101, 20, 120, 60, 0.8], [30, 10, 40, 20, 0.7]]}
    write_vcr(tmp_path, LINE, metadata=outside)
    with pytest.raises(DataError, match=r"line 1: the box \[101, 20, 120, 60\] has no area inside its picture"):
        vcr.read(tmp_path, "val")
    write_vcr(tmp_path, {k: v for k, v in LINE.items() if not k.endswith("label")})
    with pytest.raises(DataError, match="right answers of VCR's test split are not public"):
        vcr.read(tmp_path, "val")


def test_vcr_questions_without_labels_are_read_where_they_may_be_and_never_count_as_labelled(tmp_path: Path) -> None:
    unlabelled = {k: v for k, v in LINE.items() if not k.endswith("label")}
    for lines, read, labelled in (([unlabelled, unlabelled], 2, False), ([unlabelled, LINE], 2, False),
                                  ([LINE, unlabelled], 2, False), ([{"no": "question"}, unlabelled], 1, False),
                                  ([LINE, LINE], 2, True)):
        write_vcr(tmp_path, *lines)
        data = vcr.read(tmp_path, "val", labelled=False)
        assert (len(data.questions), data.labelled) == (read, labelled)


def test_vcr_lines_of_other_types_are_left_out_wherever_they_stand(tmp_path: Path) -> None:
    unlabelled = {k: v for k, v in LINE.items() if k != "answer_label"}
    odd = [{"answer_label": 1.9}, {"answer_label": True}, {"rationale_label": "1"}, {"question": "Why do they look"},
           {"question": ["Why", 5]}, {"question": ["Why", [True]]}, {"objects": ["person", 5, "person"]},
           {"objects": "person"}, {"answer_choices": "abcd"}]
    write_vcr(tmp_path, unlabelled, *({**LINE, **change} for change in odd), LINE)
    data = vcr.read(tmp_path, "val")
    assert [q.answer for q in data.questions] == [1] and data.skipped.count == 1 + len(odd)
    assert data.skipped.named == ["line 1: it has no 'answer_label'",
                                  "line 2: answer_label must be a whole number; it is 1.9",
                                  "line 3: answer_label must be a whole number; it is true"]
    write_vcr(tmp_path, LINE, metadata={**METADATA, "names": ["person", 5, "person"]})
    with pytest.raises(DataError, match=r'line 1: names must be a list of words; it is \["person", 5'):
        vcr.read(tmp_path, "val")
    write_vcr(tmp_path, unlabelled, {**LINE, "question": "Why"})
    with pytest.raises(DataError, match=r"nothing to use .*line 1: it has no 'answer_label'; line 2: a text must be"):
        vcr.read(tmp_path, "val")


def test_every_box_that_a_reader_takes_is_taken_by_a_model_and_a_picture_has_a_hundred_at_most(tmp_path: Path) -> None:
    for x in range(1000, 1030):
        try:
            box = fractions((x, 10, x + 2, 100), 2000, 400)
        except BoxError:
            continue
        Boxes.from_user([box], 2000, 400)
    many = [[i, 0, i + 2, 27, 0.9] for i in range(98)] + METADATA["boxes"]
    write_vcr(tmp_path, {**LINE, "objects": ["car"] * 98 + OBJECTS},
              metadata={**METADATA, "boxes": many, "names": ["car"] * 98 + OBJECTS, "segms": [[]] * 101})
    with pytest.raises(DataError, match=r"line 1: a\.jpg has 101 boxes; at most 100 fit"):
        datasets.choice_questions(tmp_path, "val")


def test_vcr_without_masks_is_read_where_no_mask_is_used(tmp_path: Path) -> None:
    bare = {name: value for name, value in METADATA.items() if name != "segms"}
    write_vcr(tmp_path, LINE, metadata=bare)
    data = datasets.choice_questions(tmp_path, "val")
    assert len(data.questions) == 1 and data.skipped.count == 0 and data.pictures[0].masks is None
    with pytest.raises(DataError, match="lacks segms"):
        vcr.read(tmp_path, "val")


def test_masks_agree_with_an_independent_rasteriser() -> None:
    draw = pytest.importorskip("skimage.draw")
    random = np.random.default_rng(3)
    for trial in range(200):
        corners = random.uniform(-4, 18, (random.integers(3, 9), 2))
        corners = corners.round() if trial % 2 else corners
        expected = np.zeros((14, 14))
        x, y = corners.clip(0, 13).T
        expected[draw.polygon(y, x)] = 1
        assert (mask([corners.tolist()], (0, 0, 13, 13)) == expected).all(), corners
