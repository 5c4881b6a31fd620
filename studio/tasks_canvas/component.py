"""The component of the tasks: one gr.HTML that shares scripts and style with the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.canvas.markup import markup
from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk
from studio.tasks_canvas.server import task_functions

FOLDER = Path(__file__).parent
CANVAS = FOLDER.parent / "canvas"
SHARED_SCRIPTS = ("dom", "server", "sources", "photo", "boxes", "status", "keep", "works", "values")
SCRIPTS = ("fields", "lights", "results", "adapters", "asking", "attributing", "tasks")
SHARED_STYLES = ("canvas", "picture", "panel")


def build_task_canvas(service: Service, explain: Explanations, desk: TaskDesk, **layout: Any) -> gr.HTML:
    """Its value is {"visitor": the visitor's secret name}. Built as `build_canvas` is."""
    return gr.HTML(
        value=None,
        html_template=markup(FOLDER / "tasks.html", without=frozenset({"drawing"})),
        css_template="\n".join([*(_read(CANVAS, f"{name}.css") for name in SHARED_STYLES), _read(FOLDER, "tasks.css")]),
        js_on_load="\n".join([*(_read(CANVAS, f"{name}.js") for name in SHARED_SCRIPTS),
                              *(_read(FOLDER, f"{name}.js") for name in SCRIPTS)]),
        apply_default_css=False,
        server_functions=task_functions(service, explain, desk),
        **layout,
    )


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")
