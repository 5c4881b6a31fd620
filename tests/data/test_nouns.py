"""How people's phrases become region classes."""

from collections import Counter
from dataclasses import replace
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


def labelled(label: str, *phrases: str) -> AnnotatedPhoto:
    """One box with a label of COCO, named by these phrases."""
    return replace(photo(*phrases) if phrases else AnnotatedPhoto(Path("x.jpg"), 10, 10, ((0.0, 0.0, 0.5, 0.5),), ()),
                   labels=(label,))


def test_a_label_is_the_class_of_its_box_under_the_noun_that_people_use() -> None:
    people = replace(photo("a man"), captions=(AnnotatedCaption("a man", (Phrase("a man", 0, 5, ("people",), (0,)),)),))
    photos = [people, labelled("person"), labelled("dining table"), labelled("hot dog", "two hot dogs"), photo("a dog")]
    classes = RegionClasses.from_photos(photos, 10)
    assert sorted(classes.names) == ["background", "dog", "hot dog", "man", "person", "table"]
    name = classes.names
    assert name[classes.label(labelled("dining table", "a dog"), 0)] == "table"  # a phrase that contradicts the label
    assert name[classes.label(replace(people, labels=("person",)), 0)] == "man"  # a phrase that agrees with it
    assert name[classes.index("the hot dogs")] == "hot dog" and name[classes.index("a table")] == "table"
    assert [name[i] for i in classes.allowed("person")] == ["person", "man"]
    assert classes.allowed("zebra") == [] == classes.allowed("")


def test_without_labels_a_class_is_named_by_one_word_as_in_the_shipped_weights() -> None:
    assert (head_noun("two hot dogs"), head_noun("two hot dogs", ["hot dog"])) == ("dogs", "hot dog")
    classes = RegionClasses.from_photos([photo("a stop sign"), photo("a tennis racket", "a racket")], 5)
    assert classes.names == ("background", "racket", "sign")
    assert classes.names[classes.index("the traffic sign")] == classes.names[classes.index("a stop sign")] == "sign"


def test_every_label_is_a_class_before_the_most_frequent_nouns() -> None:
    photos = [photo("a hat"), photo("a hat"), photo("a shirt"), labelled("toaster")]
    assert set(RegionClasses.from_photos(photos, 3).names) == {"background", "hat", "toaster"}
    few = RegionClasses.from_photos([labelled("person"), labelled("person"), labelled("dog")], 2)
    assert few.names == ("background", "person") and few.allowed("person") == [1]
    assert few.allowed("dog") == [] and few.index("a dog") is None


def test_phrases_count_for_a_labelled_box_only_where_its_label_allows_them() -> None:
    classes = RegionClasses(("background", "person", "man", "hat"), {n: n for n in ("person", "man", "hat")},
                            {"person": ("man",)})
    assert classes.counts(labelled("person", "a man", "a hat"), 0) == {2: 1}
    assert classes.counts(labelled("unknown", "a man", "a hat"), 0) == {2: 1, 3: 1}


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
