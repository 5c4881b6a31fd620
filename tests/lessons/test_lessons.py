"""Every claim that a lesson makes holds for the shipped model, and a lesson that makes no sense is refused."""

import dataclasses

import pytest

from engine.errors import DataError
from engine.structures.photo import Photo
from studio.examples import all_examples
from studio.lessons.facts import facts
from studio.lessons.lesson import Choice, Condition, Lesson, Scene, all_lessons

STEPS = [pytest.param(step, id=f"{lesson.name}, step {number}")
         for lesson in all_lessons() for number, step in enumerate(lesson.steps, start=1)]
WHY = ("attention", "leave_one_out")


@pytest.fixture(scope="module")
def seen(predictor):
    """seen(scene): the photo with the scene's boxes, looked at once for each set of them."""
    kept = {}

    def look(scene: Scene):
        key = (scene.example, scene.boxes, scene.reversed)
        if key not in kept:
            photo = Photo.open(all_examples()[scene.example].read())
            boxes = scene.boxes or None
            if scene.reversed:
                boxes = predictor.see(photo).boxes.fractions.tolist()[:0:-1]
            kept[key] = predictor.see(photo, boxes)
        return kept[key]
    return look


def answered(predictor, seen, name: str, scene: Scene) -> dict:
    """Everything that the scene says, as the page would learn it."""
    found = [word.text for word in predictor.words(scene.caption)]
    words = [found.index(word) for word in scene.words]
    told = {}
    for masking in ("feature", "pixels") if scene.regions else ("feature",):
        told |= facts(name, predictor.ask(seen(scene), scene.caption, words, scene.regions, masking))
    if scene.why:
        told |= why(predictor, seen(scene), name, scene.caption, words[0])
    return told


def why(predictor, seen, name: str, caption: str, word: int) -> dict:
    from engine.explain.explainer import Explainer
    from engine.explain.question import Asked, Question

    explainer, question, asked = Explainer(predictor), Question(caption, (word,), ()), Asked("word", word)
    told = {}
    for method in WHY:
        proof = explainer.prove(seen, question, asked, explainer.attribute(seen, question, asked, method))
        told |= {f"{name}.why.{method}.agreement": proof.rank_correlation,
                 f"{name}.why.{method}.area": proof.deletion.area}
    return told


@pytest.mark.parametrize("step", STEPS)
def test_what_a_lesson_claims_comes_true_with_the_shipped_model(predictor, seen, step) -> None:
    told = answered(predictor, seen, "before", step.before) | answered(predictor, seen, "after", step.after)
    assert step.choices[step.outcome(told)].text == step.choices[step.expected].text, told
    names = [part.split("}")[0] for part in step.reveal.split("{")[1:]]
    assert names and set(names) <= set(told)  # the reveal is told by the model
    assert not any(character.isdigit() for character in step.reveal)  # and by no stored figure


@pytest.mark.parametrize("step", [s for s in STEPS if s.values[0].after.regions])
def test_where_a_region_is_hidden_the_detectors_label_is_the_thing_that_the_lesson_names(predictor, seen, step) -> None:
    named = " ".join((*step.text, step.question, step.reveal)).lower()
    for region in step.after.regions:
        assert seen(step.after).labels[region] in named


def test_there_are_eight_lessons_each_under_five_minutes_on_examples_that_exist() -> None:
    lessons = all_lessons()
    assert len(lessons) == 8 and all(lesson.minutes < 5 for lesson in lessons)
    for lesson in lessons:
        assert Lesson.from_json(lesson.name, lesson.to_json()) == lesson
        for step in lesson.steps:
            read = " ".join((*step.text, step.question, step.reveal, *(c.text for c in step.choices))).split()
            assert len(read) < 180, step.question  # at 150 words a minute, three steps and their answers fit
            assert all(0 <= s.example < len(all_examples()) for s in (step.before, step.after))
            assert step.after.words or step.after.regions


@pytest.mark.parametrize(("change", "sentence"), [
    ({"expected": 3}, "3 choices and expects number 3"),
    ({"choices": (Choice("one"),)}, "1 choices"),
    ({"choices": (Choice("one"), Choice("two"))}, "every choice but the last needs a condition"),
])
def test_a_step_that_makes_no_sense_is_refused(change, sentence) -> None:
    with pytest.raises(DataError, match=sentence):
        dataclasses.replace(all_lessons()[0].steps[0], **change)


def test_a_condition_compares_facts_and_refuses_those_that_no_scene_gives() -> None:
    told = {"a": 0.2, "b": 0.5, "c": "dog"}
    assert Condition("a", "<", "b", 0.5).holds(told) and not Condition("a", "<", "b", 0.3).holds(told)
    assert Condition("b", ">", "", 0.4).holds(told) and not Condition("b", ">", "", 0.6).holds(told)
    assert Condition("c", "is", "dog").holds(told) and not Condition("c", "is", "cat").holds(told)
    with pytest.raises(DataError, match="The scenes give no z; there are a, b, c"):
        Condition("z", "<").holds(told)
    with pytest.raises(DataError, match="by <, > or is"):
        Condition("a", "=")
