"""The grammar: which questions the facts of a photograph answer, in which words people ask them.

Kinds: object, colour, number, place, action and yes/no. A question has one right answer or several, each with a score:
what most captions say counts 1, what few say less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.data.questions import words as lexicon
from engine.data.questions.captions import NounPhrase
from engine.data.questions.facts import Facts
from engine.data.questions.words import plural_of

KINDS = ("object", "colour", "number", "place", "action", "yes/no")


@dataclass(frozen=True)
class GeneratedQuestion:
    """One question before its words are chosen.

    template: which rule made it. about: the words that fill the rule, beside the answer. forms: the ways to say it.
    answers: the right ones, the best first. shown: the captions, by number, that say the best answer.
    """

    kind: str
    template: str
    about: str
    forms: tuple[str, ...]
    answers: Mapping[str, float]
    shown: tuple[int, ...] = ()

    @property
    def best(self) -> str:
        return next(iter(self.answers))


Votes = dict[str, list[int]]  # of each answer the captions that give it
FORMS = {
    "colour": ("what color is the {}", "what colour is the {}", "what is the color of the {}",
               "which colour does the {} have", "color of the {}"),
    "colours": ("what color are the {}", "what colour are the {}", "what is the color of the {}"),
    "number": ("how many {} are there", "how many {} are in the picture", "how many {} can you see", "how many {}",
               "how many {} are in this photo", "what is the number of {}"),
    "doing": ("what is the {} doing", "what is this {} doing", "what does the {} do", "what's the {} doing"),
    "doing together": ("what are the {} doing", "what are these {} doing", "what do the {} do"),
    "where is": ("where is the {}", "where is this {}", "where's the {}"),
    "where are": ("where are the {}", "where are these {}"),
    "place": ("where is this", "where was this photo taken", "where is it", "what place is this", "where are we",
              "where was this picture taken"),
    "room": ("what room is this", "which room is it", "what kind of room is this"),
    "animal": ("what animal is this", "what animal is in the picture", "what kind of animal is it",
               "which animal do you see"),
    "vehicle": ("what vehicle is this", "what kind of vehicle is in the picture", "which vehicle do you see"),
    "food": ("what food is this", "what kind of food is it", "what food is in the picture"),
    "sport": ("what sport is this", "what sport is being played", "which sport do you see"),
    "main": ("what is in the picture", "what is this", "what do you see", "what is in this photo", "what is shown here",
             "what does the picture show"),
    "who": ("who is in the picture", "who is this", "who is it", "who do you see"),
    "exists": ("is there {0} in the picture", "is there {0}", "can you see {0}", "do you see {0} in this photo",
               "are there any {1}", "are there any {1} in the picture"),
    "outdoors": ("is this outdoors", "is it outside", "was this photo taken outdoors", "is this outside"),
    "indoors": ("is this indoors", "is it inside", "was this taken inside a building"),
}


def scored(votes: Votes) -> dict[str, float]:
    """The score of each answer, the best first: 1 for what at least half as many captions say as all together."""
    total = sum(map(len, votes.values()))
    scores = {answer: min(1.0, 2 * len(own) / total) for answer, own in votes.items()}
    top = max(scores.values())
    return {answer: round(scores[answer] / top, 2) for answer in sorted(scores, key=lambda a: (-len(votes[a]), a))}


def made(kind: str, template: str, about: str, forms: tuple[str, ...], votes: Votes) -> GeneratedQuestion:
    answers = scored(votes)
    return GeneratedQuestion(kind, template, about, forms, answers, tuple(votes[next(iter(answers))]))


def filled(name: str, *words: str) -> tuple[str, ...]:
    return tuple(form.format(*words) for form in FORMS[name])


def vote(votes: Votes, answer: str, caption: int) -> None:
    own = votes.setdefault(answer, [])
    if caption not in own:
        own.append(caption)


def sure_phrases(facts: Facts) -> Iterable[tuple[int, NounPhrase]]:
    for number, caption in enumerate(facts.captions):
        for phrase in caption.phrases:
            if phrase.sure:
                yield number, phrase


def said(subject: NounPhrase) -> str:
    """The noun by which a question names a subject."""
    return plural_of(subject.noun) if subject.plural else subject.noun


def thing_of(phrase: NounPhrase) -> str:
    """The noun of an answer; nothing where the phrase is vague or nobody's thing."""
    if not phrase.sure or phrase.noun in lexicon.VAGUE or len(phrase.noun) < 2:
        return ""
    return lexicon.SAID.get(phrase.noun, phrase.noun)


def a(noun: str) -> str:
    """A noun with its article, if it takes one."""
    if noun in lexicon.PLURALS or noun in lexicon.MASS:
        return noun
    return f"{'an' if noun[0] in 'aeiou' and noun != 'uniform' else 'a'} {noun}"
