"""Hard negatives: each change makes the caption wrong for its photo, and leaves the rest as it is."""

from pathlib import Path

import torch

from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Phrase
from engine.data.grounded_captions import grounded_captions
from engine.data.hard_captions import HardCaptions
from engine.data.masking import WordMasking
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.data.word_kinds import kind_of
from tests.conftest import ROOT

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")
FIRST = "A black dog is running on a beach with two red balls ."
OTHERS = ("An orange cat sits under a table .", "three men are walking in a park .", "a white umbrella near a house .")


def photo(text: str, *nouns: str) -> AnnotatedPhoto:
    phrases = tuple(Phrase(noun, text.index(noun), text.index(noun) + len(noun), ("other",), (i,))
                    for i, noun in enumerate(nouns))
    boxes = tuple((0.1 * i, 0.0, 0.1 * i + 0.1, 1.0) for i in range(len(nouns)))
    return AnnotatedPhoto(Path("x.jpg"), 10, 10, boxes, (AnnotatedCaption(text, phrases),))


PHOTOS = [photo(FIRST, "black dog", "beach", "red balls"), photo(OTHERS[0], "cat", "table"),
          photo(OTHERS[1], "men", "park"), photo(OTHERS[2], "umbrella", "house")]
CAPTIONS = grounded_captions(PHOTOS, PIECES)
HARD = HardCaptions(PHOTOS, CAPTIONS, RegionClasses.from_photos(PHOTOS, 20))


def test_every_change_is_one_of_the_kinds_and_draws_its_word_from_the_captions() -> None:
    changed = {HARD.changed(CAPTIONS[0], torch.Generator().manual_seed(i)) for i in range(300)}
    assert FIRST not in changed and None not in changed
    expected = {  # a noun, another kind of word, an exchange, a colour that is added; with the article that fits
        FIRST.replace("dog", "cat"), FIRST.replace("beach", "table"), FIRST.replace("a beach", "an umbrella"),
        FIRST.replace("two", "three"), FIRST.replace("running", "walking"), FIRST.replace(" on ", " under "),
        FIRST.replace("A black", "An orange"), FIRST.replace("red", "white"),
        FIRST.replace("dog", "beach_").replace("a beach ", "a dog ").replace("beach_", "beach"),
        FIRST.replace("black", "red_").replace("red ", "black ").replace("red_", "red"),
        FIRST.replace("a beach", "an orange beach"), FIRST.replace("a beach", "a white beach")}
    assert expected <= changed
    words = {word for text in (FIRST, *OTHERS) for word in text.lower().split()}
    assert all({*text.lower().split()} <= words for text in changed)


def test_no_change_names_what_another_caption_of_the_photo_says() -> None:
    people = AnnotatedPhoto(Path("y.jpg"), 10, 10, ((0, 0, 1, 1),), (
        PHOTOS[2].captions[0], AnnotatedCaption("several gentlemen and a cat walking near a table", ())))
    photos = [*PHOTOS, people]
    captions = grounded_captions(photos, PIECES)
    hard = HardCaptions(photos, captions, RegionClasses.from_photos(photos, 20))
    own = next(c for c in captions if c.photo == 4)
    changed = [hard.changed(own, torch.Generator().manual_seed(i)) for i in range(200)]
    assert changed and not any(word in text.split() for text in changed for word in ("cat", "table", "near", "several"))


def test_a_caption_in_which_nothing_can_change_has_no_negative() -> None:
    alone = photo("hello there", )
    captions = grounded_captions([alone], PIECES)
    hard = HardCaptions([alone], captions, RegionClasses.from_photos(PHOTOS, 5))
    assert hard.changed(captions[0], torch.Generator().manual_seed(0)) is None


def test_words_whose_truth_the_picture_shows_are_masked_more_often() -> None:
    assert [kind_of(w) for w in ("Red", "two", "running", "under", "building", "king", "dog")] == [
        "colour", "number", "action", "place", None, None, None]
    masking = WordMasking(0.1, 0.0, PIECES.mask, 30522, described_probability=0.6)
    caption = CAPTIONS[0].caption
    chosen = torch.zeros(len(caption.words))
    for seed in range(400):
        places = masking(caption, (), torch.Generator().manual_seed(seed)).places
        chosen += torch.tensor([float(word.first in places) for word in caption.words])
    for word, times in zip(caption.words, chosen.tolist(), strict=True):
        described = word.text in ("black", "running", "two", "red")
        assert abs(times / 400 - (0.6 if described else 0.1)) < 0.08, word.text
