"""What a page that anybody can open needs: smaller uploads, and a limit on how much one visitor asks."""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

MOST_UPLOAD = 16 * 1024**2
MOST_DRAINED = 80 * 1024**2  # more than the page itself hands in
BURST, PER_SECOND = 120.0, 8.0  # a page that opens asks about 40 times at once, a quick visitor five times a second
# What costs next to nothing is counted apart and more widely: many may share an address, as a class does, and a page
# whose first call is refused shows nothing. A flood of arrivals would still drive out who came before.
CHEAP_BURST, CHEAP_PER_SECOND = 600.0, 80.0
# A page that opens reads itself and two more, and 70 files of its program, which cost next to nothing. Websockets count
# as reads.
READ_BURST, READ_PER_SECOND = 240.0, 16.0
FILE_BURST, FILE_PER_SECOND = 6000.0, 400.0
FILES = ("/assets/", "/static/")
READING = ("GET", "HEAD", "OPTIONS")
CHEAP = frozenset({"status", "examples", "why_progress", "why_stop"})
MOST_CHEAP = 4096  # bytes of such a call
MOST_ADDRESSES = 10_000
CALLS, EVENTS = "/component_server", "/run/predict"
TOO_FAST = "You ask faster than this page can answer everybody. What you have is kept; wait a few seconds."
_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Allowance:
    """How many requests each address has left: `burst` at once, and `per_second` more every second (a token bucket).

    `clock` counts seconds; tests bring their own.
    """

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, address: str) -> bool:
        """Whether this address may ask now."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(address, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            allowed = left >= 1
            self._left[address] = (left - 1 if allowed else left, now)
            while len(self._left) > MOST_ADDRESSES:
                self._left.popitem(last=False)
            return allowed


class PublicLimits:
    """ASGI middleware: refuses bodies beyond `most_upload` bytes, and requests beyond an address's allowance.

    Four allowances are counted apart: `files` for those of the page's program; `reading` for any other GET and for the
    opening of websockets; `cheap` for calls named in CHEAP and for events without any input, as arriving is one;
    `allowance` for all else. A refused call of the page gets a reply with an error, as the page shows it; other
    requests get a status. A body of an honest length is read to its end first: a browser that is still sending would
    not receive the reply.

    The address is that of the connection, or the one that a trusted proxy names: uvicorn has put it in its place.
    """

    def __init__(self, app: App, allowance: Allowance | None = None, most_upload: int = MOST_UPLOAD,
                 cheap: Allowance | None = None, reading: Allowance | None = None,
                 files: Allowance | None = None) -> None:
        self._app, self._most_upload = app, most_upload
        self._allowance = Allowance() if allowance is None else allowance
        self._cheap = Allowance(CHEAP_BURST, CHEAP_PER_SECOND) if cheap is None else cheap
        self._reading = Allowance(READ_BURST, READ_PER_SECOND) if reading is None else reading
        self._files = Allowance(FILE_BURST, FILE_PER_SECOND) if files is None else files
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._warn_of_proxy(scope, headers)
        if scope["type"] == "http" and scope["method"] not in READING:
            await self._sent(scope, receive, send, headers.get(b"content-length", b"0"))
        elif (self._files if scope["path"].startswith(FILES) else self._reading).take(_address(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013, "reason": TOO_FAST})
        else:
            await _refuse(scope, send, 429, "BusyError", TOO_FAST)

    async def _sent(self, scope: Scope, receive: Receive, send: Send, length: bytes) -> None:
        """A request with a body."""
        receive, is_cheap = await _read_cheap(scope, receive, length)
        allowance = self._cheap if is_cheap else self._allowance
        if not allowance.take(_address(scope)):
            await _drain(receive, length)
            await _refuse(scope, send, 429, "BusyError", TOO_FAST)
            return
        if not length.isdigit() or int(length) > self._most_upload:
            await _drain(receive, length)
            await _refuse(scope, send, 413, "TooLargeError", f"The file is too large: at most "
                          f"{self._most_upload // 1024**2} MB are taken here. Save a photo smaller; of adapters, those "
                          "tuned with lora or head fit. In a studio of your own, larger ones do, too.")
            return
        await self._app(scope, self._bounded(receive), send)

    def _warn_of_proxy(self, scope: Scope, headers: MutableMapping[bytes, bytes]) -> None:
        """Say once in the log that requests come through a proxy that is not trusted."""
        address = str((scope.get("client") or ("unknown",))[0])
        forwarded = headers.get(b"x-forwarded-for", b"").decode("latin1")
        if forwarded and address not in forwarded and not self._warned:
            self._warned = True
            _log.warning("Requests with X-Forwarded-For come from %s, which --trusted-proxies does not name: whoever "
                         "comes through it shares one allowance.", address)

    def _bounded(self, receive: Receive) -> Receive:
        """A body that says nothing of its length, or lies, ends where the limit is."""
        came = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return {"type": "http.disconnect"} if came > self._most_upload else message

        return bounded


def _address(scope: Scope) -> str:
    """Of IPv6 the network of 64 bits, since one visitor has all addresses in it."""
    host = str((scope.get("client") or ("unknown",))[0])
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped:
        return host
    return str(ipaddress.ip_network((int(address), 64), strict=False))


async def _read_cheap(scope: Scope, receive: Receive, length: bytes) -> tuple[Receive, bool]:
    """A `receive` that gives the same body, and whether that asks for something that costs next to nothing.

    Only small bodies are looked into, on the two paths where such calls come.
    """
    path = scope["path"].rstrip("/")
    if not path.endswith((CALLS, EVENTS)) or not length.isdigit() or not 0 < int(length) <= MOST_CHEAP:
        return receive, False
    messages = [await receive()]
    while messages[-1].get("more_body") and sum(len(m.get("body", b"")) for m in messages) <= MOST_CHEAP:
        messages.append(await receive())
    body, waiting = b"".join(m.get("body", b"") for m in messages), list(messages)

    async def again() -> MutableMapping[str, Any]:
        return waiting.pop(0) if waiting else await receive()

    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return again, False
    if not isinstance(sent, dict):
        return again, False
    if path.endswith(EVENTS):
        return again, "fn_index" in sent and sent.get("data") == []
    return again, isinstance(sent.get("fn_name"), str) and sent["fn_name"] in CHEAP


async def _drain(receive: Receive, length: bytes) -> None:
    """Take in a body and keep none of it."""
    left = int(length) if length.isdigit() and int(length) <= MOST_DRAINED else 0
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


async def _refuse(scope: Scope, send: Send, status: int, kind: str, sentence: str) -> None:
    body = json.dumps({"error": sentence, "kind": kind}).encode()
    status = 200 if CALLS in scope["path"] else status
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
