"""Leaves out questions until their words tell little of their answers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from engine.data.questions.grammar import GeneratedQuestion

SHARE = 0.35  # of the questions of a group, at most, that have one answer; of yes and no a half
SMALLEST = 4  # groups of fewer questions are balanced with the others of their template only

Numbered = tuple[int, GeneratedQuestion]  # the number of a photograph, and a question about it


def balanced(asked: Sequence[Numbered], rng: random.Random) -> list[Numbered]:
    """Balance the answers of each template, and of each template with the same words.

    Args:
        asked: questions of a data set
        rng: draws which ones are left out

    Returns:
        The others, in their order.
    """
    finest = _capped(asked, lambda q: (q.template, q.about), SMALLEST, rng)
    return _capped(finest, lambda q: (q.template, ""), 0, rng)


def most_of(counts: Sequence[int], share: float) -> int:
    """How often each answer may occur.

    Args:
        counts: how often each does occur
        share: of all that remain, the largest that one answer may have; 1 / answers where that is more

    Returns:
        The largest number for which the share holds, 0 for a single answer.
    """
    if len(counts) < 2:
        return 0
    share = max(share, 1 / len(counts))
    return next((most for most in range(max(counts), 0, -1)
                 if most <= share * sum(min(count, most) for count in counts) + 1e-9), 0)


def _capped(asked: Sequence[Numbered], group_of: Callable[[GeneratedQuestion], tuple[str, str]], smallest: int,
            rng: random.Random) -> list[Numbered]:
    groups: dict[tuple[str, str], list[int]] = {}
    for place, (_, question) in enumerate(asked):
        groups.setdefault(group_of(question), []).append(place)
    kept: set[int] = set()
    for places in groups.values():
        if len(places) < smallest:
            kept.update(places)
            continue
        most = most_of(list(Counter(asked[p][1].best for p in places).values()), SHARE)
        taken: Counter[str] = Counter()
        for p in rng.sample(places, len(places)):
            best = asked[p][1].best
            if taken[best] < most:
                taken[best] += 1
                kept.add(p)
    return [asked[p] for p in sorted(kept)]


def fewer(photos: Sequence[int], kinds: Sequence[str], most: int, rng: random.Random) -> list[int]:
    """Draw at most so many questions of each kind about a photograph.

    Args:
        photos: of each question the number of its photograph
        kinds: of each question
        most: of one kind about one photograph
        rng: draws

    Returns:
        The places of the questions that stay, in their order.
    """
    kept: list[int] = []
    taken: Counter[tuple[int, str]] = Counter()
    for place in rng.sample(range(len(photos)), len(photos)):
        key = photos[place], kinds[place]
        if taken[key] < most:
            taken[key] += 1
            kept.append(place)
    return sorted(kept)
