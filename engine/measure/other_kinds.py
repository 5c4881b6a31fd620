"""Pictures of other kinds than photographs, drawn from a random generator, so that measuring them needs no data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture = Image.Image
Draw = Callable[[Generator], Picture]
WORDS = ("the of and to in is was for on that by with from this as at are be it not or an which their has have page "
         "report value table order total number result method model data time year people system world first second "
         "water house street market letter answer question between through without under after before").split()
PALE = ((255, 255, 255), (250, 250, 247), (244, 246, 250), (255, 253, 240))
INKS = ((0, 0, 0), (30, 30, 34), (60, 60, 70), (20, 40, 90))
EARTH = ((92, 112, 60), (120, 130, 76), (150, 140, 96), (170, 152, 110), (70, 92, 52), (110, 100, 70))


def document(rng: Generator) -> Picture:
    """A page of text with a heading, paragraphs and sometimes a table or two columns."""
    width, height = _size(rng, 600, 900, 1.2, 1.5)
    paper = _one(rng, PALE)
    page = Image.new("RGB", (width, height), paper)
    pen, ink, size = ImageDraw.Draw(page), _one(rng, INKS), int(rng.integers(11, 22))
    margin = width // int(rng.integers(8, 16))
    pen.text((margin, margin), _line(rng, 4).title(), ink, _font(size * 2))
    top, columns = margin + 4 * size, int(rng.integers(1, 3))
    wide = (width - margin * (columns + 1)) // columns
    for column in range(columns):
        _paragraphs(pen, rng, (margin + column * (wide + margin), top, wide, height - margin), size, ink)
    if rng.random() < 0.3:
        _table(pen, rng, (margin, height * 2 // 3, width - margin, height - margin), size, paper)
    return page


def screenshot(rng: Generator) -> Picture:
    """A program's window: a bar of menus, a side bar, panels with text and buttons; light or dark."""
    width, height = _size(rng, 1000, 1500, 0.55, 0.7)
    dark = rng.random() < 0.4
    paper, ink = ((32, 34, 38), (225, 226, 230)) if dark else ((252, 252, 253), (32, 34, 38))
    accent = _colour(rng, 20, 220)
    shot = Image.new("RGB", (width, height), paper)
    pen, size = ImageDraw.Draw(shot), int(rng.integers(12, 18))
    bar, side = 3 * size, width // int(rng.integers(4, 7))
    line = tuple((p * 4 + i) // 5 for p, i in zip(paper, ink, strict=True))
    pen.rectangle((0, 0, width, bar), fill=accent if rng.random() < 0.5 else line)
    pen.rectangle((0, bar, side, height), fill=tuple((p * 9 + i) // 10 for p, i in zip(paper, ink, strict=True)))
    for i in range(6):
        pen.text((size + i * 7 * size, size), _line(rng, 1).title(), ink, _font(size))
    for i in range(int(rng.integers(5, 14))):
        pen.text((size, bar + (i + 1) * 2 * size), _line(rng, 2), ink, _font(size))
    top = bar + size
    while top < height - 8 * size:
        high = int(rng.integers(5, 14)) * size
        pen.rounded_rectangle((side + size, top, width - size, top + high), size // 2, outline=line, width=2)
        _paragraphs(pen, rng, (side + 2 * size, top + size, width - side - 12 * size, top + high - size), size, ink)
        pen.rounded_rectangle((width - 8 * size, top + size, width - 2 * size, top + 3 * size), size // 2, fill=accent)
        top += high + size
    return shot


def chart(rng: Generator) -> Picture:
    """Bars, lines or a pie with axes and words."""
    width, height = _size(rng, 450, 800, 0.6, 0.9)
    sheet = Image.new("RGB", (width, height), PALE[0])
    pen, size, margin = ImageDraw.Draw(sheet), int(rng.integers(11, 18)), width // 8
    pen.text((width // 3, margin // 3), _line(rng, 3), (20, 20, 20), _font(size * 3 // 2))
    values, kind = rng.uniform(0.05, 1, int(rng.integers(4, 11))), int(rng.integers(3))
    wide, high = width - 2 * margin, height - 2 * margin
    if kind == 2:
        ends = np.cumsum(values / values.sum()) * 360
        for start, end in zip((0, *ends), ends, strict=False):
            pen.pieslice((margin, margin, margin + min(wide, high), margin + min(wide, high)), start, end,
                         fill=_colour(rng), outline=(255, 255, 255))
        return sheet
    pen.line((margin, margin, margin, margin + high, margin + wide, margin + high), (40, 40, 40), 2)
    for i in range(5):
        pen.text((margin // 3, margin + high * i // 5), str(100 - 20 * i), (60, 60, 60), _font(size))
    places = [margin + wide * (i + 0.5) / len(values) for i in range(len(values))]
    for _ in range(1 if kind == 0 else int(rng.integers(1, 4))):
        tops, colour = [margin + high * (1 - v) for v in rng.permutation(values)], _colour(rng)
        if kind == 1:
            pen.line(list(zip(places, tops, strict=True)), colour, 3)
        for x, y in zip(places, tops, strict=True) if kind == 0 else ():
            pen.rectangle((x - wide / len(values) / 3, y, x + wide / len(values) / 3, margin + high), fill=colour)
    return sheet


def diagram(rng: Generator) -> Picture:
    """Boxes with words, joined by lines."""
    width, height = _size(rng, 500, 900, 0.6, 1.0)
    sheet = Image.new("RGB", (width, height), _one(rng, PALE))
    pen, size = ImageDraw.Draw(sheet), int(rng.integers(12, 20))
    places = [(int(rng.integers(size, width - 9 * size)), int(rng.integers(size, height - 4 * size)))
              for _ in range(int(rng.integers(4, 10)))]
    for (x1, y1), (x2, y2) in pairwise(places):
        pen.line((x1 + 4 * size, y1 + size, x2 + 4 * size, y2 + size), (40, 40, 40), 2)
    for x, y in places:
        shape = pen.ellipse if rng.random() < 0.3 else pen.rectangle
        shape((x, y, x + 8 * size, y + 3 * size), fill=_colour(rng, 170),
              outline=(40, 40, 40), width=2)
        pen.text((x + size, y + size), _line(rng, 1), (20, 20, 20), _font(size))
    return sheet


def cartoon(rng: Generator) -> Picture:
    """Flat shapes with outlines: sky, ground, houses, trees, a sun, faces."""
    width, height = _size(rng, 400, 800, 0.6, 1.1)
    sheet = Image.new("RGB", (width, height), _colour(rng, 120))
    pen, ground = ImageDraw.Draw(sheet), int(height * rng.uniform(0.55, 0.8))
    pen.rectangle((0, ground, width, height), fill=_colour(rng, 40, 200))
    for _ in range(int(rng.integers(4, 12))):
        size, x = int(height * rng.uniform(0.08, 0.3)), int(rng.integers(0, width))
        y, fill = int(ground + rng.integers(-size, size // 2 + 1)), _colour(rng)
        shape = int(rng.integers(3))
        if shape == 0:
            pen.rectangle((x, y - size, x + size, y), fill=fill, outline=(0, 0, 0), width=3)
            pen.polygon(((x, y - size), (x + size, y - size), (x + size // 2, y - size * 3 // 2)), fill=(180, 40, 40),
                        outline=(0, 0, 0), width=3)
        elif shape == 1:
            pen.rectangle((x + size * 2 // 5, y - size, x + size * 3 // 5, y), fill=(110, 70, 30))
            pen.ellipse((x, y - 2 * size, x + size, y - size // 2), fill=(40, 150, 60), outline=(0, 0, 0), width=3)
        else:
            pen.ellipse((x, y - size, x + size, y), fill=fill, outline=(0, 0, 0), width=3)
            for eye in (0.3, 0.6):
                pen.ellipse((x + size * eye, y - size * 0.7, x + size * (eye + 0.12), y - size * 0.55), fill=(0, 0, 0))
            pen.arc((x + size * 0.25, y - size * 0.6, x + size * 0.75, y - size * 0.15), 20, 160, (0, 0, 0), 3)
    return sheet


def aerial(rng: Generator) -> Picture:
    """Fields, roads and roofs from above, with grain and soft edges: a stand-in for satellite pictures, not one."""
    side = int(rng.integers(400, 700))
    ground = Image.new("RGB", (side, side), _one(rng, EARTH))
    pen = ImageDraw.Draw(ground)
    step = side // int(rng.integers(3, 7))
    for x in range(0, side, step):
        for y in range(0, side, step):
            field = [(x + int(rng.integers(-8, 9)) + dx, y + int(rng.integers(-8, 9)) + dy)
                     for dx, dy in ((0, 0), (step, 0), (step, step), (0, step))]
            pen.polygon(field, fill=_one(rng, EARTH))
    for _ in range(int(rng.integers(1, 4))):
        ends = [(int(rng.integers(side)), 0), (int(rng.integers(side)), side)]
        pen.line([e[::-1] for e in ends] if rng.random() < 0.5 else ends, (150, 148, 142), int(rng.integers(4, 10)))
    for _ in range(int(rng.integers(0, 60))):
        x, y, roof = int(rng.integers(side)), int(rng.integers(side)), int(rng.integers(6, 16))
        pen.rectangle((x + 3, y + 3, x + roof + 3, y + roof + 3), fill=(40, 42, 36))
        pen.rectangle((x, y, x + roof, y + roof), fill=_colour(rng, 110, 210))
    pixels = np.asarray(ground.rotate(float(rng.uniform(0, 45)), resample=Image.Resampling.BICUBIC).crop(
        (side // 6, side // 6, side * 5 // 6, side * 5 // 6)).filter(ImageFilter.GaussianBlur(1)))
    return _image(pixels + rng.normal(0, 7, pixels.shape))


def scene(rng: Generator) -> Picture:
    """One of the drawn scenes of `engine.data.scenes`."""
    from engine.data.scenes import scene as drawn_scene

    return Image.fromarray(drawn_scene(int(rng.integers(1 << 30)), 0).photo().pixels)


def noise(rng: Generator) -> Picture:
    """Independent grey levels of every pixel and channel, or coarser blots of them."""
    side, grain = int(rng.integers(200, 500)), int(rng.integers(1, 6))
    blots = _image(rng.uniform(0, 256, (side // grain, side // grain, 3)))
    return blots.resize((side, side), Image.Resampling.NEAREST)


def plain(rng: Generator) -> Picture:
    """One colour."""
    return Image.new("RGB", _size(rng, 200, 600, 0.6, 1.4), _colour(rng))


DRAWN: dict[str, Draw] = {
    "document": document, "screenshot": screenshot, "chart": chart, "diagram": diagram, "cartoon": cartoon,
    "drawn scene": scene, "aerial, drawn": aerial, "noise": noise, "plain colour": plain}


def _paragraphs(pen: ImageDraw.ImageDraw, rng: Generator, place: tuple[int, int, int, int], size: int,
                ink: tuple[int, ...]) -> None:
    """Lines of words from (x, top) down to the bottom, `wide` pixels each."""
    x, y, wide, bottom = place
    font, left = _font(size), int(rng.integers(3, 10))
    while y < bottom - size:
        pen.text((x, y), _fitting(rng, wide, size), ink, font)
        left -= 1
        y += size * 3 // 2 if left else size * 3
        left = left or int(rng.integers(3, 10))


def _table(pen: ImageDraw.ImageDraw, rng: Generator, box: tuple[int, int, int, int], size: int,
           paper: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = box
    pen.rectangle(box, fill=paper)
    for y in range(y1, y2, size * 2):
        pen.line((x1, y, x2, y), (120, 120, 120))
        for x in range(x1, x2, max(size * 7, 1)):
            pen.text((x + 4, y + 4), str(int(rng.integers(10000))), (30, 30, 34), _font(size))


def _fitting(rng: Generator, wide: int, size: int) -> str:
    return _line(rng, max(1, int(wide / (size * 3.1))))


def _line(rng: Generator, words: int) -> str:
    return " ".join(WORDS[i] for i in rng.integers(0, len(WORDS), words))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _size(rng: Generator, least: int, most: int, flat: float, tall: float) -> tuple[int, int]:
    """A width between two, and a height that is so many times as much."""
    width = int(rng.integers(least, most))
    return width, int(width * rng.uniform(flat, tall))


def _colour(rng: Generator, least: int = 0, most: int = 256) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(least, most, 3))


def _one(rng: Generator, of: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return of[int(rng.integers(len(of)))]


def _image(pixels: np.ndarray) -> Picture:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
