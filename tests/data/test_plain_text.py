"""HTML entities in captions: words, phrases and chips are those of the text that a person reads."""

import time
from pathlib import Path

from engine.data.flickr8k import annotated
from engine.data.plain_text import unescaped, visible
from engine.data.tokenizer import WordPieces
from studio.views.regions import chips
from tests.conftest import ROOT

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")
ESCAPED = "a dog &amp; a cat &quot;play&quot; at AT&T &#39;"
PLAIN = "a dog & a cat \"play\" at AT&T '"


def test_entities_become_characters_once_and_for_all() -> None:
    assert unescaped(ESCAPED) == unescaped(unescaped(ESCAPED)) == PLAIN
    assert unescaped("R&D &copy &nosuch; &#xe9;&amp;lt;") == "R&D &copy &nosuch; é<"


def test_no_text_takes_more_time_than_its_length_needs() -> None:
    start, run, trap = time.monotonic(), "\u200d" * 100_000, "&" + "amp;" * 100_000 + "lt;"
    assert visible(f"é{run}é") == f"é{run}é" and visible(f"é{run}") == "é" and visible(f"a{run}é") == "aé"
    assert unescaped(trap) == trap and unescaped("&" + "amp;" * 7 + "lt;") == "<"
    assert time.monotonic() - start < 10  # in time that grows as the square it would be minutes


def test_a_caption_with_entities_has_the_words_and_pieces_of_the_plain_one() -> None:
    found, plain = PIECES.caption(ESCAPED), PIECES.caption(PLAIN)
    assert found == plain and found.text == PLAIN and PIECES.captions([ESCAPED]) == [plain]
    shown = chips(ESCAPED, found.words)
    assert "".join(word["before"] + word["text"] for word in shown["words"]) + shown["after"] == PLAIN


def test_phrases_count_the_characters_of_the_plain_caption() -> None:
    text, phrase = "Tom &amp; the brown dog &gt; me", "brown dog"
    start = text.index(phrase)
    photo = annotated({
        "image": "a.jpg", "width": 9, "height": 9, "boxes": [{"entities": [1], "box": [0, 0, 1, 1]}],
        "captions": [{"text": text, "phrases": [
            {"start": start, "end": start + len(phrase), "entity": 1, "types": []},
            {"start": 0, "end": start + len(phrase), "entity": 1, "types": []}]}]}, Path())
    caption = photo.captions[0]
    assert caption.text == "Tom & the brown dog > me"
    assert [p.text for p in caption.phrases] == [phrase, "Tom & the brown dog"]
    assert all(caption.text[p.start:p.end] == p.text for p in caption.phrases)
