"""The questions about a folder of annotated photographs (`entities_SPLIT.jsonl`) as a data set."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from engine.data.album import Album
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.lines import BROKEN, reason
from engine.data.questions.asking import ask
from engine.data.questions.balancing import Numbered, balanced, fewer
from engine.data.questions.facts import Facts
from engine.data.questions.grammar import GeneratedQuestion
from engine.data.questions.yes_no import yes_no
from engine.structures.questions import DataSet, OpenQuestion, Skipped

MOST_OF_KIND = 3  # questions of one kind about a photograph
SEED = 0
# How often people end with a question mark, begin with a capital letter, type nothing but those.
MARKED, CAPITAL, CAPITALS = 0.6, 0.4, 0.05


def asked_about(photos: Sequence[Facts], seed: int = SEED) -> list[Numbered]:
    """Ask about every photograph of a data set, with balanced answers.

    Args:
        photos: what their captions and boxes say
        seed: of every random choice; the same seed gives the same questions

    Returns:
        The questions, photograph after photograph, each with the photograph's number.
    """
    rng = random.Random(seed)
    found = [ask(facts) for facts in photos]
    every = [(number, q) for number, (own, more) in enumerate(zip(found, yes_no(photos, found, rng), strict=True))
             for q in (*own, *more)]
    even = balanced(every, rng)
    return [even[place] for place in fewer([n for n, _ in even], [q.kind for _, q in even], MOST_OF_KIND, rng)]


def said(question: GeneratedQuestion, rng: random.Random) -> str:
    """One of the ways to say a question, written as people type."""
    text = rng.choice(question.forms) + ("?" if rng.random() < MARKED else "")
    if rng.random() < CAPITALS:
        return text.upper()
    return text[0].upper() + text[1:] if rng.random() < CAPITAL else text


def open_questions(photos: Sequence[AnnotatedPhoto], limit: int | None = None,
                   seed: int = SEED) -> DataSet[OpenQuestion]:
    """Generate questions about annotated photographs.

    Args:
        photos: with captions; maybe with labelled boxes (see `engine.data.sources`)
        limit: if given, only the questions about so many of the first photos; they are the same without it
        seed: of every random choice

    Returns:
        The questions. The pictures have no boxes: their regions are the detector's own, as of a visitor's photo.

    Raises:
        DataError: nothing can be asked.
    """
    rng = random.Random(seed)
    album, skipped = Album(), Skipped()
    usable: list[OpenQuestion] = []
    for number, question in asked_about([Facts.of(photo) for photo in photos], seed):
        text = said(question, rng)
        if limit is not None and number >= limit:
            break
        try:
            usable.append(OpenQuestion(album.number(photos[number].path), text, dict(question.answers), question.kind))
        except BROKEN as error:
            skipped.add(f"{Path(photos[number].path).name}: {reason(error)}")
    return DataSet(album.pictures, tuple(usable), skipped)
