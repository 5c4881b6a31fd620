"""The nouns of a small world: things, the words that describe them, and where they stand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from engine.structures.questions import Fractions

SHAPES = ("circle", "square", "triangle", "star", "ring", "heart")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black")
SIZES = ("small", "large")
MATERIALS = ("plain", "striped", "dotted")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
MOST_COUNTED = 4
ATTRIBUTES = ("size", "material", "colour", "shape")  # in the order in which English says them
VALUES = {"size": SIZES, "material": MATERIALS, "colour": COLOURS, "shape": SHAPES}
PAIRS = ("all", "known", "novel")
# Colour and shape that never meet where pairs are "known": each colour once, each shape once or twice.
WITHHELD = frozenset({("red", "square"), ("green", "heart"), ("blue", "triangle"), ("yellow", "ring"),
                      ("purple", "circle"), ("orange", "star"), ("white", "heart"), ("black", "ring")})
SIDES = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}  # axis, direction
CLEAR = 0.08  # how far two centres lie apart, as a fraction of the picture, before anyone speaks of left or above


@dataclass(frozen=True)
class Thing:
    """box: x1, y1, x2, y2 as fractions, exactly around what is drawn; turn: degrees, counter-clockwise."""

    shape: str
    colour: str
    size: str
    material: str
    box: Fractions
    turn: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def withheld(self) -> bool:
        return (self.colour, self.shape) in WITHHELD

    def stands(self, side: str, other: Thing) -> bool | None:
        """Whether this thing is `side` ("left of") the other; None where it is too close to call."""
        axis, direction = SIDES[side]
        ahead = direction * (self.centre[axis] - other.centre[axis])
        return None if abs(ahead) < CLEAR else ahead > 0


@dataclass(frozen=True)
class Description:
    """What is said of a thing; an empty attribute is left unsaid, an unsaid shape is called "thing"."""

    size: str = ""
    material: str = ""
    colour: str = ""
    shape: str = ""

    def fits(self, thing: Thing) -> bool:
        return all(getattr(thing, name) == value for name, value in self.said.items())

    @property
    def said(self) -> dict[str, str]:
        return {name: value for name in ATTRIBUTES if (value := getattr(self, name))}

    @property
    def withheld(self) -> bool:
        return (self.colour, self.shape) in WITHHELD

    @property
    def text(self) -> str:
        return " ".join(w for w in (self.size, self.material, self.colour, self.shape or "thing") if w)

    @property
    def plural(self) -> str:
        return self.text + "s"


def describe(thing: Thing, names: Sequence[str]) -> Description:
    """The thing by the attributes named."""
    return Description(**{name: getattr(thing, name) for name in names})


@cache
def _subsets(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """All non-empty subsets, small ones first."""
    return tuple(s for k in range(1, len(names) + 1) for s in combinations(names, k))


def minimal(things: Sequence[Thing], target: int, without: str = "") -> list[Description]:
    """Every description that only the target fits and that says nothing it could leave out.

    without: an attribute that may not be said (what a question asks for).
    """
    names = tuple(a for a in ATTRIBUTES if a != without)
    thing = things[target]
    differing = [{a for a in names if getattr(other, a) != getattr(thing, a)}
                 for i, other in enumerate(things) if i != target]
    found: list[tuple[str, ...]] = []
    for subset in _subsets(names):
        if all(d.intersection(subset) for d in differing) and not any(set(f) <= set(subset) for f in found):
            found.append(subset)
    return [describe(thing, subset) for subset in found]
