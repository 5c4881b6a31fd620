"""One HTML file that tells the whole of an explanation and needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

STYLE = """
:root { color-scheme: light dark; --ink: #1d1f21; --quiet: #5b6168; --line: #dcdfe3; --page: #ffffff;
  --for: 0, 114, 178; --against: 198, 90, 0 }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --quiet: #a6adb5; --line: #383d43; --page: #17191c;
  --for: 86, 180, 233; --against: 230, 159, 0 } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1000px;
  margin: 32px auto; padding: 0 20px }
h1 { font-size: 26px } h2 { font-size: 19px; margin-top: 36px } h3 { font-size: 16px; margin-bottom: 4px }
.quiet { color: var(--quiet); font-size: 14px } .said { font-size: 20px }
.picture { position: relative; margin: 0 } .picture img { width: 100%; display: block; border-radius: 8px }
.picture div { position: absolute; box-sizing: border-box; border: 2px solid rgba(var(--c), calc(.25 + .75 * var(--h)));
  background: rgba(var(--c), calc(.5 * var(--h))) }
.picture .hid { border: 2px solid #fff; background: repeating-linear-gradient(45deg, #14171a 0 9px, #2c3238 9px 18px) }
.word { border-radius: 5px; padding: 1px 4px; background: rgba(var(--c), calc(.35 * var(--h))) }
.word.hid { color: #fff; background: #14171a }
table { border-collapse: collapse; width: 100%; font-size: 14px } th, td { text-align: right; padding: 4px 8px;
  border-bottom: 1px solid var(--line) } th:first-child, td:first-child { text-align: left }
figure { margin: 16px 0 } figure svg { width: 100%; height: auto; background: #fff; border-radius: 8px }
pre { white-space: pre-wrap; font: 13px/1.5 ui-monospace, monospace; border: 1px solid var(--line); border-radius: 8px;
  padding: 14px }
"""


@dataclass(frozen=True)
class Map:
    """One attribution in a report. title, sentence, source: of the method; ends, verdict: sentences of this example.

    words, regions: values. figure: SVG.
    """

    title: str
    sentence: str
    source: str
    ends: str
    verdict: str
    words: Sequence[float]
    regions: Sequence[float]
    figure: bytes


@dataclass(frozen=True)
class Report:
    """picture: a data: URL. boxes: fractions, region 0 first. regions: their names. words: of the caption. answers: as
    `views.answers` gives them. asked: a sentence. table: the first map's numbers. card: Markdown. versions: by package.
    """

    picture: str
    boxes: Sequence[Sequence[float]]
    regions: Sequence[str]
    caption: str
    words: Sequence[str]
    hidden_words: Sequence[int]
    hidden_regions: Sequence[int]
    heads_off: Sequence[tuple[int, int]]
    answers: Mapping[str, Any]
    asked: str
    maps: Sequence[Map]
    table: pd.DataFrame
    model: str
    card: str
    versions: Mapping[str, str]


def page(report: Report) -> str:
    """All text of the visitor's and the model's is escaped; nothing is loaded from anywhere."""
    heads = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in report.heads_off) or "none"
    regions = ", ".join(report.regions[i] for i in report.hidden_regions) or "none"
    words = ", ".join(report.words[i] for i in report.hidden_words) or "none"
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width"><title>VL-BERT Studio: {escape(report.asked)}</title>
<style>{STYLE}</style></head><body><main>
<h1>{escape(report.asked)}</h1>
<p class="said" dir="auto">{_sentence(report, None)}</p>{_picture(report, None)}
<p class="quiet">Hidden words: {escape(words)}. Hidden regions: {escape(regions)} (regions by
{escape(str(report.answers["masking"]))}). Attention heads switched off: {heads}.</p>
<h2>What the model believes</h2>{"".join(_answer("word", a) for a in report.answers["words"])}
{"".join(_answer("region", a) for a in report.answers["regions"])}
<h2>What it rests on, and whether to believe it</h2>{"".join(_map(report, m) for m in report.maps)}
<h2>The numbers of {escape(report.maps[0].title)}</h2>{_table(report.table)}
<h2>The model</h2><p>{escape(report.model)}</p><pre>{escape(report.card)}</pre>
<h2>Versions</h2><p class="quiet">{escape(", ".join(f"{n} {v}" for n, v in report.versions.items()))}</p>
</main></body></html>"""


def _map(report: Report, shown: Map) -> str:
    return f"""<section><h3>{escape(shown.title)}</h3><p>{escape(shown.sentence)}</p>
<p class="quiet">{escape(shown.source)}</p><p>{escape(shown.ends)}</p><p><b>{escape(shown.verdict)}</b></p>
<p class="said" dir="auto">{_sentence(report, shown)}</p>{_picture(report, shown)}
<figure>{_inline(shown.figure)}</figure></section>"""


def _inline(svg: bytes) -> str:
    """The picture without the XML declaration, as an image: nothing inside it can act."""
    return (f'<img style="width:100%" alt="Values and curves" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(svg).decode("ascii")}">')


def _heat(value: float, top: float) -> str:
    return f"--c: var({'--for' if value >= 0 else '--against'}); --h: {abs(value) / top if top else 0:.3f}"


def _top(shown: Map) -> float:
    return max((abs(v) for v in (*shown.words, *shown.regions)), default=0.0)


def _sentence(report: Report, shown: Map | None) -> str:
    words = []
    for i, word in enumerate(report.words):
        hidden = i in report.hidden_words
        heat = _heat(shown.words[i], _top(shown)) if shown else "--c: var(--for); --h: 0"
        words.append(f'<span class="word{" hid" if hidden else ""}" style="{heat}">{escape(word)}</span>')
    return " ".join(words)


def _picture(report: Report, shown: Map | None) -> str:
    values = list(shown.regions) if shown else [0.0] * len(report.boxes)
    top = _top(shown) if shown else 0.0
    drawn = []
    for i in sorted(range(1, len(report.boxes)), key=lambda i: abs(values[i])):
        x1, y1, x2, y2 = report.boxes[i]
        hidden = i in report.hidden_regions
        place = f"left:{x1:.2%};top:{y1:.2%};width:{x2 - x1:.2%};height:{y2 - y1:.2%}"
        drawn.append(f'<div class="{"hid" if hidden else ""}" title="{escape(report.regions[i])}" '
                     f'style="{place};{_heat(values[i], top)}"></div>')
    return f'<div class="picture"><img alt="" src="{report.picture}">{"".join(drawn)}</div>'


def _answer(kind: str, answer: Mapping[str, Any]) -> str:
    best = ", ".join(f"{escape(b['text'])} {escape(b['percent'])}" for b in answer["best"])
    known = (f" {escape(answer['target'])}: {escape(answer['truth'])}, {escape(answer['percent'])}, rank "
             f"{answer['rank']}. {escape(answer['verdict'])}" if answer["known"] else "")
    note = f" {escape(answer['note'])}" if answer["note"] else ""
    return f"<p>Hidden {kind}: <b>{best}</b>.{known}{note}</p>"


def _table(numbers: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(c))}</th>" for c in numbers.columns)
    rows = "".join("<tr>" + "".join(f"<td>{escape(_cell(v))}</td>" for v in row) + "</tr>"
                   for row in numbers.itertuples(index=False))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}"
    return str(value)
