"""Questions with one answer, of which each answer is as frequent as the others wherever the words are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.data.scenes.things import (
    COLOURS,
    MATERIALS,
    MOST_COUNTED,
    NUMBERS,
    SHAPES,
    SIDES,
    SIZES,
    VALUES,
    Description,
    Thing,
    describe,
    minimal,
)
from engine.data.scenes.world import Scene
from engine.structures.questions import OpenQuestion

ANSWERS = (*COLOURS, *SHAPES, *SIZES, *MATERIALS, *NUMBERS[:MOST_COUNTED + 1], "yes", "no")
ASKED = {"colour": "what color is the {} ?", "shape": "what shape is the {} ?", "size": "what size is the {} ?",
         "material": "what pattern does the {} have ?"}
BESIDE = {"colour": "what color is the thing {} the {} ?", "shape": "what shape is {} the {} ?"}
EXISTING = (("colour", "shape"), ("size", "colour"), ("size", "shape"), ("material", "colour"), ("material", "shape"),
            ("material", "colour", "shape"), ("size", "colour", "shape"))
COUNTED_TOGETHER = (("size", "colour"), ("size", "shape"), ("material", "colour"), ("material", "shape"),
                    ("size", "material"), ("colour", "shape"))

Asked = tuple[str, str, str, tuple[int, ...]]  # kind, text, answer, the things that show it


def ask(scene: Scene, rng: np.random.Generator) -> list[OpenQuestion]:
    """One of each kind that this scene admits; all of them belong to picture `scene.index`."""
    makers: list[Callable[[Scene, np.random.Generator], Asked | None]] = [
        *(lambda s, r, a=name: attribute(s, a, r) for name in ASKED), count, count_together, exists, side, beside]
    found = [asked for make in makers if (asked := make(scene, rng))]
    return [OpenQuestion(scene.index, text, {answer: 1.0}, kind, things) for kind, text, answer, things in found]


def attribute(scene: Scene, name: str, rng: np.random.Generator) -> Asked | None:
    """What colour, shape, size or material a thing has that the other attributes single out."""
    options = [(i, d) for i in scene.targets for d in minimal(scene.things, i, without=name)]
    if not options:
        return None
    target, said = pick(options, rng)
    return name, ASKED[name].format(said.text), getattr(scene.things[target], name), (target,)


def count(scene: Scene, rng: np.random.Generator) -> Asked:
    """How many things have the one attribute that was fixed before the scene was drawn: zero to four."""
    there = fitting(scene.things, scene.counted)
    return "count", _how_many(scene.counted), NUMBERS[len(there)], there


def count_together(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """How many things have two attributes. Asked only where zero, one and two could each be the answer."""
    names = pick(COUNTED_TOGETHER, rng)
    by_number: dict[int, list[Description]] = {0: [], 1: [], 2: []}
    for description in _all(names):
        if scene.sayable(description):
            by_number.setdefault(len(fitting(scene.things, description)), []).append(description)
    wanted = int(rng.integers(3))
    if not all(by_number[n] for n in range(3)):
        return None
    chosen = pick(by_number[wanted], rng)
    return "count together", _how_many(chosen), NUMBERS[wanted], fitting(scene.things, chosen)


def exists(scene: Scene, rng: np.random.Generator) -> Asked:
    """Whether there is a thing of two or three attributes; where there is none, one differs from it in one only."""
    names = pick(EXISTING, rng)
    present = [describe(scene.things[i], names) for i in scene.targets]
    if rng.integers(2):
        chosen = pick(present, rng)
        return "exists", _is_there(chosen), "yes", fitting(scene.things, chosen)
    near = [Description(**(d.said | {name: value})) for d in present for name in names for value in VALUES[name]]
    absent = [d for d in near if scene.sayable(d) and not fitting(scene.things, d)]
    return "exists", _is_there(pick(absent, rng)), "no", ()


def side(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Whether one thing is left of, right of, above or below another, where that is clear."""
    where = pick(tuple(SIDES), rng)
    options = [(i, j) for i in scene.targets for j, other in enumerate(scene.things)
               if i != j and scene.things[i].stands(where, other) is not None]
    names = [minimal(scene.things, i) for i in range(len(scene.things))]
    pairs = [(d, e, i, j) for i, j in options for d in names[i] for e in names[j]]
    if not pairs:
        return None
    said, of, i, j = pick(pairs, rng)
    there = scene.things[i].stands(where, scene.things[j])
    return ("side", f"is the {said.text} {where} the {of.text} ?", "yes" if there else "no", (i,) if there else ())


def beside(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """What colour or shape the only thing on one side of another has."""
    asked = pick(tuple(BESIDE), rng)
    options = [(d, where, only) for j, of in enumerate(scene.things)
               for d in minimal(scene.things, j, without=asked) for where in SIDES
               if (only := only_one(scene.things, where, of)) is not None and only in scene.targets]
    if not options:
        return None
    of_text, where, only = pick(options, rng)
    return f"beside {asked}", BESIDE[asked].format(where, of_text.text), getattr(scene.things[only], asked), (only,)


def only_one(things: Sequence[Thing], side: str, of: Thing) -> int | None:
    """The number of the one thing on that side of another, or None where there are none, several or doubtful ones."""
    stands = {i: t.stands(side, of) for i, t in enumerate(things) if t is not of}
    there = [i for i, where in stands.items() if where]
    return there[0] if len(there) == 1 and None not in stands.values() else None


def fitting(things: Sequence[Thing], description: Description) -> tuple[int, ...]:
    return tuple(i for i, t in enumerate(things) if description.fits(t))


def pick(options: Sequence, rng: np.random.Generator):
    """One of the options, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def _all(names: Sequence[str]) -> list[Description]:
    first, second = names
    return [Description(**{first: a, second: b}) for a in VALUES[first] for b in VALUES[second]]


def _how_many(description: Description) -> str:
    return f"how many {description.plural} are there ?"


def _is_there(description: Description) -> str:
    article = "an" if description.text[0] in "aeiou" else "a"
    return f"is there {article} {description.text} ?"
