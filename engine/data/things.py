"""What a picture shows, as far as the questions and answers about it say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.data.nouns import singular
from engine.structures.questions import OpenQuestion

LONGEST = 3  # words of a thing's name, which answers may join: "night_stand"


def named_by(text: str, answers: Mapping[str, int]) -> frozenset[int]:
    """The answers, by their numbers, whose names stand among the words of a text; of numbers none."""
    known = frozenset(answers)
    words = [singular(word, known) for word in text.replace(",", " ").split()]
    names = {"_".join(words[start:end]) for start in range(len(words))
             for end in range(start + 1, min(start + LONGEST, len(words)) + 1)}
    return frozenset(answers[name] for name in names if name in answers and not name.isdigit())


def things_of(questions: Sequence[OpenQuestion], answers: Mapping[str, int]) -> dict[int, frozenset[int]]:
    """Of each picture the answers that any question about it, or any answer, names."""
    found: dict[int, frozenset[int]] = {}
    for question in questions:
        for text in (question.text, *question.answers):
            found[question.picture] = found.get(question.picture, frozenset()) | named_by(text, answers)
    return found
