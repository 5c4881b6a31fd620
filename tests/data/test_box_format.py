"""How boxes are written: decided once for a table, said, and never guessed where a guess would change a box."""

import json

import pytest
from PIL import Image

from engine.boxes_config import BoxesConfig
from engine.cli import main
from engine.data import datasets, own
from engine.data.box_format import file_boxes
from engine.errors import BoxError, ConfigError, DataError
from tests.data.test_own_photos import picture

SIZED = [[16, 30, 48, 48], [88, 36, 48, 60], [100, 10, 50, 50], [10, 60, 40, 30]]  # COCO's x, y, width, height
CORNERS = [(0.08, 0.3, 0.32, 0.78), (0.44, 0.36, 0.68, 0.96), (0.5, 0.1, 0.75, 0.6), (0.05, 0.6, 0.25, 0.9)]


def photos(folder, boxes):
    folder.mkdir(exist_ok=True)
    (folder / "a.jpg").write_bytes(picture())  # 200 x 100
    (folder / "photos.jsonl").write_text("".join(
        json.dumps({"photo": "a.jpg", "phrase": f"thing {i}", "box": box}) + "\n" for i, box in enumerate(boxes)))
    return folder


def test_sizes_are_not_taken_for_corners_and_are_read_where_they_are_stated(tmp_path):
    folder = photos(tmp_path, SIZED)
    with pytest.raises(DataError, match=r"^3 of 4 boxes, such as 88, 36, 48, 60, cannot be x1, y1, x2, y2, and all can "
                                        r"be x, y, width, height\. Set boxes-format to xywh, or to xyxy\.$"):
        own.read(folder, "grounding")
    table = own.read(folder, "grounding", boxes=BoxesConfig(boxes_format="xywh"))
    assert [e.box for e in table.entries] == [pytest.approx(box) for box in CORNERS]
    assert table.note == "The boxes were taken as x, y, width, height in pixels."
    stated = own.read(folder, "grounding", boxes=BoxesConfig(boxes_format="xywh", boxes_unit="pixels"))
    assert (stated.entries, stated.note) == (table.entries, "")
    corners = own.read(folder, "grounding", boxes=BoxesConfig(boxes_format="xyxy"))
    assert [e.line for e in corners.entries] == [1] and len(corners.problems) == 3
    assert all("has no area inside its picture of 200 x 100" in p for p in corners.problems)
    fractions = [[a / 200, b / 100, c / 200, d / 100] for a, b, c, d in SIZED]
    table = own.read(photos(tmp_path, fractions), "grounding", boxes=BoxesConfig(boxes_format="xywh"))
    assert [e.box for e in table.entries] == [pytest.approx(box) for box in CORNERS]


def test_one_box_beyond_the_edge_does_not_turn_fractions_into_pixels_and_the_odd_line_is_named(tmp_path):
    table = own.read(photos(tmp_path, [[0.1, 0.25, 0.4, 0.65], [0.5, 0, 1.004, 1], [0.2, 0.2, 1.3, 0.9],
                                       [20, 25, 80, 65]]), "grounding")
    assert [e.box for e in table.entries] == [(0.1, 0.25, 0.4, 0.65), (0.5, 0, 1, 1), (0.2, 0.2, 1, 0.9)]
    assert table.problems == ["line 4: the box 20, 25, 80, 65 looks like pixels, and the boxes are taken as fractions; "
                              "write all in one unit, or set boxes-unit"]
    assert table.note == ("The boxes were taken as x1, y1, x2, y2 in fractions. 1 of 3 boxes reach over the edge of "
                          "their photo and were cut there.")
    table = own.read(photos(tmp_path, [[0, 0, 1, 1], [20, 25, 80, 65], [0, 0, 200, 100]]), "grounding")
    assert [e.box for e in table.entries] == [(0.1, 0.25, 0.4, 0.65), (0, 0, 1, 1)]
    assert table.problems[0].startswith("line 1: the box 0, 0, 1, 1 looks like fractions, and")
    stated = own.read(tmp_path, "grounding", boxes=BoxesConfig(boxes_unit="pixels"))
    assert stated.entries[0].box == (0, 0, 0.005, 0.01) and stated.problems == []
    with pytest.raises(DataError, match="Half of the boxes look like pixels, half like fractions"):
        own.read(photos(tmp_path, [[0, 0, 1, 1], [20, 25, 80, 65]]), "grounding")


def test_one_wrong_line_among_many_is_left_out_with_what_it_could_mean(tmp_path):
    boxes = [[10 * i, 10, 10 * i + 30, 60] for i in range(8)]
    table = own.read(photos(tmp_path, [*boxes, [50, 50, 10, 10]]), "grounding")
    assert len(table.entries) == 8
    assert table.problems == ["line 9: the box 50, 50, 10, 10 has no area inside its picture of 200 x 100; x2 and y2 "
                              "must exceed x1 and y1. If they are width and height, set boxes-format to xywh"]


def test_boxes_of_a_file_are_read_in_pixels_of_the_photo_as_it_was_before_it_was_shrunk(tmp_path):
    (tmp_path / "pixels.json").write_text("[[0, 0, 4000, 3000], [0, 0, 1000, 1500]]")
    found, note = file_boxes(tmp_path / "pixels.json", (4000, 3000), BoxesConfig())
    assert found == [(0, 0, 1, 1), (0, 0, 0.25, 0.5)] and note == "The boxes were taken as x1, y1, x2, y2 in pixels."
    (tmp_path / "broken.json").write_text("[[0, 0, 1, 1], [0, 0, 1]]")
    with pytest.raises(BoxError, match=r"^Box 2 of broken\.json: the box must be four numbers x1, y1, x2, y2; it is"):
        file_boxes(tmp_path / "broken.json", (40, 30), BoxesConfig())
    with pytest.raises(BoxError, match=r"^Box 1 of pixels\.json: the box 0, 0, 4000, 3000 looks like pixels, and"):
        file_boxes(tmp_path / "pixels.json", (40, 30), BoxesConfig(boxes_unit="fractions"))


def test_a_stated_format_that_nothing_uses_is_refused(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"--boxes-format and --boxes-unit can only be given for grounding on one's"):
        datasets.check_boxes(BoxesConfig(boxes_format="xywh", boxes_unit="pixels"), "vqa", photos(tmp_path, SIZED))
    datasets.check_boxes(BoxesConfig(boxes_format="xywh"), "grounding", tmp_path)
    datasets.check_boxes(BoxesConfig(), "vcr", tmp_path / "none")
    Image.new("RGB", (40, 30)).save(tmp_path / "p.png")
    for command in (["predict", "--image", str(tmp_path / "p.png"), "--caption", "a [MASK]"],
                    ["evaluate", "pretraining", "--data", str(tmp_path)],
                    ["finetune", "vqa", "--data", str(tmp_path), "--out", str(tmp_path / "run")]):
        assert main([*command, "--boxes-unit", "pixels"]) == 2
        assert "--boxes-unit can only be given " in capsys.readouterr().err
