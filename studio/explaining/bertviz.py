"""BertViz of the studio's own attention, as one page that needs no network."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from engine.explain.results import AttentionPyramid

View = Literal["head", "model"]
VIEWS: tuple[View, ...] = ("head", "model")
MOST_ELEMENTS = 64  # a page of twice as many is four times as large, and a browser draws it for as long
BYTES_EACH, BYTES_BESIDE = 7, 20_000  # of a number in the page, and of BertViz's own part of it

# Stands for "<" in names until the page is written: BertViz puts its JSON into a script as it is, where a caption
# that holds "</script>" would end it.
LESS = "\ue000"
DIGITS = 3  # of the decimals that BertViz writes
SHIM = """
  window.requirejs = window.require = function (names, ready) { ready(window.jQuery, window.d3); };
  window.require.config = function () {};
"""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def size(found: AttentionPyramid, view: View) -> int:
    """About how many bytes `page` will have."""
    numbers = found.layers * found.heads * min(len(found.elements), MOST_ELEMENTS) ** 2
    parts = 2 if view == "head" and any(e.kind == "region" for e in found.elements) else 1  # all, and once more by kind
    return len(_scripts().encode()) + BYTES_BESIDE + parts * numbers * BYTES_EACH


def shown(found: AttentionPyramid, keep: Collection[tuple[str, int]] = ()) -> list[int]:
    """Choose the elements that BertViz draws.

    Args:
        found: the attention.
        keep: kind and index of elements that must be there.

    Returns:
        Places in the sequence, ascending: all up to MOST_ELEMENTS. With more of them: the special ones, the whole
        picture, those to keep, and those that get the most attention, as a mean over layers, heads and elements.
    """
    elements = found.elements
    if len(elements) <= MOST_ELEMENTS:
        return list(range(len(elements)))
    got = _weights(found).mean(axis=(0, 1, 2))  # [L]
    first = [i for i, e in enumerate(elements)
             if e.kind == "special" or (e.kind, e.index) in keep or (e.kind == "region" and not e.index)]
    rest = sorted(set(range(len(elements))) - set(first), key=lambda i: -got[i])
    return sorted([*first, *rest][:MOST_ELEMENTS])


def page(found: AttentionPyramid, names: list[str], view: View, keep: Collection[tuple[str, int]] = ()) -> str:
    """Make a whole HTML page. BertViz calls words sentence A and regions sentence B.

    Args:
        found: the attention.
        names: of all L elements.
        view: of BertViz.
        keep: as for `shown`.

    Returns:
        The page.
    """
    import torch  # BertViz takes nothing but tensors
    from bertviz import head_view, model_view

    places = shown(found, keep)
    attention = [torch.from_numpy(layer[None]) for layer in _weights(found)[:, :, places][..., places].round(DIGITS)]
    first_region = next((k for k, i in enumerate(places) if found.elements[i].kind == "region"), None)
    safe = [names[i].replace("<", LESS) for i in places]
    if view == "head":
        made = head_view(attention, safe, sentence_b_start=first_region, prettify_tokens=False, html_action="return")
    else:
        made = model_view(attention, safe, prettify_tokens=False, display_mode="light", html_action="return")
    # BertViz puts its numbers in twice, the second time into a comment on the first.
    body = _named(re.sub(r'<script src="https://[^"]*"></script>|// HACK: .*', "", made.data))
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8"><title>BertViz</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{_scripts()}</head>'
            f'<body>{body}</body></html>')


def note(found: AttentionPyramid) -> str:
    """What a reader of the page should know."""
    said = "BertViz counts layers and heads from 0."
    if len(found.elements) > MOST_ELEMENTS:
        said = (f"It shows {MOST_ELEMENTS} of {len(found.elements)} elements: those that get the most attention, and "
                f"what is hidden. {said}")
    return said


def _weights(found: AttentionPyramid) -> np.ndarray:
    """[N, H, L, L]."""
    length = len(found.elements)
    levels = np.frombuffer(found.weights, dtype=np.uint8).reshape(found.layers, found.heads, length, length)
    return levels / 255 * np.asarray(found.scales).reshape(found.layers, found.heads, length, 1)


def _named(body: str) -> str:
    """Put "<" back as JavaScript writes it inside text."""
    return body.replace(json.dumps(LESS)[1:-1], "\\u003c").replace(LESS, "&lt;").replace(
        "Sentence A", "Words").replace("Sentence B", "Regions")


@functools.cache
def _scripts() -> str:
    """d3 5 and jQuery from their packages, and our own part of require.js."""
    sources = (files("mpld3").joinpath("js/d3.v5.min.js").read_text(encoding="utf-8"),
               files("xstatic.pkg.jquery").joinpath("data/jquery.min.js").read_text(encoding="utf-8"), SHIM)
    safe = (source.replace("</script", "<\\/script") for source in sources)
    return "".join(f"<script>{source}</script>" for source in safe)
