"""A scene from a seed: what stands where.

Everything asked about a scene must be unanswerable from its words. Four rules of the draw make that exact where pairs
are "all": each attribute is drawn without looking at the others, no value is favoured, places are drawn without
looking at attributes, and the one thing to be counted is fixed, with its number, before anything else. So whatever a
question says of some attributes tells nothing of those it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.data.scenes.draw import SIDE, Background, outline, picture
from engine.data.scenes.things import (
    ATTRIBUTES,
    MOST_COUNTED,
    PAIRS,
    VALUES,
    WITHHELD,
    Description,
    Thing,
)
from engine.errors import DataError
from engine.structures.photo import Photo
from engine.structures.questions import Fractions

HOW_MANY = {3: 0.15, 4: 0.2, 5: 0.3, 6: 0.35}  # share of the scenes with so many things
RADIUS = {"small": 16.5, "large": 27.0}  # pixels
JITTER = 0.07  # by which a radius varies, as a fraction
MARGIN, SPACING = 36.0, 61.0  # pixels from a centre to the picture's edge, and to the next centre
ALIKE = {"size": 0.0, "material": 0.0, "colour": 0.35, "shape": 0.35}  # how often a thing takes after an earlier one
MOST_TURN = 14.0  # degrees

Columns = dict[str, list[str]]


@dataclass(frozen=True)
class Scene:
    """counted: the description whose things are to be counted. pairs: which colours and shapes may meet ("all", only
    those not withheld: "known", at least one withheld: "novel")."""

    index: int
    background: Background
    things: tuple[Thing, ...]
    counted: Description
    pairs: str = "all"

    def photo(self) -> Photo:
        """224 x 224 pixels."""
        return Photo(picture(self.background, self.things))

    @property
    def targets(self) -> tuple[int, ...]:
        """The things to ask for: where pairs are novel, only those of a withheld pair."""
        return tuple(i for i, t in enumerate(self.things) if self.pairs != "novel" or t.withheld)

    def sayable(self, description: Description) -> bool:
        """False where naming a withheld pair would give away that there is none."""
        return self.pairs != "known" or not description.withheld


def scene(seed: int, index: int, pairs: str = "all") -> Scene:
    """The scene of this number, whatever the others are. Raises DataError where pairs is no such word."""
    if pairs not in PAIRS:
        raise DataError(f"Pairs are {', '.join(PAIRS)}; not {pairs!r}.")
    rng = generator(seed, index, "scene")
    attribute = ATTRIBUTES[rng.integers(len(ATTRIBUTES))]
    value = VALUES[attribute][rng.integers(len(VALUES[attribute]))]
    wanted = int(rng.integers(MOST_COUNTED + 1))
    count = _how_many(wanted, rng)
    columns = _columns(attribute, value, wanted, count, _allowed(pairs), rng)
    things = tuple(_thing({a: columns[a][i] for a in ATTRIBUTES}, centre, rng)
                   for i, centre in enumerate(_centres(count, rng)))
    return Scene(index, _background(rng), things, Description(**{attribute: value}), pairs)


def generator(seed: int, index: int, purpose: str) -> np.random.Generator:
    """One generator for each scene and purpose, so that texts may change and pixels stay."""
    if seed < 0 or index < 0:
        raise DataError(f"Seeds and numbers of scenes count from 0; these are {seed} and {index}.")
    return np.random.default_rng([seed, index, ("scene", "texts").index(purpose)])


def _how_many(least: int, rng: np.random.Generator) -> int:
    numbers = [n for n in HOW_MANY if n >= least]
    shares = np.array([HOW_MANY[n] for n in numbers])
    return int(rng.choice(numbers, p=shares / shares.sum()))


def _allowed(pairs: str) -> Callable[[Columns], bool]:
    def any_withheld(columns: Columns) -> bool:
        return any(pair in WITHHELD for pair in zip(columns["colour"], columns["shape"], strict=True))

    if pairs == "all":
        return lambda columns: True
    return any_withheld if pairs == "novel" else lambda columns: not any_withheld(columns)


def _columns(attribute: str, value: str, wanted: int, count: int, allowed: Callable[[Columns], bool],
             rng: np.random.Generator) -> Columns:
    """The values of every attribute, thing by thing; exactly `wanted` have this value of this attribute."""
    chosen = set(rng.permutation(count)[:wanted].tolist())
    while True:
        columns = {a: _column(VALUES[a], count, ALIKE[a], rng) for a in ATTRIBUTES if a != attribute}
        others = _column(tuple(v for v in VALUES[attribute] if v != value), count, ALIKE[attribute], rng)
        columns[attribute] = [value if i in chosen else v for i, v in enumerate(others)]
        if allowed(columns):
            return columns


def _column(values: tuple[str, ...], count: int, alike: float, rng: np.random.Generator) -> list[str]:
    column: list[str] = []
    for fresh, kin, again in zip(rng.integers(len(values), size=count), rng.random(count), rng.random(count),
                                 strict=True):
        column.append(column[int(again * len(column))] if column and kin < alike else values[fresh])
    return column


def _centres(count: int, rng: np.random.Generator) -> np.ndarray:
    """[count, 2] pixels, no two closer than SPACING, in an order that tells nothing."""
    while True:
        centres = np.empty((0, 2))
        for _ in range(count):
            tried = rng.uniform(MARGIN, SIDE - MARGIN, (24, 2))
            free = (np.linalg.norm(tried[:, None] - centres[None], axis=2) >= SPACING).all(1)
            centres = np.concatenate([centres, tried[free][:1]])
        if len(centres) == count:
            return rng.permutation(centres)


def _thing(look: dict[str, str], centre: np.ndarray, rng: np.random.Generator) -> Thing:
    turn = round(float(rng.uniform(-MOST_TURN, MOST_TURN)), 2)
    radius = RADIUS[look["size"]] * rng.uniform(1 - JITTER, 1 + JITTER)
    half = outline(look["shape"], turn).max(0) * radius
    x1, y1, x2, y2 = (round(float(v), 5) for v in np.concatenate([centre - half, centre + half]) / SIDE)
    box: Fractions = (x1, y1, x2, y2)
    return Thing(look["shape"], look["colour"], look["size"], look["material"], box, turn)


def _background(rng: np.random.Generator) -> Background:
    """Dull colours of middle brightness, on which every ink shows."""
    ends = []
    for grey in rng.integers(105, 186, 2):
        r, g, b = (int(v) for v in grey + rng.integers(-14, 15, 3))
        ends.append((r, g, b))
    return Background(ends[0], ends[1], round(float(rng.uniform(0, 6.2832)), 4), int(rng.integers(2, 13)),
                      int(rng.integers(2 ** 31)))

