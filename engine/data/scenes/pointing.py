"""Words that mean one thing among others like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.scenes.asking import pick
from engine.data.scenes.things import ATTRIBUTES, SIDES, Description, Thing, describe, minimal
from engine.data.scenes.world import Scene
from engine.structures.questions import ReferringExpression

BY_LOOK = 2  # expressions a scene that use attributes alone
HARD = 0.75  # how often one attribute must not be enough, where there is a choice
BEFORE_PLACE = ((), *((a,) for a in ATTRIBUTES))  # what is said of a thing beside its place


def point_out(scene: Scene, rng: np.random.Generator) -> list[ReferringExpression]:
    """Up to two by looks, which say nothing they could leave out, and one by place, where looks were not enough."""
    found = [ReferringExpression(scene.index, f"the {said.text}", (i,), kinds=("look",))
             for i, said in _looks(scene, rng)]
    place = _place(scene, rng)
    return [*found, *([place] if place else [])]


def _looks(scene: Scene, rng: np.random.Generator) -> list[tuple[int, Description]]:
    """Shortest descriptions of different things, or of one where there is but one."""
    options = [(i, d) for i in scene.targets for d in minimal(scene.things, i)]
    chosen: list[tuple[int, Description]] = []
    while options and len(chosen) < BY_LOOK:
        hard = [o for o in options if len(o[1].said) > 1]
        chosen.append(pick(hard if hard and rng.random() < HARD else options, rng))
        others = [o for o in options if o[0] not in {c[0] for c in chosen}]
        options = others or [o for o in options if o not in chosen]
    return chosen


def _place(scene: Scene, rng: np.random.Generator) -> ReferringExpression | None:
    """ "the star left of the blue ring": several stars, one of them clearly there, none of them doubtful."""
    things = scene.things
    names = [minimal(things, j) for j in range(len(things))]
    options = []
    for target in scene.targets:
        for before in BEFORE_PLACE:
            said = describe(things[target], before)
            fits = [said.fits(t) for t in things]
            for of in (j for j in range(len(things)) if j != target and names[j]):
                alike = [t for j, t in enumerate(things) if j != of and fits[j]]
                options += [(target, said, side, of) for side in SIDES
                            if len(alike) > 1 and _only(things[target], alike, side, things[of])]
    if not options:
        return None
    target, said, side, of = pick(options, rng)
    return ReferringExpression(scene.index, f"the {said.text} {side} the {pick(names[of], rng).text}", (target,),
                               kinds=("place",))


def _only(target: Thing, alike: Sequence[Thing], side: str, of: Thing) -> bool:
    """Whether the target is on that side, and each of the others clearly is not."""
    return all(t.stands(side, of) is (t is target) for t in alike)
