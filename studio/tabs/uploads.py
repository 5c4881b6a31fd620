"""Uploads that keep the names of the files as the visitor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


class UploadedFiles(gr.File):
    """A file box whose value in Python is `uploads`."""

    is_template = True  # Gradio draws it as the component that it is derived from

    def preprocess(self, payload: ListFiles | FileData | None) -> Any:
        return uploads(payload)


class UploadedFolder(gr.UploadButton):
    """A button for a folder whose value in Python is `uploads`."""

    is_template = True

    def preprocess(self, payload: ListFiles | FileData | None) -> Any:
        return uploads(payload)
