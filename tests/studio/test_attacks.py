"""What somebody who means harm would try on the page's functions."""

import io
import json
import struct
import time

import gradio as gr
import pytest
from fake_predictor import FakePredictor
from gradio.data_classes import DataWithFiles
from PIL import Image

from engine.errors import WeightsError
from engine.weights.files import read_tensors
from studio.api import Api
from studio.canvas.server import server_functions
from studio.explaining.explanations import Explanations
from studio.kept import Kept
from studio.service import Service
from studio.task_desk import TaskDesk
from studio.visitors import PHOTOS_EACH, Visitors


@pytest.fixture
def service():
    made = Service(FakePredictor, Visitors(most_bytes=3_000_000))
    made.start()
    while made.status.state == "loading":
        time.sleep(0.005)
    return made


@pytest.fixture
def call(service):
    """call(name, visitor, fields): what the page would get."""
    functions = {f.__name__: f for f in server_functions(service, Explanations(service))}
    return lambda name, visitor, **fields: functions[name]({"visitor": visitor, **fields})


def upload(service, visitor, shade, name="a.png"):
    file = io.BytesIO()
    Image.new("RGB", (200, 200), (shade % 256, shade // 256, 7)).save(file, "PNG")
    functions = {f.__name__: f for f in server_functions(service, Explanations(service))}
    return functions["open_photo"](DataWithFiles(data={"visitor": visitor}, files=[(name, file.getvalue())]))


def test_a_thousand_uploads_keep_to_the_memory_of_a_few(service):
    visitors = [service.visitors.admit() for _ in range(50)]
    for number in range(1000):
        assert "photo" in upload(service, visitors[number % 50], number)
    held = [photo for record in service.visitors._visitors.values() for photo in record.photos.values()]
    assert sum(photo.pixels.nbytes for photo in held) <= 3_000_000
    assert all(len(record.photos) <= PHOTOS_EACH for record in service.visitors._visitors.values())


def test_calls_of_programs_push_nobodys_visit_out(service, monkeypatch):
    monkeypatch.setattr("studio.visitors.MOST_VISITORS", 3)
    idle = service.visitors.admit()
    ticket = upload(service, idle, 1)["photo"]
    api, file = Api(service, Explanations(service), TaskDesk(service, list)), io.BytesIO()
    Image.new("RGB", (60, 40)).save(file, "PNG")
    for _ in range(5):
        assert api.predict(file.getvalue(), "a dog runs", [1], [])["words"][0]["truth"] == "dog"
        with pytest.raises(gr.Error):
            api.predict(b"no picture", "a dog runs", [1], [])
    assert service.visitors.photo(idle, ticket).width == 200
    assert list(service.visitors._visitors) == [idle]


def test_a_photo_that_is_linked_to_again_and_again_is_kept_once(photo, monkeypatch):
    monkeypatch.setattr("studio.kept.MOST_BYTES", 3 * photo().pixels.nbytes)
    kept = Kept()
    first, names = kept.keep("a", photo(1)), {kept.keep("a", photo(2)) for _ in range(15)}
    assert len(names) == 1 and kept.photo(first).pixels[0, 0, 0] == 1 and kept.photo(*names).pixels[0, 0, 0] == 2
    other = kept.keep("b", photo(2))
    assert len({first, *names, other}) == 3 and min(map(len, (first, *names, other))) == 43  # 256 bits
    assert Kept().keep("a", photo(1)) != first


def test_another_visitors_ticket_opens_nothing_in_any_function(service, call):
    owner, thief = service.visitors.admit(), service.visitors.admit()
    ticket = upload(service, owner, 5)["photo"]
    for name, fields in (("look", {}), ("ask", {"masking": "feature", "sequence": 1}),
                         ("why_hidings", {"work": 1}), ("why_attention", {"work": 1}), ("keep", {})):
        reply = call(name, thief, photo=ticket, caption="a dog", hidden_words=[1], **fields)
        assert reply.get("kind") == "PhotoGoneError", name
    assert "regions" in call("look", owner, photo=ticket, caption="a dog")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x.png", "a\x00.png", "<script>.png"])
def test_the_name_of_an_upload_is_never_a_path(service, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reply = upload(service, service.visitors.admit(), 3, name)
    assert "photo" in reply and list(tmp_path.iterdir()) == []
    assert name not in json.dumps(reply)


@pytest.mark.parametrize("number", ["../0", "0", 0.5, None, [0], -1, 10**9])
def test_an_example_is_only_ever_one_of_the_list(service, call, number):
    assert call("open_example", service.visitors.admit(), number=number)["kind"] == "RequestError"


@pytest.mark.parametrize("fields", [
    {"hidden_words": list(range(5000))}, {"hidden_words": [10**30]}, {"hidden_words": [True]}, {"boxes": [[1e308] * 4]},
    {"boxes": [["nan"] * 4]}, {"boxes": [[float("nan")] * 4]}, {"caption": "x" * 10**6}, {"caption": {"$": 1}},
    {"photo": ["a"]}, {"masking": "../"}, {"sequence": "1"}, {"heads_off": [[-1, 0]]},
])
def test_hostile_fields_come_back_as_a_named_error(service, call, fields):
    visitor = service.visitors.admit()
    ticket = upload(service, visitor, 9)["photo"]
    reply = call("ask", visitor, **{"photo": ticket, "caption": "a dog", "hidden_words": [1], "masking": "feature",
                                    "sequence": 1, **fields})
    assert reply.get("kind") not in (None, "Unexpected"), reply
    assert len(reply["error"]) < 100_000


def header(fields: object) -> bytes:
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize("data", [
    b"", b"\x80\x04cos\nsystem\n", struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 50) + b"{" * 50,
    header({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    header({"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}}) + bytes(16),
    header([1, 2]) + bytes(8),
], ids=["empty", "a pickle", "a header of exabytes", "deep", "a tensor of terabytes", "offsets below 0", "a list"])
def test_a_hostile_weights_file_is_refused_by_name(tmp_path, data):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"evil\.safetensors"):
        read_tensors(path)
