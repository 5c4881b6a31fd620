"""Curves of runs as one SVG: readable in light and dark, apart by dash as well as by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 12, 30
STYLES = 6  # of lines, in training.css


@dataclass(frozen=True)
class Line:
    """points: (step, value), steps ascending. style: which of the `STYLES`."""

    name: str
    points: tuple[tuple[int, float], ...]
    style: int = 0


@dataclass(frozen=True)
class Axes:
    """Of a chart. steps: where the horizontal axis ends; 0 while nobody knows. top: where the vertical one ends;
    percent: its numbers are shares. level, level_name: a horizontal line worth comparing with. now: a marked step."""

    steps: int
    top: float
    percent: bool = False
    level: float | None = None
    level_name: str = ""
    now: int | None = None


def chart(title: str, lines: Sequence[Line], axes: Axes) -> str:
    """A figure with its title, the chart, and a legend where there are several lines."""
    shown = [line for line in lines if line.points]
    last = "; ".join(f"{line.name} {_number(line.points[-1][1], axes)} at step {line.points[-1][0]}" for line in shown)
    parts = [*_grid(axes), *(_line(line, axes) for line in shown)]
    if axes.level is not None:
        y = _y(axes.level, axes)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="level-name" x="{WIDTH - RIGHT}" y="{y - 5:.1f}">{escape(axes.level_name)}</text>')
    if axes.now is not None:
        x = _x(axes.now, axes)
        parts.append(f'<line class="now" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    legend = "".join(f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="curve s{line.style % STYLES}" '
                     f'd="M1 4H25"/></svg>{escape(line.name)}</li>' for line in shown)
    said = escape(f"{title}: {last or 'no points yet'}")
    return (f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">'
            f'{"".join(parts)}</svg>' + (f'<ul class="legend">{legend}</ul>' if len(shown) > 1 else "") + "</figure>")


def _line(line: Line, axes: Axes) -> str:
    places = [(_x(step, axes), _y(value, axes)) for step, value in line.points]
    d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    x, y = places[-1]
    return f'<path class="curve s{line.style % STYLES}" d="{d}"/><circle class="end s{line.style % STYLES}" ' \
           f'cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _grid(axes: Axes) -> list[str]:
    parts = []
    for part in range(5):
        value = axes.top * part / 4
        y = _y(value, axes)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}">{_number(value, axes)}</text>')
    steps = sorted({round(axes.steps * part / 4) for part in range(5)})
    for step in steps:
        last = ' style="text-anchor: end"' if len(steps) > 1 and step == steps[-1] else ""  # else it is cut off
        x = WIDTH - 1 if last else _x(step, axes)
        parts.append(f'<text class="tick step" x="{x:.1f}" y="{HEIGHT - 8}"{last}>{step}</text>')
    return parts


def _x(step: float, axes: Axes) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, step / max(1, axes.steps))


def _y(value: float, axes: Axes) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, value / axes.top))


def _number(value: float, axes: Axes) -> str:
    if axes.percent:
        return f"{100 * value:.0f} %"
    return f"{value:.2f}" if axes.top < 10 else f"{value:.0f}"
