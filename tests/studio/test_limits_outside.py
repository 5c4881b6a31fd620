"""The limits of a public page as a visitor meets them: real requests to a real server, with and without proxies."""

import asyncio
import contextlib
import http.client
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from studio.bench import free_port, served
from studio.flags import read_flags
from studio.public import BURST, PER_SECOND, READ_BURST, READ_PER_SECOND, Allowance, PublicLimits
from studio.starting import environment, network_of

FAKE_APP = Path(__file__).parent / "fake_app.py"
VISITOR, OTHER, BALANCER = "198.51.100.7", "198.51.100.8", "10.16.3.80"


async def app(scope, receive, send):
    """Answers everything with an empty page, and takes no websocket."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@contextlib.contextmanager
def limited(*flags, burst=5):
    """The port of a server with the limits that these flags give, and small allowances that do not refill."""
    limits = PublicLimits(app, Allowance(burst, 0), reading=Allowance(burst, 0), files=Allowance(3 * burst, 0))
    found, port = read_flags(["--public", *flags]), free_port()
    with environment(network_of(None, False, found.trusted_proxies)):
        server = uvicorn.Server(uvicorn.Config(limits, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join()


def answered(port, forwarded=None, times=10, method="POST", path="/gradio_api/queue/join", headers=()):
    """How many of so many quick requests are answered. forwarded: the header X-Forwarded-For of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    statuses = []
    for number in range(times):
        sent = {**dict(headers), **({"X-Forwarded-For": forwarded.format(number)} if forwarded else {})}
        connection.request(method, path, b"x" if method == "POST" else None, sent)
        reply = connection.getresponse()
        reply.read()
        statuses.append(reply.status)
    connection.close()
    return sum(status != 429 for status in statuses)


def test_a_made_up_header_gives_no_new_allowance_where_no_proxy_is_trusted(caplog):
    with limited() as port, caplog.at_level(logging.WARNING):
        assert answered(port, "203.0.113.{}") == 5
        assert answered(port, f"{VISITOR}, 127.0.0.1") == 0 and answered(port) == 0
    assert caplog.text.count("from 127.0.0.1, which --trusted-proxies does not name") == 1


def test_behind_one_proxy_each_visitor_has_an_allowance_and_cannot_make_up_more():
    with limited("--trusted-proxies", "127.0.0.1") as port:
        assert answered(port, VISITOR) == 5
        assert answered(port, "203.0.113.{}, " + VISITOR) == 0
        assert answered(port, OTHER) == 5


def test_behind_several_proxies_in_a_row_visitors_do_not_share_an_allowance():
    with limited("--trusted-proxies", "127.0.0.1,10.16.0.0/16") as port:
        assert answered(port, f"{VISITOR}, {BALANCER}") == 5
        assert answered(port, "203.0.113.{}, " + f"{VISITOR}, 10.16.0.9, {BALANCER}") == 0
        assert answered(port, f"{OTHER}, {BALANCER}") == 5
    with limited("--trusted-proxies", "127.0.0.1") as port:  # the balancer is not named: it is the visitor
        assert [answered(port, f"{who}, {BALANCER}") for who in (VISITOR, OTHER)] == [5, 0]


def test_on_a_space_its_own_proxy_is_trusted_and_the_environment_names_others(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    with limited() as port:
        assert [answered(port, f"{who}, {BALANCER}") for who in (VISITOR, OTHER)] == [5, 5]
        assert answered(port, "203.0.113.{}, " + f"{VISITOR}, {BALANCER}") == 0
    monkeypatch.setenv("VLBERT_TRUSTED_PROXIES", "192.0.2.1")
    with limited() as port:
        assert [answered(port, who) for who in (VISITOR, OTHER)] == [5, 0]


def test_reads_and_websockets_are_limited_and_files_of_the_page_are_more_widely():
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for reads in ({"method": "GET", "path": "/"}, {"method": "HEAD", "path": "/config"}):
        with limited() as port:
            assert answered(port, **reads) == 5
            assert answered(port, method="GET", path="/assets/index.js", times=20) == 15
            assert answered(port) == 5  # calls are counted apart
    with limited() as port:
        assert answered(port, method="GET", path="/", times=5) == 5
        assert answered(port, method="GET", path="/ws", times=1, headers=upgrade) == 0


def test_a_websocket_beyond_the_allowance_is_closed_before_it_opens():
    sent = []
    limits = PublicLimits(app, reading=Allowance(burst=1, per_second=0))
    scope = {"type": "websocket", "path": "/ws", "headers": [], "client": (VISITOR, 1)}

    async def send(message):
        sent.append(message["type"])

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: playwright's
        for _ in range(2):
            thread.submit(asyncio.run, limits(scope, None, send)).result()
    assert sent == ["websocket.close"]


def test_the_studio_itself_counts_visitors_behind_its_proxies():
    with served("--public", "--trusted-proxies", f"127.0.0.1,{BALANCER}", app=FAKE_APP) as (url, _):
        port = int(url.rstrip("/").rpartition(":")[2])
        began = time.monotonic()
        found = [answered(port, f"{who}, {BALANCER}", times=400) for who in (VISITOR, OTHER)]
        found.append(answered(port, "203.0.113.{}, " + f"{VISITOR}, {BALANCER}", times=100))
        reads = answered(port, f"{VISITOR}, {BALANCER}", times=800, method="GET", path="/robots.txt")
        refilled = time.monotonic() - began  # a busy machine takes longer, and so has more left
        assert all(BURST <= times <= BURST + PER_SECOND * refilled + 1 for times in found[:2])
        assert found[0] + found[2] <= BURST + PER_SECOND * refilled + 1
        assert reads <= READ_BURST + READ_PER_SECOND * refilled + 1
