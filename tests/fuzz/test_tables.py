"""Damaged tables of one's own photos and damaged zips of them: lines are used or named, files are taken or refused."""

import io
import json
import shutil
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.data import own
from engine.data.tokenizer import WordPieces
from engine.data.unpack import Limits, unpack
from studio.teaching.own_photos import take
from tests.conftest import ROOT
from tests.fuzz.mutations import altered, as_json, damaged, examples, refusing, within

LIMITS = Limits(files=50, each=2 * 1024**2, whole=8 * 1024**2)
LINES = {
    "grounding": [{"photo": "a.png", "phrase": "the red thing", "box": [4, 4, 30, 30]},
                  {"photo": "sub/b.png", "phrase": "caf\u00e9 &amp; bar", "box": [0.1, 0.1, 0.5, 1]}],
    "vqa": [{"photo": "a.png", "question": "what is it ?", "answer": "a cat"},
            {"photo": "b.png", "question": "how many ?", "answer": "3"}]}
TABLES = {
    "grounding": [b"photo,phrase,x1,y1,x2,y2\na.png,the red thing,4,4,30,30\nsub/b.png,\"left, lower\",0,0,0.5,1\n",
                  "sep=;\r\nphoto;phrase;x1;y1;x2;y2\r\nb.png;der Käfer;1;2;30;30\r\n".encode("utf-8-sig")],
    "vqa": [b"photo,question,answer\na.png,what is it ?,a cat\nb.png,how many ?,3\n",
            b"photo\tquestion\tanswer\na.png\twhat ?\tyes\n"]}


def as_lines(tree):
    return b"\n".join(map(as_json, tree if isinstance(tree, list) else [tree]))


def png(shade):
    out = io.BytesIO()
    Image.new("RGB", (40, 32), (shade, 90, 60)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def fits():
    return WordPieces(ROOT / "assets" / "weights" / "vocab.txt").caption


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    (made / "sub").mkdir(parents=True)
    (made / "a.png").write_bytes(png(10))
    (made / "sub" / "b.png").write_bytes(png(200))
    return made


@pytest.mark.parametrize("task", TABLES)
def test_a_damaged_table_has_entries_and_problems(task, folder, fits) -> None:
    @examples(200)
    @given(damaged(TABLES[task]) | st.text(alphabet="photo,;\t\"'\n\r x1y2\u00a0\u2028\ufeff0.5-e", max_size=200).map(
        lambda rows: TABLES[task][0] + rows.encode()))
    def check(content):
        (folder / "photos.csv").write_bytes(content)
        with refusing():
            usable(own.read(folder, task, fits))

    with within(150):
        check()


@pytest.mark.parametrize("task", LINES)
def test_a_damaged_table_of_json_has_entries_and_problems(task, folder, fits) -> None:
    @examples(200)
    @given(altered([LINES[task]]).map(as_lines) | damaged([as_lines(LINES[task])]) | st.just(b"[" * 100_000))
    def check(content):
        (folder / "photos.jsonl").write_bytes(content)
        with refusing():
            usable(own.read(folder, task, fits))

    with within(150):
        check()


def usable(table) -> None:
    """What a run would do with the entries, and what is kept of them."""
    for entry in table.entries:
        assert entry.photo.is_file() and entry.says.strip()
        assert entry.box is None or (0 <= entry.box[0] < entry.box[2] <= 1 and 0 <= entry.box[1] < entry.box[3] <= 1)
    json.dumps([[e.says, e.answer, e.box] for e in table.entries]).encode()
    "".join(e.says + e.answer for e in table.entries).encode()


def packed(files, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


PACKED = {"mine/a.png": png(10), "mine/sub/b.png": png(200), "mine/list.csv": TABLES["grounding"][0],
          "mine/notes.txt": b"x" * 300}
ZIPS = [packed(PACKED), packed(PACKED, compression=zipfile.ZIP_DEFLATED), packed(PACKED, compression=zipfile.ZIP_LZMA),
        packed({**PACKED, "mine/zeros.jpg": bytes(1_900_000)}, compression=zipfile.ZIP_BZIP2)]


def test_a_damaged_zip_is_unpacked_below_its_folder_or_refused(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "in" / "kept"

    @examples(250)
    @given(damaged(ZIPS))
    def check(content):
        (tmp_path / "in" / "given.zip").write_bytes(content)
        with refusing():
            unpack([tmp_path / "in" / "given.zip"], target, LIMITS)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
        assert {p.name for p in (tmp_path / "in").iterdir()} <= {"given.zip", "kept"}
        assert sum(p.stat().st_size for p in target.rglob("*") if p.is_file()) <= LIMITS.whole
        shutil.rmtree(target, ignore_errors=True)

    with within(150):
        check()


def test_files_of_any_content_and_name_are_taken_or_refused(tmp_path, fits) -> None:
    names = st.text(min_size=1, max_size=12).map(lambda name: name.replace("/", "_").replace("\0", "_"))

    @examples(60)
    @given(damaged(TABLES["grounding"]), damaged([png(10)]), names)
    def check(table, picture, name):
        given_ = tmp_path / "given"
        given_.mkdir()
        files = {"photos.csv": table, "a.png": picture, "b.png": png(200), "c.png": png(50)}
        try:
            for called, content in files.items():
                (given_ / called).write_bytes(content)
            with refusing():
                try:
                    (given_ / f"{name}.png").write_bytes(picture)
                except (OSError, ValueError):
                    return  # no file of this machine can be called so
                take(sorted(given_.iterdir()), "grounding", tmp_path / "own", fits, LIMITS)
        finally:
            shutil.rmtree(given_)

    with within(150):
        check()
    assert all(not p.name.startswith("arriving") for p in (tmp_path / "own").iterdir())
