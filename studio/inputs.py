"""Messages for calls whose inputs cannot be read: Gradio gives a program no reason by itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from pydantic import ValidationError

from studio.errors import RequestError, without_folders
from studio.fetching import MOST_BYTES, UPLOAD, with_fetched

_log = logging.getLogger(__name__)


def explain_inputs(page: gr.Blocks) -> None:
    """Make every event of the page answer with a sentence where its inputs cannot be read.

    Files that a call names by their address are fetched here, up to the page's limit of uploads.
    """
    plain = page.preprocess_data

    async def read(block_fn: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        try:
            inputs = await with_fetched(inputs, getattr(page, "max_file_size", None) or MOST_BYTES)
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
    if isinstance(error, RequestError):
        return str(error)
    if isinstance(error, InvalidPathError):
        return f"Only files that were uploaded are read. {UPLOAD}"
    if isinstance(error, ValidationError):
        return f"A file is a dictionary with its path and a mark that it is a file. {UPLOAD}"
    if isinstance(error, ComponentProcessingError):
        if isinstance(error.__cause__, FileNotFoundError):
            return "The uploaded file is no longer there. Upload it again."
        place = int((re.search(r"at index (\d+)", str(error)) or [0, 0])[1])
        return f"The input “{labels[place]}” cannot be read: {repr(inputs[place])[:80]}."
    return without_folders(str(error).split("\n")[0])
