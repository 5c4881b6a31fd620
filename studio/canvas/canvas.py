"""The picture-and-caption component: one gr.HTML with its own page, style and script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.canvas.markup import markup
from studio.canvas.server import server_functions
from studio.explaining.checkpoints import Checkpoints
from studio.explaining.explanations import Explanations
from studio.service import Service

FOLDER = Path(__file__).parent
SCRIPTS = ("dom", "state", "server", "sources", "photo", "boxes", "picture", "marks", "words", "answers", "status",
           "keep", "steps", "render", "remote", "works", "values", "effects", "stage", "proof", "attribution",
           "attention", "attention_panel", "bertviz", "heads", "leak", "compare", "take", "why", "canvas")
STYLES = ("canvas", "picture", "panel", "why", "attention")


def build_canvas(service: Service, explain: Explanations, card: str = "", checkpoints: Checkpoints | None = None,
                 **layout: Any) -> gr.HTML:
    """Holds photo, boxes, caption, answers, clue meter and explanations.

    Its value is {"visitor": the visitor's secret name}.

    card: the model card, as Markdown, for reports. checkpoints: other models to compare with.

    The scripts of this folder are joined into one function in the order of SCRIPTS: all but the last declare
    functions, and canvas.js puts them together. A function and no subclass of gr.HTML, since Gradio
    writes a .pyi file beside the source of every subclass.
    """
    return gr.HTML(
        value=None,
        html_template=markup(FOLDER / "canvas.html"),
        css_template="\n".join(_read(f"{name}.css") for name in STYLES),
        js_on_load="\n".join(_read(f"{name}.js") for name in SCRIPTS),
        apply_default_css=False,
        server_functions=server_functions(service, explain, card, checkpoints),
        **layout,
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
