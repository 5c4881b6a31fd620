"""Why Gradio cannot read the inputs of a call: by itself it gives a program no reason at all."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import gradio as gr
import httpx
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio_client.utils import is_http_url_like
from pydantic import ValidationError

_log = logging.getLogger(__name__)
_WHY = (("failed validation", "its host is not a public one"), ("Unable to resolve", "there is no such host"),
        ("Status code: ", "the host answered with HTTP "))
UPLOAD = "Upload the file itself, in Python with gradio_client.handle_file."


def explain_inputs(page: gr.Blocks) -> None:
    """Let every event of the page answer with a sentence where its inputs cannot be read."""
    plain = page.preprocess_data

    async def read(block_fn: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        try:
            return await plain(block_fn, inputs, *more, **named)
        except gr.Error:
            raise
        except Exception as error:
            _log.warning("The inputs of %s cannot be read: %s", block_fn.name, error)
            labels = [getattr(block, "label", "") for block in block_fn.inputs]
            raise gr.Error(reason(error, labels, inputs), print_exception=False) from error

    page.preprocess_data = read  # type: ignore[method-assign]


def reason(error: Exception, labels: Sequence[str], inputs: Sequence[Any]) -> str:
    """A sentence about an error that Gradio raises while it reads inputs.

    Args:
        error: what Gradio raised.
        labels: the names of the inputs.
        inputs: what came for each; fewer or more where that is the error.
    """
    if isinstance(error, InvalidPathError):
        return f"Only files that were uploaded are read. {UPLOAD}"
    if isinstance(error, ValidationError):
        return f"A file is a dictionary with its path and a mark that it is a file. {UPLOAD}"
    if isinstance(error, ComponentProcessingError):
        if isinstance(error.__cause__, FileNotFoundError):
            return "The uploaded file is no longer there. Upload it again."
        place = int((re.search(r"at index (\d+)", str(error)) or [0, 0])[1])
        return f"The input “{labels[place]}” cannot be read: {repr(inputs[place])[:80]}."
    address = next((i["path"] for i in inputs if isinstance(i, dict) and is_http_url_like(str(i.get("path")))), "")
    if address:
        return f"The file at {address} cannot be fetched: {_why(error)}. {UPLOAD}"
    return str(error).split("\n")[0]


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer came in time"
    if isinstance(error, httpx.HTTPError):
        return f"the host cannot be reached ({error or type(error).__name__})"
    for said, words in _WHY:
        if said in str(error):
            return words + str(error).partition(said)[2] if said.endswith(" ") else words
    return str(error)
