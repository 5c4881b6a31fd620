"""Every question about a photograph that its captions and boxes answer, but those with yes or no."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.data.questions.facts import Facts
from engine.data.questions.grammar import GeneratedQuestion
from engine.data.questions.of_doings import actions, doers, done_to, places, rooms, sports
from engine.data.questions.of_things import beside, clothes, colours, in_mouths, kinds_of, main, numbers


def ask(facts: Facts) -> list[GeneratedQuestion]:
    """Every question of one right answer, or several with a score each, that these facts admit, yes or no left out."""
    makers: tuple[Callable[[Facts], Iterable[GeneratedQuestion]], ...] = (
        colours, clothes, numbers, actions, done_to, doers, beside, in_mouths, places, rooms, kinds_of, sports, main)
    return [asked for make in makers for asked in make(facts) if _fair(asked)]


def _fair(asked: GeneratedQuestion) -> bool:
    """Whether no answer stands in the question."""
    return not any(set(answer.split()) & set(form.split()) for answer in asked.answers for form in asked.forms)
