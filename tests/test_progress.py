"""Long work says how far it is and how long it will take; short work says nothing."""

from __future__ import annotations

import re

from engine import progress


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
