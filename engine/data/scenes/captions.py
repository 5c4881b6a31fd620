"""What people would say under a scene, with the boxes of each phrase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.flickr8k import AnnotatedCaption, Phrase
from engine.data.scenes.asking import pick
from engine.data.scenes.things import ATTRIBUTES, NUMBERS, SIDES, describe
from engine.data.scenes.world import Scene

SAID = {"size": 0.45, "material": 0.45, "colour": 0.85, "shape": 1.0}  # how often an attribute is named
MOST_LISTED = 4
TYPES = ("other",)

Named = tuple[str, tuple[int, ...]]  # a phrase and the boxes it names


def captions(scene: Scene, rng: np.random.Generator) -> tuple[AnnotatedCaption, ...]:
    """A list of things; where one stands, if that is clear; and shapes that there are several of, if any."""
    made = (_listed(scene, rng), _placed(scene, rng), _grouped(scene, rng))
    return tuple(_caption(parts) for parts in made if parts)


def _listed(scene: Scene, rng: np.random.Generator) -> list[str | Named]:
    chosen = rng.permutation(len(scene.things))[:MOST_LISTED].tolist()
    parts: list[str | Named] = []
    for k, i in enumerate(chosen):
        if k:
            parts.append("and" if k == len(chosen) - 1 else ",")
        parts.append(_a(scene, i, rng))
    return parts


def _placed(scene: Scene, rng: np.random.Generator) -> list[str | Named]:
    options = [(i, side, j) for i, a in enumerate(scene.things) for j, b in enumerate(scene.things) for side in SIDES
               if i != j and a.stands(side, b)]
    if not options:
        return []
    i, side, j = pick(options, rng)
    return [_a(scene, i, rng), f"is {side}", _a(scene, j, rng)]


def _grouped(scene: Scene, rng: np.random.Generator) -> list[str | Named]:
    by_shape: dict[str, list[int]] = {}
    for i, thing in enumerate(scene.things):
        by_shape.setdefault(thing.shape, []).append(i)
    groups = [(shape, tuple(boxes)) for shape, boxes in by_shape.items() if len(boxes) > 1]
    if not groups:
        return []
    shape, boxes = pick(groups, rng)
    rest = [i for i in range(len(scene.things)) if i not in boxes]
    group: list[str | Named] = [(f"{NUMBERS[len(boxes)]} {shape}s", boxes)]
    return [*group, "and", _a(scene, pick(rest, rng), rng)] if rest else group


def _a(scene: Scene, i: int, rng: np.random.Generator) -> Named:
    text = describe(scene.things[i], [a for a in ATTRIBUTES if rng.random() < SAID[a]]).text
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}", (i,)


def _caption(parts: Sequence[str | Named]) -> AnnotatedCaption:
    text, phrases = "", []
    for part in parts:
        words, boxes = (part, ()) if isinstance(part, str) else part
        if boxes:
            phrases.append(Phrase(words, len(text), len(text) + len(words), TYPES, boxes))
        text += words + " "
    return AnnotatedCaption(text + ".", tuple(phrases))
