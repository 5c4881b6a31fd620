"""Names in a table and names of files: found where only one file fits, by folder, by files and by zip."""

import struct
import time
import unicodedata
import zlib

import pytest

from engine.data import datasets, own
from engine.data.photo_names import PhotoNames
from engine.errors import DataError
from studio.teaching.own_photos import take
from tests.data.test_own_photos import packed, picture

CAFE, CAFE_NFD = "caf\u00e9 1.png", unicodedata.normalize("NFD", "caf\u00e9 1.png")
HEIC = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + bytes(400)
WRITTEN = {  # the name of a file, and the name that the table has
    "narrow space": ("Screenshot at 3.04\u202fPM.png", "Screenshot at 3.04\u202fPM.png"),
    "typed space": ("Screenshot at 3.04\u202fPM.png", "Screenshot at 3.04 PM.png"),
    "two spaces": ("my  dog.png", "my  dog.png"), "leading space": (" dog.png", " dog.png"),
    "nfd file": (CAFE_NFD, CAFE), "nfd table": (CAFE, CAFE_NFD), "case": ("IMG_1.JPG", "img_1.jpg"),
    "absolute": ("one.png", "/home/user/data/one.png"), "windows": ("one.png", "C:\\Users\\me\\one.png"),
    "outer folder": ("one.png", "dataset/train/one.png"), "inner folder": ("Meine Fotos/one.png", "one.png"),
    "colon": ("Photo 12:30:05.png", "Photo 12:30:05.png"), "signs": ("<Wow!> $5 {0}?.png", "<Wow!> $5 {0}?.png")}


def table(*names):
    return "photo,phrase,x1,y1,x2,y2\n" + "".join(f'"{name}",the thing,0,0,100,50\n' for name in names)


def filled(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


@pytest.mark.parametrize(("file", "name"), WRITTEN.values(), ids=WRITTEN)
def test_a_name_finds_its_one_file_by_folder_by_files_and_by_zip(tmp_path, file, name):
    files = {file: picture(), "other.png": picture((60, 40)), "photos.csv": table(name, "other.png")}
    folder = filled(tmp_path / "in", files)
    found = datasets.referring_expressions(folder, "train")
    assert [p.path.relative_to(folder).as_posix() for p in found.pictures] == [file, "other.png"]
    assert found.skipped.count == 0
    sent = [tmp_path / "sent" / str(i) for i in range(3)]  # as Gradio keeps them: under other names
    filled(tmp_path / "sent", {str(i): data for i, data in enumerate(files.values())})
    for sources, names in (([packed(tmp_path / "in.zip", files)], ()), (sent, list(files))):
        taken = take(sources, "grounding", tmp_path / "own", lambda says: None, names=names)
        assert [e.photo.relative_to(tmp_path / "own" / taken.name).as_posix() for e in taken.entries] == [
            file, "other.png"]
        assert taken.problems == ()


def test_where_several_files_fit_or_none_the_message_says_which():
    found = PhotoNames(["a/x.png", "b/x.png", "b/X.PNG", "Küche.png", "sub/1.png", "y.png", "c/y.png"]).find(
        ["x.png", "a/x.png", "B/x.png", "b/x.png", "kuche.png", "tree.gif", "train/1.png", "test/1.png", "y.png", ""])
    assert {name: str(own) for name, own in found.items()} == {
        "x.png": "2 pictures are called 'x.png'; give the folder, too", "a/x.png": "a/x.png",
        "B/x.png": "2 pictures are called 'B/x.png'; give the folder, too", "b/x.png": "b/x.png",
        "kuche.png": "there is no picture 'kuche.png'; the nearest name is 'Küche.png'",
        "tree.gif": "there is no picture 'tree.gif'", "y.png": "y.png", "": "there is no picture ''",
        "train/1.png": "'train/1.png' and 'test/1.png' would both be 'sub/1.png'; name each photo by its path in the "
                       "folder",
        "test/1.png": "'train/1.png' and 'test/1.png' would both be 'sub/1.png'; name each photo by its path in the "
                      "folder"}
    found = PhotoNames(["1.png"]).find(["a/b/1.png", "c/b/1.png", "b/1.png", "1.png"])  # b/1.png may be either
    assert {name for name, own in found.items() if isinstance(own, DataError)} == {"a/b/1.png", "c/b/1.png", "b/1.png"}
    assert str(found["b/1.png"]).startswith("'a/b/1.png' and 'c/b/1.png' would both be '1.png'; name each photo by")


def test_deep_folders_take_no_long_time():
    start, deep = time.monotonic(), "a/" * 500
    names = [f"{deep}1.png", f"{'b/' * 50_000}2.png", "c/3.png"]
    found = PhotoNames([f"{deep}{i}.png" for i in range(60)]).find(names)
    assert list(found.values()) == [f"{deep}{i}.png" for i in (1, 2, 3)]
    assert isinstance(PhotoNames([]).find([name := "b/" * 50_000])[name], DataError)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp1252", "cp866", "cp932"])
@pytest.mark.parametrize("json", [False, True], ids=["csv", "jsonl"])
def test_names_of_a_zip_are_read_in_the_encoding_that_the_table_confirms(tmp_path, encoding, json):
    names = {"cp866": ["кухня.png", "кот.png"], "cp932": ["写真.png", "犬.png"]}.get(
        encoding, ["Küche.png", "Straße.png"])
    lines = "".join(f'{{"photo": "{n}", "question": "q", "answer": "a"}}\n'.encode("ascii", "backslashreplace").decode(
        ).replace("\\x", "\\u00") for n in names)
    tables = {"photos.jsonl": lines.encode()} if json else {
        "photos.csv": ("photo,question,answer\n" + "".join(f"{n},q,a\n" for n in names)).encode()}
    body, central = b"", b""
    for name, data in ({n: picture() for n in names} | tables).items():  # by hand: zipfile itself writes only UTF-8
        raw, sizes = name.encode(encoding), (zlib.crc32(data), len(data), len(data))
        common = struct.pack("<HHHHIIIHH", 0, 0, 0, 0, *sizes, len(raw), 0)
        central += struct.pack("<IHH", 0x02014B50, 20, 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        body += struct.pack("<IH", 0x04034B50, 20) + common + raw + data
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 3, 3, len(central), len(body), 0)
    (tmp_path / "in.zip").write_bytes(body + central + end)
    taken = take([tmp_path / "in.zip"], "vqa", tmp_path / "own", lambda says: None)
    assert [e.photo.name for e in taken.entries] == names and taken.problems == ()


def test_a_picture_that_is_left_out_is_called_by_its_kind_and_each_cause_has_its_sentence(tmp_path):
    long = "é" * 130 + ".png"
    files = {"one.png": picture(), "two.png": picture((60, 40)), "IMG_1.HEIC": HEIC, "unnamed.heic": HEIC,
             "really.jpg": HEIC, long: picture(), "notes.txt": b"x",
             "photos.csv": table("one.png", "two.png", "IMG_1.HEIC", "really.jpg", long, "notes.txt")}
    taken = take([packed(tmp_path / "in.zip", files)], "grounding", tmp_path / "own", lambda says: None)
    heic = "is HEIC, which is not read; save it as JPEG or PNG"
    assert taken.problems == (
        f"line 4: IMG_1.HEIC {heic}",
        "line 5: The format of this file is HEIC, which is not read. Save the picture as JPEG or PNG first. "
        "(really.jpg)",
        f"line 6: the name {'é' * 40!r}… is too long: 264 bytes, of which 255 fit; rename the file",
        taken.problems[3], f"unnamed.heic {heic}.")
    assert taken.problems[3].startswith("line 7: notes.txt is no picture by its name; it must end in .jpg, ")
    assert taken.others == ("notes.txt",)
    only = filled(tmp_path / "only", {"IMG_1.HEIC": HEIC, "photos.csv": table("IMG_1.HEIC")})
    assert own.read(only, "grounding").problems == [f"line 2: IMG_1.HEIC {heic}"]
    with pytest.raises(DataError, match=rf"0 can be used\. line 2: IMG_1\.HEIC {heic}\.$"):
        take([only / "IMG_1.HEIC", only / "photos.csv"], "grounding", tmp_path / "own", lambda says: None)


def test_a_zip_that_cannot_be_unpacked_says_which_of_the_causes_it_is(tmp_path):
    whole = packed(tmp_path / "in.zip", {"a.png": picture(), "photos.csv": table("a.png")}).read_bytes()
    directory = whole.index(b"PK\1\2")
    for name, place, value, what in (("locked", 8, 1, r"^The zip is encrypted\. Pack the photos without a password\.$"),
                                     ("packed", 10, 99, "^The zip is packed in a way that is not read .*plain zip")):
        changed = bytearray(whole)
        struct.pack_into("<H", changed, directory + place, value)
        (tmp_path / f"{name}.zip").write_bytes(changed)
        with pytest.raises(DataError, match=what):
            take([tmp_path / f"{name}.zip"], "grounding", tmp_path / "own", lambda says: None)
    (tmp_path / "none.zip").write_bytes(b"Rar!\x1a\x07")
    with pytest.raises(DataError, match=r"^The zip cannot be read; it is damaged or no zip \("):
        take([tmp_path / "none.zip"], "grounding", tmp_path / "own", lambda says: None)
    assert list((tmp_path / "own").iterdir()) == []
