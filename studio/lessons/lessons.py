"""The lessons as a component beside the canvas of the same tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.lessons.lesson import all_lessons

FOLDER = Path(__file__).parent


def build_lessons(**layout: Any) -> gr.HTML:
    """A closed panel; its scripts put the button that opens it into the head of the component #canvas, and set scenes
    there through studio/canvas/remote.js."""
    return gr.HTML(
        value=[lesson.to_json() for lesson in all_lessons()],
        html_template=_read("lessons.html"),
        css_template=_read("lessons.css"),
        js_on_load="\n".join(_read(name) for name in ("facts.js", "watch.js", "lessons.js")),
        apply_default_css=False,
        **layout,
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
