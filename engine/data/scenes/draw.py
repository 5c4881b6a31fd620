"""Things on a background, as pixels. Whatever is drawn is drawn from the nouns alone: equal nouns, equal pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from engine.data.scenes.things import Thing

SIDE = 224  # pixels of a picture's width and height
FINE = 3  # how many times finer a thing is drawn before it is averaged down
INKS = {"red": (214, 36, 36), "green": (44, 150, 58), "blue": (38, 84, 214), "yellow": (250, 218, 36),
        "purple": (134, 54, 172), "orange": (246, 128, 20), "white": (248, 248, 248), "black": (22, 22, 26)}
DARKENED = {"yellow": 0.5, "orange": 0.5, "white": 0.45}  # their stripes are darker, those of the others lighter
RIM_SHADES = {"white": 0.35}
PERIOD = {"small": 8.0, "large": 11.0}  # pixels from stripe to stripe
RIM = 1.3  # pixels
HOLE = 0.52  # radius of a ring's hole
STRIPE = 0.38  # share of the thing that stripes cover: its own colour prevails
PATTERN = 256  # side of a sheet of stripes, in fine pixels

Points = np.ndarray  # [P, 2] float64, x to the right and y down


@dataclass(frozen=True)
class Background:
    """A soft gradient from one colour to another. angle: radians; grain: strength of the noise in grey levels, drawn
    from the seed `speck`."""

    start: tuple[int, int, int]
    end: tuple[int, int, int]
    angle: float
    grain: int
    speck: int


@cache
def _round(radius: float) -> Points:
    t = np.linspace(0, 2 * math.pi, 49)[:-1]
    return np.stack([np.cos(t), np.sin(t)], 1) * radius


@cache
def _outline(shape: str) -> Points:
    """The shape upright, of about the same area as the others, within a circle of radius 1.2."""
    t = np.linspace(0, 2 * math.pi, 61)[:-1]
    if shape in ("circle", "ring"):
        return _round(1.0)
    if shape == "square":
        return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.84
    if shape == "triangle":
        return np.array([(0, -1), (math.sqrt(0.75), 0.5), (-math.sqrt(0.75), 0.5)]) * 1.16
    if shape == "star":
        spokes, radii = np.arange(10) * math.pi / 5 - math.pi / 2, np.where(np.arange(10) % 2, 0.48, 1.14)
        return np.stack([np.cos(spokes), np.sin(spokes)], 1) * radii[:, None]
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y], 1) / 15.5


def outline(shape: str, turn: float) -> Points:
    """The shape's rim, turned by degrees and moved so that its box is centred on 0."""
    a = math.radians(turn)
    points = _outline(shape) @ np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return points - (points.min(0) + points.max(0)) / 2


def picture(background: Background, things: Sequence[Thing]) -> np.ndarray:
    """[224, 224, 3] uint8."""
    image = Image.fromarray(_ground(background))
    for thing in things:
        _put(image, thing)
    return np.array(image)


def _ground(background: Background) -> np.ndarray:
    """[224, 224, 3] uint8."""
    ramp = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    along = np.clip(0.5 + math.cos(background.angle) * ramp[None] + math.sin(background.angle) * ramp[:, None], 0, 1)
    rng, grain = np.random.default_rng(background.speck), background.grain
    noise = rng.integers(-grain, grain + 1, (SIDE, SIDE), dtype=np.int8)
    ground = np.empty((SIDE, SIDE, 3), np.uint8)
    for channel, (start, end) in enumerate(zip(background.start, background.end, strict=True)):
        ground[..., channel] = start + along * (end - start) + noise
    return ground


def _put(image: Image.Image, thing: Thing) -> None:
    """Draw one thing over what is there."""
    x1, y1, x2, y2 = (v * SIDE for v in thing.box)
    left, top, right, bottom = math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
    middle = np.array([(x1 + x2) / 2 - left, (y1 + y2) / 2 - top]) * FINE
    rim = outline(thing.shape, thing.turn)
    scale = (x2 - x1) / np.ptp(rim[:, 0]) * FINE
    size = ((right - left) * FINE, (bottom - top) * FINE)
    inner = 1 - RIM * FINE / scale
    whole = _mask(size, [rim * scale + middle, _round(HOLE) * scale + middle], thing.shape)
    inside = _mask(size, [rim * scale * inner + middle, _round(HOLE + 1 - inner) * scale + middle], thing.shape)
    paint = Image.new("RGB", size, _shade(thing.colour, "rim"))
    paint.paste(INKS[thing.colour], mask=inside)
    if thing.material != "plain":
        x, y = (PATTERN // 2 - round(v) for v in middle.tolist())
        over = _pattern(thing.material, thing.size, 2 * round(thing.turn / 2)).crop((x, y, x + size[0], y + size[1]))
        paint.paste(_shade(thing.colour, "accent"), mask=ImageChops.multiply(over, inside))
    image.paste(paint.reduce(FINE), (left, top), whole.reduce(FINE))


def _mask(size: tuple[int, int], edges: Sequence[Points], shape: str) -> Image.Image:
    """What lies within the first edge, and for a ring outside the second."""
    mask = Image.new("L", size)
    pen = ImageDraw.Draw(mask)
    for edge, value in zip(edges[:2 if shape == "ring" else 1], (255, 0), strict=False):
        pen.polygon((edge - 0.5).ravel().tolist(), fill=value)
    return mask


@cache
def _pattern(material: str, size: str, turn: int) -> Image.Image:
    """Where stripes or dots are, fine pixels; they turn with the thing."""
    a, period = math.radians(45 - turn), PERIOD[size] * FINE
    steps = (np.arange(PATTERN, dtype=np.float32) - PATTERN / 2) / np.float32(period)
    across = steps[None] * math.cos(a) + steps[:, None] * math.sin(a)
    along = steps[:, None] * math.cos(a) - steps[None] * math.sin(a)
    if material == "striped":
        return Image.fromarray((across % 1 < STRIPE) * np.uint8(255))
    return Image.fromarray(((across % 1 - 0.5) ** 2 + (along % 1 - 0.5) ** 2 < 0.28 ** 2) * np.uint8(255))


@cache
def _shade(colour: str, part: str) -> tuple[int, ...]:
    """A colour's stripes and dots ("accent"), or its rim."""
    if part == "rim":
        return tuple(round(v * RIM_SHADES.get(colour, 0.5)) for v in INKS[colour])
    if colour in DARKENED:
        return tuple(round(v * DARKENED[colour]) for v in INKS[colour])
    light = 0.5 if colour == "black" else 0.72
    return tuple(round(v + light * (255 - v)) for v in INKS[colour])
