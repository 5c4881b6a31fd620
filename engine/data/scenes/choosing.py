"""Questions with four answers and four reasons, of which the words alone favour none.

Wrong answers are things, places or looks that could have been right; wrong reasons say the same of the same things
with other values. What the four differ in is drawn without looking at which of them is right, and what is asked for
is never said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.scenes.asking import pick
from engine.data.scenes.things import SIDES, VALUES, WITHHELD, describe
from engine.data.scenes.world import Scene
from engine.structures.questions import CHOICES, ChoiceQuestion, TaggedText

Four = list[TaggedText]  # the right one first
Asked = tuple[TaggedText, Four, Four]  # question, answers, rationales
ENGLISH = {"colour": "color", "shape": "shape"}
OTHER = {"colour": "shape", "shape": "colour"}


def ask_with_choices(scene: Scene, rng: np.random.Generator) -> list[ChoiceQuestion]:
    """Where one thing stands; and what is the same, what a thing is, or what is on a side, if five things or more
    admit it. All belong to picture `scene.index`."""
    makers = {"same": same, "what": what, "side": side}
    second = pick(tuple(makers), rng)
    found = []
    for kind, make in (("where", where), (second, makers[second])):
        if asked := make(scene, rng):
            question, (answers, answer), (rationales, rationale) = (asked[0], *(_shuffled(f, rng) for f in asked[1:]))
            found.append(ChoiceQuestion(scene.index, question, answers, answer, rationales, rationale, kind))
    return found


def where(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """ "where is the star [1] ?" "it is above and left of the ring [2]" "because the star [1] is red and …" """
    things = scene.things
    options = [(i, j) for i in scene.targets for j, other in enumerate(things) if i != j
               and things[i].stands("left of", other) is not None and things[i].stands("above", other) is not None]
    if not options:
        return None
    i, j = pick(options, rng)
    reasons = _two_by_two(scene, i, j, "colour", rng)
    if reasons is None:
        return None
    across, upright = ("left of", "right of"), ("above", "below")
    if things[i].stands("right of", things[j]):
        across = across[::-1]
    if things[i].stands("below", things[j]):
        upright = upright[::-1]
    answers = [_tagged(f"it is {u} and {a}", _named(scene, j, "shape")) for u in upright for a in across]
    return _tagged("where is", _named(scene, i, "shape"), "?"), answers, reasons


def side(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """ "what is left of the red thing [1] ?" "the small striped thing [3]" "because the thing [3] is a star and …" """
    things = scene.things
    options = []
    for of in range(len(things)):
        for name in SIDES:
            there = [i for i, t in enumerate(things) if i != of and t.stands(name, things[of])]
            not_there = [i for i, t in enumerate(things) if i != of and t.stands(name, things[of]) is False]
            options += [(of, name, i, not_there) for i in there if i in scene.targets and len(not_there) >= CHOICES - 1]
    if not options:
        return None
    of, name, right, wrong = pick(options, rng)
    reasons = _two_by_two(scene, right, of, "shape", rng)
    if reasons is None:
        return None
    four = [right, *_some(wrong, CHOICES - 1, rng)]
    answers = [_tagged(_named(scene, i, "size", "material", "colour")) for i in four]
    return _tagged(f"what is {name}", _named(scene, of, "colour"), "?"), answers, reasons


def same(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """ "which thing has the same color as the heart [2] ?" "the small star [3]" "because … are both red" """
    asked = pick(tuple(ENGLISH), rng)
    options = _alike(scene, asked, range(len(scene.things)))
    if not options:
        return None
    of, right, wrong = pick(options, rng)
    four = [right, *_some(wrong, CHOICES - 1, rng)]
    value = getattr(scene.things[of], asked)
    others = [v for v in _values(scene, asked, rng) if v != value
              and (asked == "colour" or _known(scene, [(scene.things[i].colour, v) for i in (of, right)]))
              and (asked == "shape" or _known(scene, [(v, scene.things[i].shape) for i in (of, right)]))]
    if len(others) < CHOICES - 1:
        return None
    answers = [_tagged(_named(scene, i, "size", OTHER[asked])) for i in four]
    rationales = [_tagged("because", _named(scene, right, OTHER[asked]), "and", _named(scene, of, OTHER[asked]),
                          f"are both {v}" + ("s" if asked == "shape" else ""))
                  for v in (value, *others[:CHOICES - 1])]
    return (_tagged(f"which thing has the same {ENGLISH[asked]} as", _named(scene, of, "size", OTHER[asked]), "?"),
            answers, rationales)


def what(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """ "what is the thing [3] ?" "it is a red star" "because it has the same color as the small striped thing [4]" """
    asked = pick(tuple(ENGLISH), rng)
    options = _alike(scene, asked, scene.targets)
    if not options:
        return None
    target, right, wrong = pick(options, rng)
    thing = scene.things[target]
    looks = [[(colour, shape) for colour in (thing.colour, c) for shape in (thing.shape, s)]
             for c in _values(scene, "colour", rng) if c != thing.colour
             for s in _values(scene, "shape", rng) if s != thing.shape]
    possible = [four for four in looks if _known(scene, four)]
    if not possible:
        return None
    answers = [_tagged(f"it is {'an' if c[0] in 'aeiou' else 'a'} {c} {s}") for c, s in possible[0]]
    rationales = [_tagged(f"because it has the same {ENGLISH[asked]} as", _named(scene, i, "size", "material"))
                  for i in (right, *_some(wrong, CHOICES - 1, rng))]
    return _tagged("what is", _named(scene, target), "?"), answers, rationales


def _alike(scene: Scene, name: str, targets: Sequence[int]) -> list[tuple[int, int, list[int]]]:
    """A thing, the only other one of its colour or shape, and at least three that have another."""
    found = []
    for i in targets:
        values = [getattr(t, name) for t in scene.things]
        kin = [k for k, v in enumerate(values) if k != i and v == values[i]]
        rest = [k for k, v in enumerate(values) if v != values[i]]
        if len(kin) == 1 and len(rest) >= CHOICES - 1:
            found.append((i, kin[0], rest))
    return found


def _two_by_two(scene: Scene, i: int, j: int, name: str, rng: np.random.Generator) -> Four | None:
    """Reasons that give either thing the right value or a wrong one; all four values differ, lest one stand out."""
    things, other = scene.things, OTHER[name]
    right = getattr(things[i], name), getattr(things[j], name)

    def possible(thing: int, value: str) -> bool:
        look = getattr(things[thing], other)
        return value not in right and _known(scene, [(value, look) if name == "colour" else (look, value)])

    wrong = [(v, w) for v in _values(scene, name, rng) for w in _values(scene, name, rng)
             if v != w and possible(i, v) and possible(j, w)]
    if right[0] == right[1] or not wrong:
        return None
    article = {"colour": "", "shape": "a "}[name]
    return [_tagged("because", _named(scene, i, other), f"is {article}{v} and", _named(scene, j, other),
                    f"is {article}{w}")
            for v in (right[0], wrong[0][0]) for w in (right[1], wrong[0][1])]


def _values(scene: Scene, name: str, rng: np.random.Generator) -> list[str]:
    """All values in a random order, those that the picture shows before the others."""
    shown = {getattr(t, name) for t in scene.things}
    values = _some(VALUES[name], len(VALUES[name]), rng)
    return sorted(values, key=lambda v: v not in shown)


def _known(scene: Scene, looks: Sequence[tuple[str, str]]) -> bool:
    """Whether these colours and shapes may be said: a withheld pair, never right, would give itself away."""
    return scene.pairs != "known" or not any(look in WITHHELD for look in looks)


def _some(options: Sequence, count: int, rng: np.random.Generator) -> list:
    return [options[i] for i in rng.permutation(len(options))[:count].tolist()]


def _shuffled(four: Four, rng: np.random.Generator) -> tuple[tuple[TaggedText, ...], int]:
    """The four in a random order, and where the right one went."""
    order = rng.permutation(CHOICES).tolist()
    return tuple(four[i] for i in order), order.index(0)


def _named(scene: Scene, i: int, *names: str) -> TaggedText:
    """The thing by these attributes; its noun names its box."""
    words = ("the", *describe(scene.things[i], names).text.split())
    return TaggedText(words, (0,) * (len(words) - 1) + (i + 1,))


def _tagged(*parts: str | TaggedText) -> TaggedText:
    texts = [TaggedText.plain(p) if isinstance(p, str) else p for p in parts]
    return TaggedText(tuple(w for t in texts for w in t.words), tuple(n for t in texts for n in t.tags))
