"""Words and their pieces."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.data.masking import RegionMasking, WordMasking
from engine.data.tokenizer import WordPieces
from engine.errors import CaptionError, MaskError, WeightsError
from engine.structures.caption import unread

PIECES = WordPieces(Path(__file__).parents[2] / "assets" / "weights" / "vocab.txt")


def test_a_known_sentence_has_berts_own_ids() -> None:
    caption = PIECES.caption("Two skateboarders aren't here .")
    assert [PIECES.pieces[i] for i in caption.piece_ids] == [
        "[CLS]", "two", "skate", "##board", "##ers", "aren", "'", "t", "here", ".", "[SEP]"]
    assert caption.piece_ids[:2] == (101, 2048) and caption.piece_ids[-1] == 102


def test_ids_agree_with_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.BertTokenizer.from_pretrained(Path(__file__).parents[2] / "assets" / "weights")
    for text in ("A brown dog runs on the grass .", "naïve café, 3.5 kg of Kräuter!", "漢字 and émigrés -- “quoted”"):
        assert list(PIECES.caption(text).piece_ids) == theirs(text)["input_ids"]


@given(st.text(max_size=80))
def test_any_text_gives_words_that_lie_in_it_or_a_clear_refusal(text: str) -> None:
    for read in (PIECES.caption, PIECES.masked_caption):
        try:
            caption = read(text)
        except CaptionError as error:
            assert "caption" in str(error)
            return
        places = [p for w in caption.words for p in range(w.first, w.stop)]
        assert places == list(range(1, len(caption.piece_ids) - 1))
        assert all(text[w.start:w.end] == w.text for w in caption.words)
        assert all(a.end <= b.start for a, b in zip(caption.words, caption.words[1:], strict=False))


def test_half_a_character_is_read_as_a_question_mark_in_its_place() -> None:
    text = json.loads(r'"a \ud83d dog \ud83d\udc36"')
    caption = PIECES.caption(text)
    assert [(w.text, w.start, w.end) for w in caption.words] == [
        ("a", 0, 1), ("?", 2, 3), ("dog", 4, 7), ("\N{DOG FACE}", 8, 9)]
    assert PIECES.captions([text, "a cat"])[0] == caption
    assert PIECES.of_word("\ud83d") == PIECES.of_word("?") != []


def test_what_does_not_fit_is_refused() -> None:
    for text, message in (("", "empty"), ("  \n", "empty"), ("dog " * 500, "500 word pieces; at most 120"),
                          ("dog" * 9000, "27000 characters")):
        with pytest.raises(CaptionError, match=message):
            PIECES.caption(text)


def test_a_literal_mask_is_one_word_that_nobody_knows() -> None:
    caption = PIECES.caption("a [MASK] runs")
    assert [(w.text, w.known) for w in caption.words] == [("a", True), ("[MASK]", False), ("runs", True)]


@pytest.mark.parametrize(("text", "masks"), [
    ("a dog on the [mask] .", ["[mask]"]), ("a <mask> on a < MASK >", ["<mask>", "< MASK >"]),
    ("a dog on the ___.", ["___"]), ("a MASK runs", ["MASK"]), ("a [MASK] [ Mask ]", ["[MASK]", "[ Mask ]"]),
    ("a man in a mask, <masked>", []), ("A MAN IN A MASK", []), ("snow__white and UNMASK _", []),
])
def test_a_mask_is_read_however_people_write_it_and_stays_where_it_stands(text: str, masks: list[str]) -> None:
    caption = PIECES.masked_caption(text)
    assert [w.text for w in caption.words if not w.known] == masks
    assert caption.text == text and all(text[w.start:w.end] == w.text for w in caption.words)
    plain = text
    for mask in masks:
        plain = plain.replace(mask, "[MASK]")
    assert caption.piece_ids == PIECES.caption(plain).piece_ids
    if not masks:
        assert caption == PIECES.caption(text)


def test_accents_joiners_and_vowel_signs_stay_in_their_word() -> None:
    for text in ("a cafe\u0301 with cre\u0301me and a rose\u0301 .", "कुत्ता घास पर", "1\ufe0f\u20e3 #\ufe0f\u20e3 .",
                 "\u2764\ufe0f \U0001f468\u200d\U0001f469 \U0001f3f4\U000e0067\U000e0062\U000e007f !"):
        assert [w.text for w in PIECES.caption(text).words] == text.split()


def test_a_word_that_the_vocabulary_lacks_is_known_to_be_unreadable() -> None:
    caption = PIECES.caption(f"A red 🔴 and {'abcdefghij' * 12} .")
    assert [w.text[:10] for w in caption.words if not w.readable] == ["🔴", "abcdefghij"]
    assert all(PIECES.unknown in caption.piece_ids_of(i) for i, w in enumerate(caption.words) if not w.readable)
    assert unread(caption.words) == ("The model's vocabulary does not hold “🔴” and “abcdefghijabcdefghijabcd…”: "
                                     "it sees [UNK] in their place.")
    assert unread(PIECES.caption("a dog").words) == ""


def test_hiding_covers_every_piece_of_the_word_and_nothing_else() -> None:
    caption = PIECES.caption("two skateboarders jump")
    hidden = caption.with_hidden([1], PIECES.mask)
    assert [i for i, (a, b) in enumerate(zip(hidden, caption.piece_ids, strict=True)) if a != b] == [2, 3, 4]
    with pytest.raises(MaskError, match="There is no word 3; the caption has 3"):
        caption.with_hidden([3], PIECES.mask)


def test_a_vocabulary_that_is_none_is_refused(tmp_path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\nhello\n")
    with pytest.raises(WeightsError, match=r"lacks \[UNK\]"):
        WordPieces(tmp_path / "vocab.txt")
    with pytest.raises(WeightsError, match="There is no vocabulary"):
        WordPieces(tmp_path / "other.txt")


def test_words_are_hidden_as_often_and_in_the_way_the_specification_says() -> None:
    caption = PIECES.caption("a skateboarder jumps over a long rail while people watch him")
    masking = WordMasking(0.15, 0.5, PIECES.mask, 30522)
    generator = torch.Generator().manual_seed(0)
    chosen = masked = kept = grounded = 0
    rounds = 4000
    for _ in range(rounds):
        hidden = masking(caption, {1}, generator)
        assert hidden.truth == [caption.piece_ids[p] for p in hidden.places]
        words = {i for i, w in enumerate(caption.words) if w.first in hidden.places}
        assert sorted(hidden.places) == sorted(caption.places(words))  # whole words only
        grounded += 1 in words
        for place in [caption.words[i].first for i in words]:
            chosen += 1
            masked += hidden.piece_ids[place] == PIECES.mask
            kept += hidden.piece_ids[place] == caption.piece_ids[place]
    assert abs(grounded / rounds - 0.5) < 0.03
    assert abs((chosen - grounded) / rounds / (len(caption.words) - 1) - 0.15) < 0.01
    assert abs(masked / chosen - 0.8) < 0.03 and abs(kept / chosen - 0.1) < 0.03


def test_regions_are_hidden_as_often_as_the_specification_says_and_never_region_0() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [RegionMasking(0.15, 0.9)(21, generator) for _ in range(1000)]
    asked, hidden = sum(len(d.asked) for d in drawn), sum(len(d.hidden) for d in drawn)
    assert abs(asked / 20_000 - 0.15) < 0.01 and abs(hidden / asked - 0.9) < 0.02
    assert all(0 not in d.asked and set(d.hidden) <= set(d.asked) for d in drawn)
