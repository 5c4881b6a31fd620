"""Long work says how far it is and how long it will take; short work says nothing."""

from __future__ import annotations

import re
from types import SimpleNamespace

from engine import progress
from engine.cli import main
from engine.predictor import Predictor
from engine.structures.boxes import Boxes
from engine.tasks.streamed import StreamedTask


def test_a_bar_tells_how_much_is_done_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "SELDOM", 0)
    tell = progress.shown("scenes")
    for done in range(1, 5):
        tell(done, 4)
    assert list(progress.counted("abc", "photos")) == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert re.search(r"scenes: +50%.* 2/4 \[\d\d:\d\d<\d\d:\d\d", said)
    assert "photos: 100%" in said and "3/3" in said
    assert said.endswith("\n"), "what is said next begins a line of its own"


def test_what_is_done_at_once_needs_no_bar(capsys):
    tell = progress.shown("scenes")
    tell(1, 2)
    tell(2, 2)
    assert list(progress.counted(range(3), "photos")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_commands_that_may_take_long_tell_the_time_left(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "SELDOM", 0)
    whole = SimpleNamespace(see=lambda photo: SimpleNamespace(
        boxes=Boxes.from_fractions([[0, 0, 1, 1]], photo.width, photo.height)))
    monkeypatch.setattr(Predictor, "load", lambda *_: whole)
    data = str(tmp_path / "data")
    for what, command in [
            ("scenes", ["scenes", "--count", "2", "--out", data]),
            ("photos", ["shard", "--data", data, "--per-shard", "1", "--out", str(tmp_path / "shards")]),
            ("photos", ["evaluate", "proposals", "--data", data, "--split", "train"])]:
        assert main(command) == 0
        assert re.search(rf"{what}: +50%.* 1/2 \[\d\d:\d\d<\d\d:\d\d", capsys.readouterr().err), command


def test_passing_over_what_a_stream_gave_already_tells_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "SELDOM", 0)
    photos = iter(range(9))
    StreamedTask(lambda own: SimpleNamespace(model=None), photos, 9).skip(4)
    assert re.search(r"already: +50%.* 2/4 \[\d\d:\d\d<\d\d:\d\d", capsys.readouterr().err)
    assert next(photos) == 4
