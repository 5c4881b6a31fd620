"""BertViz of the studio's own attention, as one page that needs no network."""

from __future__ import annotations

import functools
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from engine.explain.results import AttentionPyramid

View = Literal["head", "model"]

# Stands for "<" in names until the page is written: BertViz puts its JSON into a script as it is, where a caption
# that holds "</script>" would end it.
LESS = "\ue000"
DIGITS = 3  # of the decimals that BertViz writes
SHIM = """
  window.requirejs = window.require = function (names, ready) { ready(window.jQuery, window.d3); };
  window.require.config = function () {};
"""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def page(found: AttentionPyramid, names: list[str], view: View) -> str:
    """A whole HTML page. names: of the L elements. BertViz calls words sentence A and regions sentence B."""
    import torch  # BertViz takes nothing but tensors
    from bertviz import head_view, model_view

    size = len(found.elements)
    weights = np.frombuffer(found.weights, dtype=np.uint8).reshape(found.layers, found.heads, size, size)
    scales = np.asarray(found.scales).reshape(found.layers, found.heads, size, 1)
    attention = [torch.from_numpy(layer[None]) for layer in (weights / 255 * scales).round(DIGITS)]
    first_region = next((i for i, e in enumerate(found.elements) if e.kind == "region"), None)
    safe = [name.replace("<", LESS) for name in names]
    if view == "head":
        made = head_view(attention, safe, sentence_b_start=first_region, prettify_tokens=False, html_action="return")
    else:
        made = model_view(attention, safe, prettify_tokens=False, display_mode="light", html_action="return")
    body = _named(re.sub(r'<script src="https://[^"]*"></script>', "", made.data))
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8"><title>BertViz</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{_scripts()}</head>'
            f'<body>{body}</body></html>')


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
