"""Questions about photographs with four answers and four rationales, of which the words alone favour none.

Wrong answers are right ones to the same question about other photographs, drawn as often as they are right there. Wrong
rationales are captions of other photographs that show the same answer.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.data.album import Album
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.lines import BROKEN, reason
from engine.data.questions import words as lexicon
from engine.data.questions.asking import ask
from engine.data.questions.balancing import Numbered, fewer
from engine.data.questions.captions import Caption
from engine.data.questions.facts import Facts
from engine.data.questions.grammar import GeneratedQuestion
from engine.data.questions.reading import MOST_OF_KIND, SEED
from engine.data.questions.yes_no import other_action, other_colour
from engine.structures.questions import CHOICES, ChoiceQuestion, DataSet, Skipped, TaggedText

# Places that one photograph may show together, or that people call by either name.
NEAR_PLACES = (
    {"grass", "field", "park", "yard", "garden", "forest", "path", "dirt", "hill", "mountain", "playground", "mud",
     "zoo", "stream", "soccer field", "baseball field", "football field", "cliff", "desert", "sand"},
    {"street", "sidewalk", "city", "parking lot", "market", "path", "subway", "train station", "station",
     "train tracks"},
    {"beach", "ocean", "water", "sand", "lake", "river", "pool", "pond", "stream", "puddle", "pier", "dock", "cliff",
     "mud"},
    {"snow", "mountain", "hill", "slope", "forest", "field", "cliff"}, {"court", "tennis court", "gym", "playground"},
    {"restaurant", "bar", "store", "shop", "kitchen", "market"}, {"living room", "office", "bedroom", "library"},
    {"stage", "bar", "restaurant", "court"}, {"park", "playground", "skate park", "sidewalk", "street", "city", "zoo"})
GROWN = ("man", "woman", "boy", "girl", "baby")  # no one of them is a kind of another
# Photograph, question, answers and rationales, the right ones first.
Four = tuple[int, GeneratedQuestion, list[str], list[str]]


def choice_questions(photos: Sequence[AnnotatedPhoto], limit: int | None = None,
                     seed: int = SEED) -> DataSet[ChoiceQuestion]:
    """Generate four-way questions about annotated photographs.

    Args:
        photos: with captions; maybe with labelled boxes
        limit: if given, only the questions about so many of the first photos
        seed: of every random choice

    Returns:
        The questions; no word names a region, and the pictures have no boxes.

    Raises:
        DataError: nothing can be asked.
    """
    facts, rng = [Facts.of(photo) for photo in photos], random.Random(seed)
    album, skipped = Album(), Skipped()
    usable: list[ChoiceQuestion] = []
    for number, question, answers, rationales in four_way(facts, rng):
        if limit is not None and number >= limit:
            break
        try:
            usable.append(_question(album.number(photos[number].path), question, answers, rationales, rng))
        except BROKEN as error:
            skipped.add(f"{Path(photos[number].path).name}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped)


def four_way(facts: Sequence[Facts], rng: random.Random) -> list[Four]:
    """Ask about photographs with wrong answers and rationales beside the right ones.

    Args:
        facts: of each photograph
        rng: draws what is wrong

    Returns:
        Of each question for which enough was found: the photograph's number, the question, four answers and four
        rationales, the right one first.
    """
    usual: dict[tuple[str, str], Counter[str]] = {}
    showing: dict[tuple[str, str, str], list[Numbered]] = {}
    open_ended = [(number, q) for number, own in enumerate(facts) for q in ask(own) if q.shown]
    for number, q in open_ended:
        for group in ((q.template, q.about), (q.template, "")):
            usual.setdefault(group, Counter())[q.best] += 1
        for about in {q.about, _kin(q.about)}:
            showing.setdefault((q.template, about, q.best), []).append((number, q))
    found = []
    for number, q in open_ended:
        answers = _wrong_answers(q, facts[number], usual, rng)
        right = rng.choice(q.shown)
        alike = [rng.sample(own, len(own)) for about in (q.about, _kin(q.about))
                 for own in (showing[q.template, about, q.best],)]
        rationales = _wrong_rationales(number, facts, [*alike[0], *alike[1]], rng)
        if len(answers) == len(rationales) == CHOICES - 1:
            found.append((number, q, [q.best, *answers], [because(facts[number].captions[right]), *rationales]))
    evened = _evened(_evened(found, lambda q: (q.template, q.about), rng), lambda q: (q.template, ""), rng)
    kept = fewer([number for number, *_ in evened], [q.kind for _, q, *_ in evened], MOST_OF_KIND, rng)
    return [evened[place] for place in kept]


def _evened(found: list[Four], group_of: Callable[[GeneratedQuestion], tuple[str, str]],
            rng: random.Random) -> list[Four]:
    """Leave out questions until no answer of a group is right more than a third of the times that it can be chosen,
    rounded up."""
    while True:
        right = Counter((group_of(q), q.best) for _, q, _, _ in found)
        offered = Counter((group_of(q), value) for _, q, answers, _ in found for value in answers)
        surplus = {key: count - -(-offered[key] // 3) for key, count in right.items()}
        if max(surplus.values(), default=0) <= 0:
            return found
        dropped: set[int] = set()
        for place in rng.sample(range(len(found)), len(found)):
            key = group_of(found[place][1]), found[place][1].best
            if surplus[key] > 0:
                surplus[key] -= 1
                dropped.add(place)
        found = [one for place, one in enumerate(found) if place not in dropped]


def _wrong_answers(q: GeneratedQuestion, facts: Facts, usual: dict[tuple[str, str], Counter[str]],
                   rng: random.Random) -> list[str]:
    """Answers to this question about other photographs; where they are too few, to all of its template."""
    wrong: list[str] = []
    for group in ((q.template, q.about), (q.template, "")):
        counts = {value: count for value, count in sorted(usual[group].items())
                  if value not in wrong and is_wrong(q, value, facts)}
        while counts and len(wrong) < CHOICES - 1:
            value = rng.choices(list(counts), list(counts.values()))[0]
            wrong.append(value)
            del counts[value]
    return wrong


def is_wrong(q: GeneratedQuestion, value: str, facts: Facts) -> bool:
    """Whether a value is surely no right answer.

    Args:
        q: the question
        value: an answer to it about another photograph
        facts: of this photograph

    Returns:
        False where a caption or a box of this photograph may mean the value.
    """
    if value in q.answers:
        return False
    if q.kind == "number":
        return True
    if q.kind == "colour":
        return other_colour(q, value)
    if q.template == "doing":
        return other_action(q, value)
    if q.template.startswith("who"):
        return q.best in GROWN and value in GROWN and facts.absent(value)
    near = {place for places in NEAR_PLACES if value in places for place in places}
    return facts.absent(value) and not near & ({*q.answers} | facts.mentions)


def _wrong_rationales(number: int, facts: Sequence[Facts], alike: Sequence[Numbered],
                      rng: random.Random) -> list[str]:
    """Captions that show the same answer to such a question in other photographs and name a thing that is not in this
    one; alike: such questions with this answer, the likest first."""
    wrong: list[str] = []
    for other, own in alike:
        caption = facts[other].captions[rng.choice(own.shown)]
        if other != number and because(caption) not in wrong and _names_more(caption, facts[number]):
            wrong.append(because(caption))
        if len(wrong) == CHOICES - 1:
            break
    return wrong


def _kin(about: str) -> str:
    """The words of a question without what kind of person it is about."""
    return "person" if about in lexicon.PEOPLE_OF else about


def _names_more(caption: Caption, facts: Facts) -> bool:
    """Whether a caption names a thing that is not in this photograph."""
    nouns = [p.noun for p in caption.phrases if p.sure and p.noun not in lexicon.VAGUE]
    return any(facts.absent(noun) and not any(noun in places for places in NEAR_PLACES) for noun in nouns
               if noun not in lexicon.PEOPLE_OF)


def because(caption: Caption) -> str:
    """A caption as a rationale."""
    return " ".join(("because", *(word for word in caption.words if word.isalnum() or "-" in word or "'" in word)))


def _question(picture: int, q: GeneratedQuestion, answers: Sequence[str], rationales: Sequence[str],
              rng: random.Random) -> ChoiceQuestion:
    """Both fours in a random order."""
    places = [rng.sample(range(CHOICES), CHOICES) for _ in range(2)]
    first, second = (tuple(TaggedText.plain(own[place]) for place in order)
                     for own, order in zip((answers, rationales), places, strict=True))
    text = TaggedText.plain(f"{rng.choice(q.forms)} ?")
    return ChoiceQuestion(picture, text, first, places[0].index(0), second, places[1].index(0), q.kind)
