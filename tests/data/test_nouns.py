"""How people's phrases become region classes."""

from collections import Counter
from pathlib import Path

import pytest

from engine.data.attributes import describing_words
from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Phrase, read
from engine.data.nouns import RegionClasses, head_noun, singular
from engine.errors import DataError


def photo(*phrases: str, boxes: int = 1) -> AnnotatedPhoto:
    """One box that every phrase names, one caption a phrase."""
    captions = tuple(AnnotatedCaption(p, (Phrase(p, 0, len(p), ("other",), tuple(range(boxes))),)) for p in phrases)
    return AnnotatedPhoto(Path("x.jpg"), 10, 10, ((0.0, 0.0, 0.5, 0.5),) * boxes, captions)


@pytest.mark.parametrize(("phrase", "noun"), [
    ("a black dog", "dog"), ("Two Dogs", "dogs"), ("the man 's hat", "hat"), ("a girl's", "girl"),
    ("a t-shirt", "t-shirt"),
    ("black", None), ("two others", None), ("something", None), ("", None), ("!", None)])
def test_the_head_noun_is_the_last_word_unless_it_names_no_object(phrase: str, noun: str | None) -> None:
    assert head_noun(phrase) == noun


@pytest.mark.parametrize(("plural", "one"), [
    ("dogs", "dog"), ("men", "man"), ("children", "child"), ("people", "person"), ("dresses", "dress"),
    ("benches", "bench"),
    ("puppies", "puppy"), ("glasses", "glasses"), ("shorts", "shorts"), ("grass", "grass"), ("zorps", "zorps")])
def test_singular_and_plural_are_one_where_they_mean_one_thing(plural: str, one: str) -> None:
    known = Counter({"dog": 3, "bench": 1, "dress": 1, "glass": 1, "short": 1, "gras": 1})
    assert singular(plural, known) == one


def test_classes_come_by_frequency_after_the_background() -> None:
    photos = [photo("a dog", "two dogs"), photo("the dogs"), photo("a red ball"), photo("black")]
    classes = RegionClasses.from_photos(photos, 3)
    assert classes.names == ("background", "dog", "ball")
    assert classes.index("three small dogs") == 1 and classes.index("a cat") is None and classes.index("red") is None


def test_the_label_is_the_most_frequent_name_and_the_earliest_of_equals() -> None:
    classes = RegionClasses.from_photos([photo("a man", "a player", "a man"), photo("a player")], 3)
    name = classes.names
    assert name[classes.label(photo("a player", "a man"), 0)] == "player"
    assert name[classes.label(photo("a player", "a man", "the man"), 0)] == "man"
    assert classes.label(photo("a zebra"), 0) is None


def test_describing_words_leave_out_the_noun_and_the_small_words() -> None:
    assert describing_words("The two small brown dogs") == ["small", "brown"]


def test_a_broken_line_is_named_by_its_number(tmp_path) -> None:
    with pytest.raises(DataError, match=r"must hold entities_dev\.jsonl"):
        read(tmp_path, "dev")
    good = '{"image": "a.jpg", "width": 4, "height": 3, "boxes": [], "captions": []}'
    (tmp_path / "entities_dev.jsonl").write_text(f"{good}\n{{broken\n")
    with pytest.raises(DataError, match=r"Line 2 of .* is broken"):
        read(tmp_path, "dev")
    (tmp_path / "entities_dev.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no photo"):
        read(tmp_path, "dev")
