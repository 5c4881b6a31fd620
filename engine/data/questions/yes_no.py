"""Questions with yes or no, of which the words alone tell neither.

"No" is right only where it is sure: of a thing that has no box in a data set that annotates its class completely and
that no caption may name, or of another colour, number, action or place than the captions give. The thing or value is
one that other photographs with such captions or boxes do show.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from engine.data.questions import words as lexicon
from engine.data.questions.facts import Facts
from engine.data.questions.grammar import FORMS, GeneratedQuestion, a
from engine.data.questions.words import plural_of

# Things that captions name wherever they are seen: their absence is sure without boxes.
SALIENT = frozenset("dog cat horse cow elephant bicycle motorcycle boat train frisbee skateboard surfboard snowboard "
                    "guitar kite sled tent".split())
NEAR_COLOURS = ({"brown", "tan", "gold", "orange", "red"}, {"gray", "silver", "white"}, {"gray", "black", "silver"},
                {"yellow", "gold", "tan"}, {"pink", "purple", "red"}, {"black", "blue"}, {"white", "tan"})
# Actions that one body can do at once, or that captions call by either name.
TOGETHER = (
    {"standing", "eating", "playing tennis", "surfing", "skiing", "skateboarding", "snowboarding", "walking",
     "climbing"},
    {"sitting", "eating", "riding bike", "riding horse", "sleeping"}, {"skiing", "snowboarding"},
    {"running", "jumping", "playing tennis", "walking", "climbing"}, {"swimming", "surfing", "jumping", "running"},
    {"jumping", "skateboarding", "snowboarding", "skiing", "surfing", "riding bike", "riding horse"},
    {"walking", "eating", "climbing", "riding horse"}, {"running", "riding horse"})
VALUED = {"colour": "is the {about} {value}", "doing": "is the {about} {value}",
          "number": "are there {value} {plural}", "room": "is this {a_value}"}


def yes_no(photos: Sequence[Facts], asked: Sequence[Sequence[GeneratedQuestion]],
           rng: random.Random) -> list[list[GeneratedQuestion]]:
    """Ask of every photograph whether things are there, and whether what it shows is so.

    Args:
        photos: of one data set
        asked: the other questions about each
        rng: draws the things and values

    Returns:
        The questions about each photograph.
    """
    found: list[list[GeneratedQuestion]] = [[] for _ in photos]
    for number, question in (*_existing(photos, rng), *_valued(asked, rng), *_outdoors(asked)):
        found[number].append(question)
    return found


def _existing(photos: Sequence[Facts], rng: random.Random) -> Iterable[tuple[int, GeneratedQuestion]]:
    """Of each thing as many photographs without it as with it, above all those that show what occurs with it."""
    there = [_present(facts) for facts in photos]
    total = Counter(noun for own in there for noun in own)
    together = Counter((noun, other) for own in there for noun in sorted(own) for other in sorted(own) if noun != other)
    for noun in sorted(total):
        with_it = [i for i, own in enumerate(there) if noun in own]
        without = [i for i, facts in enumerate(photos)
                   if (noun in facts.complete or noun in SALIENT) and facts.absent(noun)]
        weights = [sum(together[other, noun] / total[other] for other in there[i]) / (1 + len(there[i])) + 1e-4
                   for i in without]
        drawn = sorted(zip((rng.random() ** (1 / w) for w in weights), without, strict=True), reverse=True)
        for i in with_it:
            yield i, _exists(noun, "yes", photos[i])
        for _, i in drawn[:len(with_it)]:
            yield i, _exists(noun, "no", photos[i])


def _present(facts: Facts) -> frozenset[str]:
    """Things that are surely seen: annotated with a large box, or salient and in a phrase."""
    boxed = facts.large & facts.complete - lexicon.UNSEEN
    said = {p.noun for c in facts.captions for p in c.phrases if p.sure and p.noun in SALIENT}
    return frozenset(boxed | said)


def _exists(noun: str, answer: str, facts: Facts) -> GeneratedQuestion:
    shown = tuple(i for i, c in enumerate(facts.captions) if noun in {p.noun for p in c.phrases})
    said = lexicon.SAID.get(noun, noun)
    forms = tuple(form.format(a(said), plural_of(said)) for form in FORMS["exists"]
                  if "{1}" not in form or noun not in lexicon.MASS)
    return GeneratedQuestion("yes/no", "exists", noun, forms, {answer: 1.0}, shown)


def _valued(asked: Sequence[Sequence[GeneratedQuestion]],
            rng: random.Random) -> Iterable[tuple[int, GeneratedQuestion]]:
    """Whether a thing has a colour, somebody does something, there are so many, it is such a room."""
    usual: dict[tuple[str, str], Counter[str]] = {}
    for own in asked:
        for q in own:
            usual.setdefault((q.template, q.about), Counter())[q.best] += 1
    for number, own in enumerate(asked):
        for q in own:
            if q.template not in VALUED or _plural(q):
                continue
            other = [v for v in sorted(usual[q.template, q.about]) if _excluded(q, v)]
            answer = "no" if other and rng.random() < 0.5 else "yes"
            weights = [usual[q.template, q.about][v] for v in other]
            value = rng.choices(other, weights)[0] if answer == "no" else q.best
            if _sayable(q, value):
                yield number, _asked(q, value, answer)


def _plural(q: GeneratedQuestion) -> bool:
    """Whether a question is about several things, which "is the" does not fit."""
    return q.template in ("colour", "doing") and " are " in q.forms[0]


def _sayable(q: GeneratedQuestion, value: str) -> bool:
    if q.template == "doing":
        return value in lexicon.STILL
    return q.template != "number" or int(value) > 1


def _excluded(q: GeneratedQuestion, value: str) -> bool:
    """Whether this other value surely does not hold."""
    if value in q.answers:
        return False
    if q.template == "colour":
        return other_colour(q, value)
    return q.template != "doing" or other_action(q, value)


def other_colour(q: GeneratedQuestion, value: str) -> bool:
    """Whether a colour is another one than the right ones, and none that people might call them."""
    own = {word for answer in q.answers for word in answer.split(" and ")}
    new = set(value.split(" and "))
    return not own & new and not any(own & near and new & near for near in NEAR_COLOURS)


def other_action(q: GeneratedQuestion, value: str) -> bool:
    """Whether an action excludes the right ones."""
    return value in lexicon.STILL and all(
        answer in lexicon.STILL and not any({answer, value} <= pair for pair in TOGETHER) for answer in q.answers)


def _asked(q: GeneratedQuestion, value: str, answer: str) -> GeneratedQuestion:
    words = {str(number): word for word, number in lexicon.NUMBERS.items()}
    shown = lexicon.IN_A_QUESTION.get(value, words.get(value, value))
    form = VALUED[q.template].format(about=q.about, value=shown, plural=plural_of(q.about or "thing"),
                                     a_value=a(value))
    forms = (form,) if q.template != "doing" else (form, form.replace("is the", "is this", 1))
    return GeneratedQuestion("yes/no", f"{q.template}?", f"{q.about} {value}", forms, {answer: 1.0},
                 q.shown if answer == "yes" else ())


def _outdoors(asked: Sequence[Sequence[GeneratedQuestion]]) -> Iterable[tuple[int, GeneratedQuestion]]:
    """Whether a photograph was taken outdoors, where every place that its captions name is of one kind."""
    for number, own in enumerate(asked):
        for q in own:
            if q.template != "place":
                continue
            inside, outside = set(q.answers) <= lexicon.INDOORS, set(q.answers) <= lexicon.OUTDOORS
            if inside or outside:
                for place, right in (("outdoors", outside), ("indoors", not outside)):
                    yield number, GeneratedQuestion("yes/no", place, "", FORMS[place], {"yes" if right else "no": 1.0},
                                                    q.shown)
