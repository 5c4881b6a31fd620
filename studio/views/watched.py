"""One example at one moment of a run: the picture with what the model believes about its regions, choices or answers,
and how that went since the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from studio.views.clues import percent
from studio.views.curves import Axes, Line, chart

SHOWN = 8  # regions in the list, best first


def watched(asked: Mapping[str, Any], believed: Mapping[str, Any], picture: str) -> str:
    """asked, believed: as `engine.measure.beliefs` has them. picture: its address, or nothing where it is gone."""
    truth = [t for t in asked["truth"] if isinstance(t, int)]
    regions, chances = asked["regions"], believed["probabilities"]
    pointing = not asked["choices"] and not believed["answers"]
    weights = chances if pointing and len(chances) == len(regions) else believed["attention"]
    bars = _regions(regions, chances, believed["attention"], truth) if pointing else _answers(asked, believed)
    image = f'<img src="{escape(picture)}" alt="The picture of this example">' if picture else \
        '<p class="empty">The picture is no longer there.</p>'
    marked = _boxes(regions, weights, truth if pointing else [], max(range(len(chances)), key=chances.__getitem__) + 1
                    if pointing and chances else 0)
    note = "Boxes: probability that this is it" if pointing else "Boxes: attention of the answer"
    verdict = "" if not asked["truth"] else ("right" if believed["right"] >= 0.5 else "wrong")
    said = f'<b class="verdict {verdict}">{verdict}</b>' if verdict else ""
    return (f'<div class="teach watch"><div class="seen">{image}{marked if picture else ""}</div><div class="said">'
            f'<p class="asked">“{escape(asked["text"])}” {said}</p>{bars}{_blind(believed)}'
            f'<p class="hint">{note}.</p></div></div>')


def history(asked: Mapping[str, Any], moments: Sequence[tuple[int, Mapping[str, Any]]], now: int, steps: int) -> str:
    """How the belief in what is right went (for a photo of one's own: in each region, the best three)."""
    lines = [Line("what is right", tuple((step, b["true"]) for step, b in moments))]
    if any(b["blind"] is not None for _, b in moments):
        lines.append(Line("without the picture", tuple((step, b["blind"] or 0.0) for step, b in moments), 1))
    if not asked["truth"]:
        last = moments[-1][1]["probabilities"]
        best = sorted(range(len(last)), key=lambda k: -last[k])[:3]
        lines = [Line(f"region {k + 1}", tuple((s, b["probabilities"][k]) for s, b in moments), n)
                 for n, k in enumerate(best)]
    return (f'<div class="teach">{chart("Belief in this example", lines, Axes(steps, 1.0, percent=True, now=now))}'
            "</div>") if any(line.points for line in lines) else ""


def _boxes(regions: Sequence[Sequence[float]], weights: Sequence[float], truth: Sequence[int], best: int) -> str:
    top = max([*weights, 1e-6])
    parts = []
    for number, (x1, y1, x2, y2) in enumerate(regions, 1):
        weight = weights[number - 1] / top if number <= len(weights) else 0.0
        kind = " true" if number in truth else ""
        kind += " best" if number == best else ""
        parts.append(f'<span class="region{kind}" style="left:{100 * x1:.2f}%;top:{100 * y1:.2f}%;'
                     f'width:{100 * (x2 - x1):.2f}%;height:{100 * (y2 - y1):.2f}%;--w:{weight:.3f}">'
                     f"<i>{number}</i></span>")
    return "".join(parts)


def _regions(regions: Sequence[Any], chances: Sequence[float], attention: Sequence[float], truth: Sequence[int]) -> str:
    order = sorted(range(len(chances)), key=lambda k: -chances[k])[:SHOWN]
    rows = "".join(_bar(f"Region {k + 1}", chances[k], k + 1 in truth,
                        f"attention {percent(attention[k])}" if k < len(attention) else "") for k in order)
    return f'<ol class="bars">{rows}</ol>' if rows else '<p class="empty">The detector found no region here.</p>'


def _answers(asked: Mapping[str, Any], believed: Mapping[str, Any]) -> str:
    if asked["choices"]:
        pairs = list(zip(asked["choices"], believed["probabilities"], range(len(asked["choices"])), strict=False))
        return f'<ol class="bars">{"".join(_bar(t, p, n in asked["truth"]) for t, p, n in pairs)}</ol>'
    rows = "".join(_bar(text, p, text in asked["truth"]) for text, p in believed["answers"])
    wanted = ", ".join(map(str, asked["truth"]))
    return f'<ol class="bars">{rows}</ol>' + (f'<p class="hint">Right: {escape(wanted)}</p>' if wanted else "")


def _bar(text: str, probability: float, right: bool, more: str = "") -> str:
    mark = ' <em aria-label="the right one">✓</em>' if right else ""
    return (f'<li{" class=right" if right else ""}><span class="bar" style="--p:{min(1.0, max(0.0, probability)):.4f}">'
            f'</span><span class="name">{escape(text)}{mark}</span><span class="more">{escape(more)}</span>'
            f"<b>{percent(probability)}</b></li>")


def _blind(believed: Mapping[str, Any]) -> str:
    if believed["blind"] is None:
        return ""
    return (f'<p class="clue">What is right has {percent(believed["true"])}; '
            f'without the picture {percent(believed["blind"])}.</p>')
