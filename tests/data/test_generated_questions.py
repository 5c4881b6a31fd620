"""Questions generated from captions and boxes, of hand-made photographs whose right answers are known."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Coverage
from engine.data.questions.asking import ask
from engine.data.questions.balancing import balanced, fewer, most_of
from engine.data.questions.captions import parse
from engine.data.questions.choosing import because, choice_questions, four_way, is_wrong
from engine.data.questions.facts import Facts
from engine.data.questions.grammar import FORMS, KINDS, GeneratedQuestion, scored
from engine.data.questions.reading import asked_about, open_questions, said
from engine.data.questions.words import canonical, plural_of, singular_of
from engine.data.questions.yes_no import yes_no
from tests.conftest import ROOT

PHOTO = ROOT / "assets" / "examples" / "dog.jpg"
ANIMALS_AND_CARS = frozenset(("dog", "cat", "car", "person"))


def photo(*captions, labels=(), covered=None, size=0.3, path=PHOTO):
    """A photo with these captions and one box of this width for each label."""
    boxes = tuple((0.0, 0.0, size, 0.5) for _ in labels)
    return AnnotatedPhoto(path, 640, 480, boxes, tuple(AnnotatedCaption(text, ()) for text in captions),
                          labels=tuple(labels), coverage=Coverage(covered or frozenset(labels) or None))


def facts(*captions, **more):
    return Facts.of(photo(*captions, **more))


def asked(*captions, template=None, **more):
    """By question the answers with their scores; of one template where it is named."""
    return {q.forms[0]: dict(q.answers) for q in ask(facts(*captions, **more)) if template in (None, q.template)}


def test_nouns_have_one_form_whatever_they_are_called():
    for word, one in {"dogs": "dog", "women": "woman", "knives": "knife", "buses": "bus", "ponies": "pony",
                      "glasses": "glasses", "shorts": "shorts", "people": "person", "skis": "ski"}.items():
        assert singular_of(word) == one
    for word, one in {"lady": "woman", "sofa": "couch", "skier": "person", "tennis player": "person", "puppy": "dog",
                      "soccer ball": "ball", "hot dog": "hot dog", "cell phone": "phone", "motorbike": "motorcycle",
                      "park bench": "bench", "tennis court": "tennis court", "surf board": "surfboard"}.items():
        assert canonical(word) == one
    for one, many in {"woman": "women", "person": "people", "bus": "buses", "child": "children", "sheep": "sheep",
                      "tennis racket": "tennis rackets", "computer mouse": "computer mice", "fry": "fries"}.items():
        assert plural_of(one) == many


@pytest.mark.parametrize(("text", "phrases"), [
    ("A black dog chases two brown and white cats .", [("dog", 1, ("black",)), ("cat", 2, ("brown", "white"))]),
    ("A group of men near several cars", [("group", 1, ()), ("man", None, ()), ("car", None, ())]),
    ("Two black and two white dogs are playing .", [("dog", None, ("white",))]),  # there are four of them
    ("An orange cat eats an orange .", [("cat", 1, ("orange",))]),
    ("The couple and a sheep look at three sheep .", [("person", None, ()), ("sheep", 1, ()), ("sheep", 3, ())])])
def test_noun_phrases_have_a_number_and_colours(text, phrases):
    assert [(p.noun, p.count, p.colours) for p in parse(text).phrases] == phrases


@pytest.mark.parametrize(("text", "clauses"), [
    ("A man in a red shirt is holding an umbrella .", [("man", "holding", "", "umbrella")]),
    ("Two boys run through the snow .", [("boy", "running", "through", "snow")]),
    ("A girl rides a horse while a man watches .", [("girl", "riding", "", "horse"), ("man", "watching", "", None)]),
    ("A person sits on a bench and reads a book .", [("person", "sitting", "on", "bench"),
                                                     ("person", "reading", "", "book")]),
    ("A man and a woman sit on a couch .", []),  # neither of them alone
    ("The swimming pool is next to a building .", []),
    ("A dog runs flurgingly past an undogly zorb wearing a hat .", [("dog", "running", "", None)])])
def test_clauses_say_who_does_what(text, clauses):
    found = [(c.subject.noun, c.verb, c.preposition, c.thing and c.thing.noun) for c in parse(text).clauses]
    assert [c for c in found if c[1] != "wearing"] == clauses


def test_a_phrase_beside_an_unknown_word_is_not_sure():
    assert [p.sure for p in parse("a brown dog zorb on a table").phrases] == [False, True]


def test_colours_are_asked_of_the_only_thing_on_which_no_caption_disagrees():
    assert asked("A brown dog runs .", "A dog runs .", template="colour") == {"what color is the dog": {"brown": 1.0}}
    assert asked("A white and black cat sleeps .", template="colour") == {
        "what color is the cat": {"black and white": 1.0}}
    assert asked("Two black dogs run .", "Two dogs run .", template="colour") == {
        "what color are the dogs": {"black": 1.0}}
    for captions in (["A brown dog runs .", "A black dog runs ."], ["A brown dog chases a dog ."],
                     ["A brown dog chases another dog ."], ["A brown dog .", "Two dogs ."], ["A white man stands ."],
                     ["The sky and an orange ."]):
        assert not asked(*captions, template="colour"), captions


def test_clothes_belong_to_the_only_person_who_can_be_meant():
    assert asked("A man in a red shirt sits .", template="clothes") == {"what color is the man's shirt": {"red": 1.0}}
    both = asked("A man in a red shirt talks to a woman in a blue dress .", template="clothes")
    assert both == {"what color is the man's shirt": {"red": 1.0}, "what color is the woman's dress": {"blue": 1.0}}
    forms = {q.forms for q in ask(facts("A man in a red shirt talks to a woman .")) if q.template == "clothes"}
    assert forms == {tuple(form.format("man's shirt") for form in FORMS["colour"])}  # never "the shirt" of two people
    assert not asked("Two men in red shirts .", "A man in a red shirt and another man .", template="clothes")
    assert "what color are the girl's shorts" in asked("A girl wearing blue shorts runs .", template="clothes")


def test_boxes_are_counted_only_where_a_class_is_annotated_completely_and_nothing_contradicts():
    three = {"labels": ["dog"] * 3}
    assert asked("Dogs run .", template="number", **three) == {"how many dogs are there": {"3": 1.0}}
    assert asked("Three dogs run .", template="number", **three) == {"how many dogs are there": {"3": 1.0}}
    assert not asked("Two dogs run .", template="number", **three)  # people and boxes disagree
    assert not asked("A group of dogs run .", template="number", **three)
    assert not asked("Dogs run .", "Two dogs run .", template="number", **three)
    assert not asked("Dogs run .", template="number", size=0.005, **three)  # too small to be seen
    detected = AnnotatedPhoto(PHOTO, 9, 9, ((0, 0, 1, 1),) * 2, (), labels=("dog", "dog"),
                              coverage=Coverage(frozenset(("dog",)), complete=False))
    assert not [q for q in ask(Facts.of(detected)) if q.kind == "number"]


def test_captions_are_counted_where_two_agree_and_none_leaves_it_open():
    assert asked("Two dogs run .", "Two brown dogs .", "A dog .", template="number") == {
        "how many dogs are there": {"2": 1.0}}
    people = asked("A man and a woman sit .", "Two people sit .", template="number")
    assert people == {"how many people are there": {"2": 1.0}}
    assert not asked("Two dogs run .", "A dog runs .", template="number")
    assert not asked("Two dogs run .", "Two dogs .", "Several dogs .", template="number")
    assert not asked("Two dogs run .", "Two dogs .", "Three dogs .", template="number")


def test_actions_gather_what_all_captions_say_of_the_one_subject():
    found = asked("A man is riding a wave .", "A surfer rides a surfboard .", "A man is standing .", template="doing")
    assert found == {"what is the man doing": {"surfing": 1.0, "standing": 0.67}}
    assert asked("Two dogs play in the snow .", template="doing") == {"what are the dogs doing": {"playing": 1.0}}
    assert not asked("A dog runs after another dog .", template="doing")
    assert not asked("A man is wearing a hat .", template="doing")
    assert not asked("Two girls hold a card reading 'yes' .", template="doing")
    dog = ("A dog catches a tennis ball .", "A dog with a tennis ball .")
    assert not asked(*dog, template="sport") and asked("Tennis .", "A tennis match .", template="sport")
    assert asked("A boy plays a game of tennis .", template="doing") == {
        "what is the boy doing": {"playing tennis": 1.0}}


def test_things_and_places_are_answers():
    captions = ("A woman holds an umbrella on the beach .", "A lady with an umbrella stands on a sandy beach .")
    found = asked(*captions)
    assert found["what is the woman holding"] == {"umbrella": 1.0}
    assert found["where is this"] == {"beach": 1.0, "sand": 0.67}
    assert found["who is holding the umbrella"] == {"woman": 1.0}
    assert asked("A cat lies on a couch .", template="where") == {"where is the cat": {"couch": 1.0}}
    assert asked("A laptop and a cup are on a desk .", "A laptop on a desk .", template="on what")
    assert asked("A dog runs with a stick in its mouth .", template="in mouth") == {
        "what is in the dog's mouth": {"stick": 1.0}}
    assert not asked("A girl slides down a bar .", template="place")  # no place to be in
    assert asked("A man cooks in a kitchen .", template="room") == {"what room is this": {"kitchen": 1.0}}


def test_no_answer_stands_in_its_question():
    for captions in (["A boy holds a boy ."], ["Food is on a table with food ."], ["A cat on a cat tree ."]):
        for q in ask(facts(*captions)):
            assert not any(set(answer.split()) & set(form.split()) for answer in q.answers for form in q.forms)


def test_scores_fall_with_how_few_say_it():
    votes = {"a": [0, 1, 2], "b": [3], "c": [4]}
    assert scored(votes) == {"a": 1.0, "b": 0.4, "c": 0.4}  # at least half of all captions: 1; one of five: 2/5
    assert scored({"x": [0], "y": [1]}) == {"x": 1.0, "y": 1.0}


WORLD = [photo("A brown dog runs in the grass .", "A dog .", labels=["dog", "person"], covered=ANIMALS_AND_CARS),
         photo("A black cat is on a couch .", "A cat .", labels=["cat", "person"], covered=ANIMALS_AND_CARS),
         photo("A black dog sleeps on a bed .", "A dog .", labels=["dog"], covered=ANIMALS_AND_CARS),
         photo("An animal next to a vehicle .", labels=["person"], covered=ANIMALS_AND_CARS)]


def test_no_is_said_only_of_what_neither_boxes_nor_captions_show():
    photos = [Facts.of(own) for own in WORLD]
    for seed in range(20):
        found = yes_no(photos, [ask(own) for own in photos], random.Random(seed))
        there = {(number, q.about): q.best for number, own in enumerate(found) for q in own if q.template == "exists"}
        assert there[0, "dog"] == there[2, "dog"] == there[1, "cat"] == "yes"
        assert (3, "dog") not in there and (3, "cat") not in there  # the animal may be one
        assert (3, "car") not in there  # "vehicle" may be one
        assert all(there.get(never, "no") == "no" for never in [(1, "dog"), (0, "cat")])
        colours = {(number, q.forms[0]): q.best for number, own in enumerate(found) for q in own
                   if q.template == "colour?"}
        for (number, form), answer in colours.items():
            assert answer == ("yes" if (number, form) in [(0, "is the dog brown"), (1, "is the cat black"),
                                                          (2, "is the dog black")] else "no")


def test_a_colour_near_the_true_one_is_no_wrong_one():
    dogs = [facts(f"A {colour} dog .") for colour in ("brown", "tan", "black", "white")]
    found = [yes_no(dogs, [ask(own) for own in dogs], random.Random(seed)) for seed in range(40)]
    said_no = {q.forms[0] for world in found for q in world[0] if q.template == "colour?" and q.best == "no"}
    assert said_no == {"is the dog black", "is the dog white"}  # never tan, of a brown one


def test_balancing_leaves_no_answer_more_than_its_share():
    assert most_of([1000, 10, 10, 10, 10], 0.35) == 21  # 21 / (21 + 40) = 0.344; 22 would be 0.355
    assert most_of([90, 5], 0.35) == 5 and most_of([7], 0.35) == 0
    many = [(i, GeneratedQuestion("colour", "colour", "sky", ("x",), {"blue": 1.0})) for i in range(60)]
    many += [(i, GeneratedQuestion("colour", "colour", "dog", ("x",), {colour: 1.0})) for i in range(60)
             for colour in ("brown", "black", "white")]
    many += [(i, GeneratedQuestion("colour", "colour", "bus", ("x",), {("red", "blue")[i % 10 == 0]: 1.0}))
             for i in range(60)]
    kept = Counter((q.about, q.best) for _, q in balanced(many, random.Random(0)))
    assert not any(about == "sky" for about, _ in kept)  # the words alone tell its colour
    assert kept["bus", "red"] == kept["bus", "blue"] == 6
    assert len({kept["dog", colour] for colour in ("brown", "black", "white")}) == 1
    places = fewer([number for number, _ in many], ["colour"] * len(many), 2, random.Random(0))
    assert Counter(many[place][0] for place in places) == dict.fromkeys(range(60), 2)


def test_the_same_seed_asks_the_same_in_the_words_of_people():
    paths = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
    world = [replace(own, path=path) for own, path in zip(WORLD * 2, paths, strict=True)]
    first, again = open_questions(world, seed=3), open_questions(world, seed=3)
    assert first.questions == again.questions != open_questions(world, seed=4).questions
    assert {q.kind for q in first.questions} <= set(KINDS) and not first.pictures[0].boxes
    assert open_questions(world, limit=1, seed=3).questions == tuple(q for q in first.questions if q.picture == 0)
    forms = tuple(form.format("dog") for form in FORMS["colour"])
    question = GeneratedQuestion("colour", "colour", "dog", forms, {"red": 1.0})
    ways = {said(question, random.Random(seed)) for seed in range(200)}
    assert {"what color is the dog", "What colour is the dog?"} <= ways and any(way.isupper() for way in ways)


def test_words_alone_tell_little_of_the_answers():
    """With the words of the question, nothing but the most frequent answer of other photographs can be said."""
    world = [facts(f"A {colour} {thing} .", f"A {thing} stands in the {place} .")
             for colour in ("black", "brown", "white", "red") for thing in ("dog", "horse", "cow")
             for place in ("snow", "grass", "field", "street") for _ in range(1 + 4 * (colour == "brown"))]
    kept = [q for _, q in asked_about(world)]
    for template in ("colour", "where"):
        by_words: dict[str, Counter] = {}
        for q in (q for q in kept if q.template == template):
            by_words.setdefault(q.about, Counter())[q.best] += 1
        assert by_words and all(max(own.values()) <= 0.5 * sum(own.values()) for own in by_words.values())


MORE = ("sled", "sink", "bus", "boat", "bench", "kite", "clock")


def test_wrong_choices_are_right_elsewhere_and_never_here():
    things = [(colour, thing, place) for colour in ("black", "brown", "white", "red", "green")
              for thing in ("dog", "horse", "cow") for place in ("snow", "kitchen", "street", "ocean")]
    world = [facts(f"A {colour} {thing} stands in the {place} near a {MORE[i % 7]} .", f"A {thing} .")
             for i, (colour, thing, place) in enumerate(things)]
    found = four_way(world, random.Random(0))
    assert {q.template for _, q, _, _ in found} >= {"colour", "where", "place"}
    right, offered = Counter(), Counter()
    for number, q, answers, rationales in found:
        assert len(set(answers)) == len(set(rationales)) == 4 and answers[0] == q.best
        assert not any(is_wrong(q, answer, world[number]) for answer in q.answers)
        assert all(is_wrong(q, answer, world[number]) for answer in answers[1:])
        own = {because(world[number].captions[place]) for place in q.shown}
        assert rationales[0] in own and not own & set(rationales[1:])
        assert all(q.best in rationale.split() for rationale in rationales)  # the answer tells nothing of the rationale
        right[q.template, q.about, q.best] += 1
        offered.update((q.template, q.about, answer) for answer in answers)
    assert all(3 * count <= offered[key] + 2 for key, count in right.items())


def test_places_that_go_together_and_people_who_may_be_one_are_no_wrong_choices():
    beach = facts("A man stands on the beach .", "A person on a beach near a pier .")
    where = next(q for q in ask(beach) if q.template == "place")
    assert [is_wrong(where, place, beach) for place in ("beach", "sand", "ocean", "pier", "kitchen")] == [
        False, False, False, False, True]
    riding = facts("A man rides a horse .")
    who = next(q for q in ask(riding) if q.template == "who riding")
    assert [is_wrong(who, noun, riding) for noun in ("woman", "boy", "person", "child")] == [True, True, False, False]


def test_four_way_questions_are_read_with_the_right_choice_in_any_place():
    paths = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
    world = [photo(f"A {thing} stands in the {place} near a {MORE[i % 7]} .", path=paths[i % 8])
             for i, (thing, place) in enumerate([(thing, place) for thing in ("dog", "horse") for place in (
                 "snow", "kitchen", "street", "ocean")] * 5)]
    data = choice_questions(world, seed=1)
    assert data.questions == choice_questions(world, seed=1).questions and len(data.pictures) <= 8
    assert len({q.answer for q in data.questions}) > 1 and len({q.rationale for q in data.questions}) > 1
    for q in data.questions:
        assert not any(tag for text in (q.question, *q.answers, *q.rationales) for tag in text.tags)
        assert q.rationales[q.rationale].words[0] == "because" and q.question.words[-1] == "?"
