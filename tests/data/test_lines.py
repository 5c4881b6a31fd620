"""Every reader of lines splits at the same characters and removes a byte-order mark."""

import codecs
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data import daquar, own, scenes
from engine.data.flickr8k import read, texts
from engine.data.lines import byte_lines, records, text_lines
from engine.data.tokenizer import WordPieces
from engine.errors import DataError, WeightsError
from engine.structures.questions import Skipped
from engine.weights.shipped import read_labels

MARKS = "\u2028\u2029\x85\x0b\x0c\x1c\r"  # `str.splitlines` ends a line at each of them
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", *MARKS[:-1], "cat"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_line_ends_at_a_line_feed_only(tmp_path, mark, end):
    path = tmp_path / "lines.txt"
    path.write_bytes(mark + end.join(["one", "", f"two{MARKS}", "\ufeffthree"]).encode())
    third = f"two{MARKS}" if end == "\r\n" else f"two{MARKS[:-1]}"  # one carriage return belongs to the line's end
    expected = [(1, "one"), (2, ""), (3, third), (4, "\ufeffthree")]
    assert list(text_lines(path)) == expected
    assert [line.decode() for _, line in byte_lines(path)] == [text for _, text in expected]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_pieces_of_a_vocabulary_keep_their_numbers(tmp_path, mark, end):
    path = tmp_path / "vocab.txt"
    path.write_bytes(mark + end.join([*PIECES, ""]).encode())
    pieces = WordPieces(path)
    assert pieces.pieces == PIECES
    assert pieces.caption("a cat").piece_ids == (2, 5, PIECES.index("cat"), 3)


def test_what_is_not_utf8_is_named_by_its_line(tmp_path):
    path = tmp_path / "latin1.txt"
    path.write_bytes("ein Satz\nKüche\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"^line 2 of .*latin1\.txt is not UTF-8\. Save the file as UTF-8\.$"):
        texts(path)
    with pytest.raises(WeightsError, match=r"latin1\.txt is no text; it must be BERT's vocab\.txt"):
        WordPieces(path)


def picture(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(path)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_every_reader_takes_a_byte_order_mark(tmp_path, mark):
    """And U+2028 inside a text, which json and tables may hold as it is."""
    picture(tmp_path / "images" / "one.png")
    picture(tmp_path / "one.png")

    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_bytes(mark + text.encode())
        return tmp_path / name

    said = "a\u2028dog runs"
    assert list(texts(write("corpus.txt", f"{said}\nb\n"))) == [said, "b"]
    skipped = Skipped()
    assert list(records(write("lines.jsonl", '{"a": "\u2028"}\n\n{"a": 2}\n'), skipped)) == [
        (1, {"a": "\u2028"}), (3, {"a": 2})] and not skipped.count
    photo = {"image": "one.png", "width": 32, "height": 24, "boxes": [], "captions": [{"text": said, "phrases": []}]}
    write("entities_dev.jsonl", json.dumps(photo, ensure_ascii=False) + "\n")
    assert read(tmp_path, "dev")[0].captions[0].text == said
    write("qa_dev.tsv", "image\tquestion\tanswer\none.png\twhat\u2028is it\tdog\n")
    assert daquar.read(tmp_path, "dev").questions[0].text == "what is it"
    write("photos.jsonl", '{"photo": "one.png", "question": "what is it", "answer": "dog"}\n')
    assert len(own.questions(tmp_path).questions) == 1
    write("labels.json", '{"names": ["background", "dog"], "aliases": {}, "attributes": []}')
    assert read_labels(tmp_path / "labels.json")[0].names == ("background", "dog")


def test_drawn_scenes_are_read_with_a_byte_order_mark(tmp_path):
    scenes.write(tmp_path, 2, 0)
    path = tmp_path / "scenes.jsonl"
    before = scenes.open_questions(tmp_path).questions
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    assert scenes.open_questions(tmp_path).questions == before
