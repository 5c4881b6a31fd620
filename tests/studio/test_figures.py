"""Figures that are saved: every character is drawn or named, repeated words are told apart, axes are whole."""

import re
import sys
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from engine.explain.results import Attribution, Curve, Proof
from engine.structures.photo import Photo
from studio.views import figures, fonts
from studio.views.curves import WIDTH, Axes, Line, chart
from studio.views.names import region_names, word_names

WORDS = ("A", "red", "🔴", "and", "一", "and", "café")
FLAT = Curve("", (0.5, 0.5))
PROOF = Proof(FLAT, FLAT, FLAT, FLAT, FLAT, FLAT, 20, 1, 2, 1.0, 1.0, 0.0, None, *["better than random"] * 3)
FOUND = Attribution("consensus", "dog", tuple(0.1 * i + 0.1 for i in range(len(WORDS))), (0.0,), 1, 0, None, None, True)


def drawn(kind: str) -> bytes:
    photo = Photo(np.zeros((30, 40, 3), dtype=np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each glyph that is missing
        return figures.figure(photo, [(0, 0, 1, 1)], FOUND, PROOF, WORDS, ("whole picture",), "Why “🔴”?", kind)


@pytest.fixture
def no_other_fonts(monkeypatch):
    monkeypatch.setattr(fonts, "_families", tuple)


def test_a_picture_names_the_characters_that_no_font_has(no_other_fonts, monkeypatch):
    passed = []
    draw = figures._drawn
    monkeypatch.setattr(figures, "_drawn", lambda *given: passed.append(given) or draw(*given))
    assert drawn("png").startswith(b"\x89PNG")
    [(*_, words, _, title, footer)] = passed
    assert words == ["A", "red", "□", "and", "□", "and", "café"] and title == "Why “□”?"
    assert footer == ("□ stands for characters that no font on this machine has: U+4E00 (cjk unified ideograph-4e00), "
                      "U+1F534 (large red circle).")


def test_an_svg_keeps_its_text_and_numbers_repeated_words(no_other_fonts):
    texts = [text.strip() for text in ET.fromstring(drawn("svg")).itertext()]
    assert {"Why “🔴”?", "A red 🔴 and 一 and café", "“🔴”", "“一”", "“and (1)”", "“and (2)”"} <= set(texts)
    assert not re.search("[\u2800-\u28ff□]", "".join(texts))
    assert word_names(["the", "The", "the"]) == ["the (1)", "The", "the (2)"]
    assert region_names(["whole picture", "dog", "cat", "dog"]) == ["whole picture", "dog 1", "cat", "dog 2"]


def test_a_font_of_this_machine_draws_what_the_figures_own_lacks(tmp_path, monkeypatch):
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0)), pen.lineTo((0, 700)), pen.lineTo((700, 0)), pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "disc"])
    font.setupCharacterMap({ord("🔴"): "disc", ord("一"): "disc"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "disc": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0), "disc": (800, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Made Up", "styleName": "Regular"})
    font.setupOS2(usWeightClass=400)
    font.setupPost()
    font.save(tmp_path / "made.ttf")
    listed = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "made.ttf")
    try:
        monkeypatch.setattr(fonts, "_families", lambda: ("Made Up",))
        found = fonts.fonts_for("".join(WORDS))
        assert found == fonts.Fonts(("DejaVu Sans", "Made Up"), ()) and found.note == ""
        with_font = drawn("png")
        monkeypatch.setattr(fonts, "_families", tuple)
        assert with_font != drawn("png")
    finally:
        font_manager.fontManager.ttflist[:] = listed
        font_manager.fontManager._findfont_cached.cache_clear()


def test_an_svg_holds_no_character_that_xml_refuses(no_other_fonts, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "WORDS", ("a\x01dog", "\ufffe", "\u200d🔴", "and", "b", "c", "d"))
    texts = [text.strip() for text in ET.fromstring(drawn("svg")).itertext()]
    assert {"“adog”", "“\u200d🔴”"} <= set(texts)


def test_characters_without_a_shape_are_left_out_of_a_picture_in_silence(no_other_fonts):
    found = fonts.fonts_for("a\U000e0067")  # a tag, as in the flags of countries' parts
    assert found.missing == ("\U000e0067",) and found.boxes == {0xE0067: ""} and found.note == ""


def test_the_last_step_under_a_chart_ends_inside_it():
    made = chart("Loss", [Line("loss", ((0, 1.0), (2000, 0.5)))], Axes(2000, 1.0))
    [x] = re.findall(r'x="([\d.]+)" y="\d+" style="text-anchor: end">2000<', made)
    assert float(x) <= WIDTH
