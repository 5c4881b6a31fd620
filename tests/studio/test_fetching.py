"""Photos that a call names by their address: fetched up to the page's limit, from public hosts only."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from studio.fetching import UPLOAD
from studio.inputs import explain_inputs

LIMIT = 2**20


class Host(BaseHTTPRequestHandler):
    """/N has N bytes and says so, /endless does not say how many come, /to/ADDRESS leads there, /loop to itself."""

    def do_GET(self):
        what = self.path.rpartition("/")[2]
        self.server.asked.append(self.path)
        if self.path.startswith("/to/") or what == "loop":
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(404 if what == "none" else 200)
        if what.isdecimal():
            self.send_header("Content-Length", what)
        self.end_headers()
        if what.isdecimal():
            self.wfile.write(b"x" * int(what))
        while what == "endless":
            try:
                self.server.sent += self.wfile.write(b"x" * 2**16)
            except OSError:
                return

    def log_message(self, *_):
        """Nothing: tests have a log of their own."""


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A server under the public name files.example; every other host is refused as one of a private network."""
    async def address_of(name):
        if name == "files.example":
            return "127.0.0.1"
        raise ValueError(f"Hostname {name} failed validation")

    monkeypatch.setattr("safehttpx.async_validate_url", address_of)
    monkeypatch.setattr("studio.fetching.get_upload_folder", lambda: str(tmp_path / "uploads"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        server.asked, server.sent = [], 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def file(host, path):
    return {"path": f"http://files.example:{host.server_port}{path}", "meta": {"_type": "gradio.FileData"}}


def read(inputs, limit=LIMIT):
    """What Gradio gets of these inputs."""
    async def plain(_, inputs):
        return inputs

    page = SimpleNamespace(preprocess_data=plain, max_file_size=limit)
    explain_inputs(page)
    function = SimpleNamespace(name="predict", inputs=[])
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: playwright's
        return thread.submit(asyncio.run, page.preprocess_data(function, inputs)).result()


def test_addresses_anywhere_in_the_inputs_become_files_and_the_rest_stays(host):
    upload = {"path": "/tmp/gradio/a.jpg", "meta": {"_type": "gradio.FileData"}, "orig_name": "<a>.jpg"}
    photo, (kept, nested), *rest = read([file(host, "/photos/%E2%80%AF/9"), [upload, {"deep": file(host, f"/{LIMIT}")}],
                                         "http://files.example/9", None])
    assert Path(photo["path"]).read_bytes() == b"x" * 9 and photo["orig_name"] == "9"
    assert Path(nested["deep"]["path"]).stat().st_size == LIMIT
    assert kept == upload and rest == ["http://files.example/9", None]
    assert Path(read([file(host, "/to/../7")])[0]["path"]).read_bytes() == b"x" * 7


@pytest.mark.parametrize(("path", "why"), [
    (f"/{LIMIT + 1}", "it has over 1 MB"),
    ("/endless", "it has over 1 MB"),
    ("/none", "the host answered with HTTP 404"),
    ("/loop", "it redirects more than 10 times"),
    ("/to/http://intranet/9", "its host is not a public one"),
])
def test_what_cannot_be_fetched_is_named_and_nothing_is_kept(host, tmp_path, path, why):
    sent = file(host, path)
    with pytest.raises(gr.Error) as refused:
        read(["a dog", {"anywhere": [sent]}])
    assert refused.value.message == f"The file at {sent['path']} cannot be fetched: {why}. {UPLOAD}"
    assert not (tmp_path / "uploads").exists() and host.sent < 64 * LIMIT
