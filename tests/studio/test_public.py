"""A page that anybody can open: bounded uploads, bounded asking, no training, no folders in messages."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.config import FineTuneConfig, ScenesConfig
from engine.errors import DiskError, WeightsError
from studio import forms
from studio.errors import without_folders
from studio.flags import read_flags
from studio.jobs import open_jobs
from studio.public import Allowance, PublicLimits
from studio.tabs.training import starter
from studio.tabs.training_form import MAIN, MORE, SCENES, START, checker
from studio.teaching.jobs import Jobs
from studio.teaching.orders import Order, Places
from studio.teaching.runs import Record
from studio.views.progress import progress, table


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def post(limits, path="/gradio_api/queue/join", body=(b"x",), headers=(), client="1.2.3.4"):
    """(status, JSON of the reply) of one request; its body comes in the given parts."""
    sent, parts = [], list(body)

    async def receive():
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers), "client": (client, 1)}
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: playwright's
        thread.submit(asyncio.run, limits(scope, receive, send)).result()
    return sent[0]["status"], json.loads(sent[1]["body"] or "{}")


async def reading(scope, receive, send):
    """An app that reads the whole body and says how long it was, or that the visitor has gone."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            length = -1
            break
        length += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps({"length": length}).encode()})


def test_who_asks_too_fast_is_told_to_wait_and_nobody_else_is():
    clock = Clock()
    limits = PublicLimits(reading, Allowance(burst=3, per_second=1, clock=clock))
    assert [post(limits)[0] for _ in range(4)] == [200, 200, 200, 429]
    status, reply = post(limits, "/gradio_api/component_server/")
    assert status == 200 and reply["kind"] == "BusyError" and "wait a few seconds" in reply["error"]
    assert post(limits, client="5.6.7.8")[0] == 200
    clock.now = 2.0
    assert [post(limits)[0] for _ in range(3)] == [200, 200, 429]


def test_what_costs_nothing_is_not_counted_with_what_costs():
    def ask(sent, path="/gradio_api/component_server/"):
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        reply = post(limits, path, (body[:9], body[9:]), [(b"content-length", str(len(body)).encode())])[1]
        assert reply.get("kind") == "BusyError" or reply == {"length": len(body)}  # the app gets all of it
        return "length" in reply

    limits = PublicLimits(reading, Allowance(burst=8, per_second=0), cheap=Allowance(burst=5, per_second=0))
    costly = [{"fn_name": "ask"}, {"fn_name": ["status"]}, ["status"], b"[" * 4000, b"no JSON at all"]
    assert all(ask(sent) for sent in costly)
    arrive, events = {"data": [], "fn_index": 0, "session_hash": "x"}, "/gradio_api/run/predict"
    assert ask({**arrive, "data": ["a photo"]}, events)
    assert ask(arrive) and ask({"fn_name": "status", "data": "x" * 5000})
    assert not ask({"fn_name": "ask"})
    assert all(ask({"fn_name": name}) for name in ("status", "examples", "why_progress", "why_stop"))
    assert ask(arrive, events) and not ask({"fn_name": "status"})


def test_one_visitor_has_all_addresses_of_an_ipv6_network():
    limits = PublicLimits(reading, Allowance(burst=2, per_second=0))
    assert [post(limits, client=f"2001:db8:0:1::{n:x}")[0] for n in range(4)] == [200, 200, 429, 429]
    assert post(limits, client="2001:db8:0:2::1")[0] == 200
    mapped = [post(limits, client=f"::ffff:192.0.2.{n}")[0] for n in range(4)]
    assert mapped == [200] * 4  # addresses of IPv4 in another spelling


def test_addresses_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr("studio.public.MOST_ADDRESSES", 50)
    allowance = Allowance()
    for number in range(1000):
        allowance.take(str(number))
    assert len(allowance) == 50


@pytest.mark.parametrize("length", [b"101", b"many", b"99999999999999"])
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(length):
    limits = PublicLimits(reading, most_upload=100)
    status, reply = post(limits, headers=[(b"content-length", length)])
    assert status == 413 and reply["error"].startswith("The file is too large")
    assert post(limits, body=(b"x" * 100,), headers=[(b"content-length", b"100")]) == (200, {"length": 100})


def test_what_is_refused_is_taken_in_first_so_that_the_browser_hears_why():
    parts = [b"x" * 60, b"x" * 60]
    taken = []

    async def receive():
        taken.append(parts.pop(0))
        return {"type": "http.request", "body": taken[-1], "more_body": bool(parts)}

    async def send(message):
        taken.append(message["type"])

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"120")]}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, PublicLimits(reading, most_upload=100)(scope, receive, send)).result()
    assert taken == [b"x" * 60, b"x" * 60, "http.response.start", "http.response.body"]


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit():
    assert post(PublicLimits(reading, most_upload=100), body=(b"x" * 60, b"x" * 60, b"x"))[1] == {"length": -1}


def test_a_public_page_trains_nothing(monkeypatch):
    assert open_jobs(read_flags(["--public"])) is None
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    assert read_flags([]).public


@pytest.mark.parametrize(("message", "shown"), [
    (str(WeightsError("There is no file /srv/app/weights/model.safetensors. Copy it.")),
     "There is no file model.safetensors. Copy it."),
    ("/home/a b.jpg: 3/4 of it, see https://example.org/a/b.", "a b.jpg: 3/4 of it, see https://example.org/a/b."),
    ("weights/model.safetensors", "weights/model.safetensors"),
])
def test_a_visitor_reads_names_but_no_folders(message, shown):
    assert without_folders(message) == shown


def test_no_folder_of_the_machine_reaches_who_teaches(tmp_path):
    places = Places(tmp_path / "runs", tmp_path / "weights")
    jobs = Jobs(places)
    photo = tmp_path / "a.csv"
    photo.write_text("photo,phrase,x1,y1,x2,y2\n")
    said = [checker(jobs)([(str(photo), "a.csv")], "grounding", "auto", "auto")[1]]  # the weights have no vocabulary
    folder = places.runs / "20260101-120000-abcd"
    folder.mkdir()
    said.append(table(jobs.runs()))  # its record is missing
    order = Order(forms.read(FineTuneConfig, START), ScenesConfig(scenes=8))
    Record("r", order, 1.0, 1.0, pid=2**22 + 1, born=1.0).write(folder)
    (folder / "log.jsonl").write_text(json.dumps({"event": "failed", "why": f"There is no file {photo}. Copy it."}))
    said.append(progress(jobs.runs()[0]))
    jobs.check_disk = lambda own: (_ for _ in ()).throw(DiskError(f"{folder}/state.pt could not be written"))
    settings = [forms.widget(f, START.get(f.name)).value for f in forms.fields_of(FineTuneConfig, MAIN + MORE)]
    said.append(starter(jobs)("", SCENES, "", None, "", 8, 1, *settings)[0])
    for html, name in zip(said, ("vocab.txt", "run.json", "a.csv", "state.pt"), strict=True):
        assert name in html and str(tmp_path) not in html and "/tmp" not in html, html
