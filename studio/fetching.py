"""Files that a call names by their address. Gradio reads an answer of any size into memory; here it has a limit."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import safehttpx
from gradio.processing_utils import PUBLIC_HOSTNAME_WHITELIST
from gradio.utils import get_upload_folder
from gradio_client.utils import async_traverse, is_file_obj_with_meta, is_http_url_like

from studio.errors import RequestError

MOST_BYTES = 64 * 1024**2  # of a file, where the page has no lower limit
MOST_REDIRECTS, SECONDS = 10, 60.0
UPLOAD = "Upload the file itself, in Python with gradio_client.handle_file."
_WHY = (("failed validation", "its host is not a public one"), ("Unable to resolve", "there is no such host"))


async def with_fetched(inputs: Any, most: int) -> Any:
    """Download what inputs name by an address, and name the copy instead.

    Args:
        inputs: of a call, as JSON; files may be anywhere in it.
        most: bytes of a file.

    Returns:
        The same with paths in place of addresses.

    Raises:
        RequestError: an address cannot be fetched; the message says why.
    """
    async def fetched(file: dict[str, Any]) -> dict[str, Any]:
        if not is_http_url_like(file["path"]):
            return file
        name = Path(unquote(urlsplit(file["path"]).path)).name
        return {**file, "path": await _fetch(file["path"], most), "orig_name": file.get("orig_name") or name or None}

    return await async_traverse(inputs, fetched, is_file_obj_with_meta)


async def _fetch(address: str, most: int) -> str:
    """The copy lies in Gradio's folder of uploads, which Gradio tidies. Raises RequestError."""
    try:
        async with asyncio.timeout(SECONDS), _opened(address) as response:
            content = await _read(response, most)
    except Exception as error:
        raise RequestError(f"The file at {address} cannot be fetched: {_why(error)}. {UPLOAD}") from error
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as copy:
        copy.write(content)
    return copy.name


@asynccontextmanager
async def _opened(address: str) -> AsyncIterator[httpx.Response]:
    """The answer behind all redirects, each of which must lead to a public host."""
    for _ in range(MOST_REDIRECTS + 1):
        host = httpx.URL(address).host
        trusted = safehttpx.matches_domain_whitelist(host, PUBLIC_HOSTNAME_WHITELIST)
        transport = None if trusted else safehttpx.AsyncSecureTransport(await safehttpx.async_validate_url(host))
        async with httpx.AsyncClient(transport=transport) as client, client.stream("GET", address) as response:
            if not response.has_redirect_location:
                yield response
                return
            address = urljoin(address, response.headers["Location"])
    raise RequestError(f"it redirects more than {MOST_REDIRECTS} times")


async def _read(response: httpx.Response, most: int) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise RequestError(f"the host answered with HTTP {response.status_code}")
    content = bytearray()
    declared = response.headers.get("Content-Length", "")
    async for block in response.aiter_bytes(2**16):
        content += block
        if len(content) > most or (declared.isdecimal() and int(declared) > most):
            raise RequestError(f"it has over {most >> 20} MB")
    return bytes(content)


def _why(error: Exception) -> str:
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "no answer came in time"
    if isinstance(error, httpx.HTTPError):
        return f"the host cannot be reached ({error or type(error).__name__})"
    return next((words for said, words in _WHY if said in str(error)), str(error))
