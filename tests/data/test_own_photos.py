"""One's own photos: what can be used is, what cannot is named by its line, and no file leads out of its folder."""

import io
import stat
import struct
import zipfile

import pytest
from PIL import Image

from engine.data import datasets, own
from engine.data.several import sources_of
from engine.data.unpack import Limits, unpack
from engine.errors import CaptionError, DataError
from engine.structures.boxes import Boxes
from studio.teaching.own_photos import take
from tests.conftest import ROOT


def picture(size=(200, 100), orientation=None):
    file, exif = io.BytesIO(), Image.Exif()
    if orientation:
        exif[274] = orientation
    Image.new("RGB", size, (90, 120, 150)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def test_boxes_in_pixels_and_in_fractions_are_the_same_boxes_and_photos_are_upright(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "turned.jpg").write_bytes(picture(orientation=6))  # upright it is 100 x 200
    (tmp_path / "photos.csv").write_text(
        "photo;phrase;x1;y1;x2;y2\na.jpg;the left half;0;0;100;100\na.jpg;left, again;0;0;100;100\n"
        "turned.jpg;the upper half;0;0;100;100\n", encoding="utf-8-sig")
    found = datasets.referring_expressions(tmp_path, "train")
    (tmp_path / "photos.csv").write_text(
        "sep=|\nphoto|phrase|x1|y1|x2|y2\na.jpg|the left half|0|0|0.5|1\na.jpg|left, again|0|0|0.5|1\n"
        "turned.jpg|the upper half|0|0|1|0.5\n")
    again = datasets.referring_expressions(tmp_path, "train")
    assert [p.boxes for p in found.pictures] == [p.boxes for p in again.pictures] == [
        ((0, 0, 0.5, 1),), ((0, 0, 1, 0.5),)]
    assert [(q.picture, q.text, q.boxes) for q in found.questions] == [
        (0, "the left half", (0,)), (0, "left, again", (0,)), (1, "the upper half", (0,))]
    assert found.questions == again.questions and (found.note, again.note) == (
        "The boxes were taken as x1, y1, x2, y2 in pixels.", "The boxes were taken as x1, y1, x2, y2 in fractions.")


def test_each_line_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "fake.jpg").write_bytes(b"no picture")
    outside = tmp_path.parent / "secret.jpg"
    outside.write_bytes(picture())
    rows = ["photo,phrase,x1,y1,x2,y2", "a.jpg,good,0,0,50,50", "b.jpg,none,0,0,50,50", "a.jpg,words,zero,0,50,50",
            "a.jpg,,0,0,50,50", "a.jpg,flat,10,10,10,50", "a.jpg,short,0,0,50", "../secret.jpg,out,0,0,50,50",
            "fake.jpg,fake,0,0,50,50", "a.jpg,\u200b,0,0,50,50", f"{outside},absolute,0,0,50,50",
            "a.jpg,nan,nan,0,50,50", "a.jpg,good too,0,0,9999,50"]
    (tmp_path / "photos.csv").write_text("\n".join(rows), encoding="utf-8")
    table = own.read(tmp_path, "grounding")
    assert [e.says for e in table.entries] == ["good", "good too"]
    said = {int(p.split()[1].rstrip(":")): p for p in table.problems}
    assert sorted(said) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    for line, what in ((3, "no picture 'b.jpg'"), (4, "four numbers.*zero"), (5, "phrase must be a text"),
                       (6, "no area"), (7, "5 columns; expected 6"), (8, "no picture"), (9, "not a picture that can"),
                       (10, "phrase must be a text"), (11, "no picture"), (12, "four numbers")):
        with pytest.raises(DataError, match=what):
            raise DataError(said[line])


def test_a_photo_keeps_its_first_hundred_boxes_and_further_lines_are_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    rows = [f"a.jpg,thing {i},0,0,1,{i / 200}" for i in range(50, 152)] + ["a.jpg,again,0,0,1,0.25"]
    (tmp_path / "photos.csv").write_text("\n".join(["photo,phrase,x1,y1,x2,y2", *rows]))
    found = datasets.referring_expressions(tmp_path, "train")
    assert len(Boxes.from_user(found.pictures[0].boxes, 200, 100)) == 100
    assert [(q.text, q.boxes) for q in found.questions[-2:]] == [("thing 149", (99,)), ("again", (0,))]
    assert found.skipped.named == [f"line {n}: a.jpg has 100 other boxes already; no more fit" for n in (102, 103)]


def test_a_table_of_json_lines_is_checked_the_same_way(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    lines = ['{"photo": "a.jpg", "question": "what is it ?", "answer": "A Cat."}', "[1]", '{"photo": "a.jpg"',
             '{"photo": "a.jpg", "question": "what is it ?"}', '{"photo": 3, "question": "q", "answer": "a"}',
             '{"photo": "a.jpg", "question": "too long", "answer": "a"}']
    (tmp_path / "photos.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def fits(says):
        if "long" in says:
            raise CaptionError("It does not fit.")

    table = own.read(tmp_path, "vqa", fits)
    assert [(e.says, e.answer) for e in table.entries] == [("what is it ?", "cat")]
    assert [p[:7] for p in table.problems] == [f"line {n}:" for n in (2, 3, 4, 5, 6)]
    assert "list where an object" in table.problems[0] and "no 'answer'" in table.problems[2]
    found = datasets.open_questions(tmp_path, "train")
    assert datasets.answers_of(sources_of(tmp_path, "train"), found) == ("a", "cat")


def test_a_list_of_answers_is_right_in_any_of_them(tmp_path):
    (tmp_path / "a.jpg").write_bytes((ROOT / "assets" / "examples" / "dog.jpg").read_bytes())
    lines = ['{"photo": "a.jpg", "question": "where is it ?", "answer": ["The grass", "Field.", "grass"]}',
             '{"photo": "a.jpg", "question": "why ?", "answer": []}',
             '{"photo": "a.jpg", "question": "why ?", "answer": ["x", [3]]}']
    (tmp_path / "photos.jsonl").write_text("\n".join(lines))
    table = own.read(tmp_path, "vqa")
    assert [(e.answer, e.others) for e in table.entries] == [("grass", ("field",))] and len(table.problems) == 2
    assert own.questions(tmp_path).questions[0].answers == {"grass": 1.0, "field": 1.0}
    own.write(tmp_path, table.entries)
    assert own.read(tmp_path, "vqa").entries == table.entries


@pytest.mark.parametrize(("table", "what"), [
    (b"photo,phrase,x1\na.jpg,b,1\n", "line 1 of photos.csv must name .* it lacks y1, x2, y2"),
    (b"photo,phrase,x1,y1,x2,y2\na.jpg,ok,0,0,1,1\na.jpg,\xff\xfe,0,0,1,1\n", "line 3 of photos.csv is not UTF-8"),
    (b"", "line 1 of photos.csv must name"),
    (b'"photo,phrase,x1,y1,x2,y2\n' + b"a.jpg,the cat,0,0,1,1\n" * 6000,
     "line 1 of photos.csv must name .* it cannot be read .*Is a quote not closed")],
    ids=["columns", "bytes", "empty", "quote"])
def test_a_table_that_cannot_be_read_at_all_says_why(tmp_path, table, what):
    (tmp_path / "photos.csv").write_bytes(table)
    with pytest.raises(DataError, match=what):
        own.read(tmp_path, "grounding")


@pytest.mark.parametrize(("name", "what"), [
    ("../out.jpg", "leads out"), ("a/../../out.jpg", "leads out"), ("/etc/out.jpg", "leads out"),
    ("..\\out.jpg", "leads out"), ("C:/out.jpg", "leads out")])
def test_no_name_in_a_zip_leads_out_of_its_folder(tmp_path, name, what):
    source = packed(tmp_path / "in.zip", {"photos.csv": "photo\n", name: picture()})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=what):
        unpack([source], tmp_path / "kept")
    assert set(tmp_path.rglob("*")) == before


def test_links_duplicates_bombs_and_liars_in_a_zip_leave_nothing_behind(tmp_path):
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as out:
        out.writestr(link, "/etc/passwd")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as out, pytest.warns(UserWarning):
        out.writestr("a.jpg", picture())
        out.writestr("a.jpg", picture())
    packed(tmp_path / "bomb.zip", {"a.jpg": b"\0" * 3_000_000})
    packed(tmp_path / "many.zip", {f"{i}.jpg": b"x" for i in range(30)})
    packed(tmp_path / "sum.zip", {f"{i}.jpg": b"\0" * 900_000 for i in range(5)})
    # A zip that says its member is small: the size in its directory is not believed.
    liar = bytearray((tmp_path / "bomb.zip").read_bytes())
    struct.pack_into("<I", liar, liar.index(b"PK\1\2") + 24, 10)
    struct.pack_into("<I", liar, 22, 10)
    (tmp_path / "liar.zip").write_bytes(liar)
    (tmp_path / "cut.zip").write_bytes((tmp_path / "bomb.zip").read_bytes()[:-30])
    before, limits = set(tmp_path.rglob("*")), Limits(files=20, each=1_000_000, whole=4_000_000)
    for name, what in (("link", "is a link"), ("twice", "twice"), ("bomb", "over 0 MB"), ("many", "30 files"),
                       ("sum", "together"), ("liar", "cannot be read|over 0 MB|no table|none"), ("cut", "damaged")):
        with pytest.raises(DataError, match=what):
            unpack([tmp_path / f"{name}.zip"], tmp_path / "kept", limits)
        assert set(tmp_path.rglob("*")) == before, name


def test_what_was_handed_over_is_kept_with_its_good_lines_only_and_once(tmp_path):
    files = {"mine/images/a.jpg": picture(), "mine/images/b.jpg": picture(), "mine/images/cut.jpg": picture()[:-150],
             "mine/list.csv": "photo,phrase,x1,y1,x2,y2\nimages/a.jpg,the <b>cat</b>,0,0,50,50\nb.jpg,dog,0,0,200,100\n"
                              "b.jpg,bad,5,5,1,1\nimages/cut.jpg,cut,0,0,50,50\n",
             "mine/notes.txt": "x", "__MACOSX/._a.jpg": "x", "mine/.DS_Store": "x", "mine/run.py": "x"}
    source = packed(tmp_path / "in.zip", files)
    taken = take([source], "grounding", tmp_path / "own", lambda says: None)
    assert [e.says for e in taken.entries] == ["the <b>cat</b>", "dog"] and taken.photos == 2
    assert taken.problems[0].startswith("line 4:") and taken.problems[1].startswith("line 5: cut.jpg: ")
    assert sorted(taken.others) == ["mine/notes.txt", "mine/run.py"]
    again = take([source], "grounding", tmp_path / "own", lambda says: None)
    assert again.name == taken.name and [p.name for p in (tmp_path / "own").iterdir()] == [taken.name]
    found = datasets.referring_expressions(tmp_path / "own" / taken.name, "train")
    assert [q.text for q in found.questions] == ["the <b>cat</b>", "dog"]
    with pytest.raises(DataError, match="At least two photos"):
        take([packed(tmp_path / "one.zip", {"a.jpg": picture(), "t.csv": files["mine/list.csv"]})], "grounding",
             tmp_path / "own", lambda says: None)
