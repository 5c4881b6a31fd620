"""What a program reads where its call cannot be answered: a sentence each time, never that some app has raised."""

import json
import time
import urllib.request
from pathlib import Path

import gradio as gr
import pytest
from fake_predictor import FakePredictor
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from studio.api import Api
from studio.bench import served
from studio.errors import UNEXPECTED
from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk

ROOT = Path(__file__).parent.parent.parent
ASKS = {"caption": "a dog runs", "hidden_words": [1], "hidden_regions": []}
UPLOAD = "Upload the file itself, in Python with gradio_client.handle_file."


@pytest.fixture(scope="module")
def url():
    with served("--no-training", app=ROOT / "tests" / "studio" / "fake_app.py") as (url, _):
        yield url


def refused(url, name, *data):
    """What the endpoint says to a program that sends these inputs without any client."""
    sent = urllib.request.Request(f"{url}gradio_api/call/{name}", json.dumps({"data": data}).encode(),
                                  {"Content-Type": "application/json"})
    event = json.load(urllib.request.urlopen(sent, timeout=60))["event_id"]
    lines = urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}", timeout=120).read().decode().splitlines()
    assert "event: error" in lines
    return json.loads(lines[-1 if lines[-1] else -2].removeprefix("data: "))["error"]


@pytest.mark.parametrize(("path", "sentence"), [
    ("http://127.0.0.1:9/none.jpg",
     f"The file at http://127.0.0.1:9/none.jpg cannot be fetched: its host is not a public one. {UPLOAD}"),
    ("https://no.such.host.invalid/a.jpg",
     f"The file at https://no.such.host.invalid/a.jpg cannot be fetched: there is no such host. {UPLOAD}"),
    ("/etc/passwd", f"Only files that were uploaded are read. {UPLOAD}"),
    ("file:///etc/passwd", f"Only files that were uploaded are read. {UPLOAD}"),
    ("", f"Only files that were uploaded are read. {UPLOAD}"),
])
def test_a_photo_that_cannot_be_fetched_is_named_with_the_reason(url, path, sentence):
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert refused(url, "predict", photo, "a dog", [1], [], None, [], "feature") == sentence
    if path.startswith("http:"):
        with pytest.raises(AppError) as said:
            Client(url, verbose=False).predict(photo=photo, **ASKS, api_name="/predict")
        assert str(said.value) == sentence


def test_inputs_of_another_kind_are_named(url):
    client = Client(url, verbose=False)
    dog = {"photo": handle_file(str(ROOT / "assets" / "examples" / "dog.jpg")), **ASKS}
    for more, sentence in (({"index": "third"}, "The input “index” cannot be read: 'third'."),
                           ({"index": None},
                            "The request does not say which hidden word or region it asks about."),
                           ({"method": "magic"}, "There is no method 'magic'; choose one of consensus")):
        with pytest.raises(AppError) as said:
            client.predict(**dog, **more, api_name="/explain")
        assert str(said.value).startswith(sentence) and "Reload" not in str(said.value)
    assert refused(url, "predict", "dog.jpg", "a dog", [1], [], None, [], "feature") == (
        f"A file is a dictionary with its path and a mark that it is a file. {UPLOAD}")
    assert refused(url, "predict", None, "a dog").startswith("An event handler (predict) didn't receive enough input")


def test_a_fault_of_ours_is_said_without_details(monkeypatch, jpeg, caplog):
    service = Service(FakePredictor)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.005)
    monkeypatch.setattr(FakePredictor, "words", lambda *_: 1 / 0)
    with pytest.raises(gr.Error) as said:
        Api(service, Explanations(service), TaskDesk(service)).predict(jpeg(), "a dog", [1], [])
    assert said.value.message == UNEXPECTED and "ZeroDivisionError" in caplog.text
