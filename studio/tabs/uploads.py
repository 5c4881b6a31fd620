"""Uploads that keep the names of the files as the visitor has them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData, ListFiles

Upload = tuple[str, str]
"""The path of an uploaded file, and its name on the visitor's disk: Gradio takes signs such as `!` out of paths."""


def uploads(sent: ListFiles | FileData | None) -> list[Upload]:
    """Read what a component was sent.

    Args:
        sent: files in Gradio's folder of uploads

    Returns:
        Each with its own name.
    """
    files = [sent] if isinstance(sent, FileData) else list(sent or [])
    return [(file.path, file.orig_name or Path(file.path).name) for file in files]


def keep_names(component: gr.File | gr.UploadButton) -> None:
    """Let the value of a component in Python be `uploads`. A subclass would make Gradio write a .pyi file beside it."""
    component.preprocess = uploads  # type: ignore[method-assign,assignment]
