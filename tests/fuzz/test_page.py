"""Altered requests of the page and of programs: each gets a reply or a sentence, none a fault of the studio."""

import io
import json
import time

import gradio as gr
from gradio.data_classes import DataWithFiles
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.boxes_config import AUTO_BOXES
from engine.data.box_format import file_boxes
from engine.structures.photo import Photo
from studio.api import Api
from studio.canvas.server import server_functions
from studio.explaining.explanations import Explanations
from studio.service import Service, load_explainer
from studio.session import Session
from studio.task_desk import TaskDesk
from studio.tasks_canvas.server import task_functions
from tests.fuzz.mutations import altered, as_json, damaged, examples, refusing, within
from tests.studio.fake_predictor import FakeExplainer, FakePredictor


def png():
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (90, 120, 60)).save(out, "PNG")
    return out.getvalue()


def ready(load, explain=FakeExplainer):
    service = Service(load, explain=explain)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.01)
    return service


STATE = {"photo": "", "caption": "a dog runs on the [MASK] .", "boxes": [[0.1, 0.1, 0.4, 0.4], [0.5, 0.2, 0.9, 0.8]],
         "hidden_words": [1], "hidden_regions": [1], "heads_off": [[0, 1]], "masking": "feature", "sequence": 1}
ASKED = {"asked": {"kind": "word", "index": 1, "answer": "dog"}, "method": "leave_one_out", "work": 1,
         "what": "csv", "view": "head", "checkpoint": "", "number": 1, "kept": "x"}


def said(reply, seen):
    """Everything is plain json, and what went wrong is named."""
    json.dumps(reply).encode()
    assert reply.get("kind") != "Unexpected", seen
    assert "error" not in reply or len(reply["error"]) < 20_000


def test_states_of_the_canvas() -> None:
    service = ready(FakePredictor)
    functions = {f.__name__: f for f in server_functions(service, Explanations(service))}
    visitor = service.visitors.admit()
    ticket = functions["open_photo"](DataWithFiles(data={"visitor": visitor}, files=[("a.png", png())]))["photo"]
    whole = {**STATE, **ASKED, "visitor": visitor, "photo": ticket, "heads_off": []}
    sent = altered([whole, {**whole, "boxes": None}, {**whole, "hidden_words": [], "hidden_regions": []}])

    names = sorted(set(functions) - {"why_leak"})  # the stand-in hides no pixels

    @examples(400)
    @given(st.sampled_from(names), sent)
    def check(name, fields):
        said(functions[name](fields), (name, fields))

    with within(300):
        check()


def test_states_of_the_tasks(predictor) -> None:
    service = ready(lambda: predictor, load_explainer)
    desk = TaskDesk(service, list)
    functions = {f.__name__: f for f in task_functions(service, Explanations(service), desk)}
    visitor = service.visitors.admit()
    ticket = functions["open_photo"](DataWithFiles(data={"visitor": visitor}, files=[("a.png", png())]))["photo"]
    offers = {offer["task"]: offer["key"] for offer in functions["adapters"]({})["adapters"]}
    base = {"visitor": visitor, "photo": ticket, "boxes": STATE["boxes"], "method": "relevance", "work": 1, "number": 1}
    asked = [{**base, "task": "ask", "adapter": offers["vqa"], "text": "what color is it ?", "answer": "red"},
             {**base, "task": "point", "adapter": offers["grounding"], "text": "the thing on the left", "answer": 1},
             {**base, "task": "choose", "adapter": offers["vqa"], "text": "what is [1] doing ?", "answer": 1,
              "answers": ["he runs", "[2] runs", "it sleeps", "no"], "rationales": ["a", "b", "c", "d"], "picked": 2}]
    names = sorted(set(functions) - {"task_proof", "draw", "examples"})

    @examples(120)
    @given(st.sampled_from(names), altered(asked))
    def check(name, fields):
        said(functions[name](fields), (name, fields))

    with within(600):
        check()


def test_files_that_are_sent(predictor) -> None:
    service = ready(lambda: predictor)
    functions = {f.__name__: f for f in task_functions(service, Explanations(service), TaskDesk(service, list))}
    visitor = service.visitors.admit()
    told = {"visitor": visitor, "name": "mine.safetensors"}
    files = st.lists(st.tuples(st.text(max_size=30), damaged([png(), b"{}", b""])), max_size=2)

    @examples(150)
    @given(st.sampled_from(["open_photo", "bring", "look"]), altered([told]), files)
    def check(name, fields, sent):
        said(functions[name](DataWithFiles(data=fields, files=sent)), (name, fields, sent))

    with within(300):
        check()


def test_arguments_of_the_api() -> None:
    service = ready(FakePredictor)
    api = Api(service, Explanations(service), TaskDesk(service, list))
    asked = [{"caption": "a dog runs", "hidden_words": [1], "hidden_regions": [1], "boxes": STATE["boxes"],
              "heads_off": [], "masking": "feature"}]
    explained = [{**asked[0], "kind": "word", "index": 1, "answer": "dog", "method": "leave_one_out", "proof": False}]

    @examples(300)
    @given(st.sampled_from([png(), png()[:40], b"", None, "x"]), altered(asked), altered(explained))
    def check(photo, few, many):
        for call, given_, known in ((api.predict, few, asked[0]), (api.explain, many, explained[0])):
            fields = {**known, **{k: v for k, v in given_.items() if k in known}} if isinstance(given_, dict) else known
            try:
                json.dumps(call(photo, **fields)).encode()
            except gr.Error as error:
                assert len(str(error)) > 10

    with within(300):
        check()


def test_sessions_and_boxes_come_as_they_were_or_are_refused(tmp_path, predictor) -> None:
    photo = Photo.open(png())

    @examples(200)
    @given(altered([STATE]))
    def sessions(fields):
        with refusing():
            session = Session.from_json(fields if isinstance(fields, dict) else {})
            assert Session.from_json(session.to_json()) == session

    @examples(200)
    @given(altered([STATE["boxes"]]).map(as_json) | damaged([as_json(STATE["boxes"])]))
    def boxes(content):
        (tmp_path / "boxes.json").write_bytes(content)
        with refusing():
            given_, _ = file_boxes(tmp_path / "boxes.json", (photo.width, photo.height), AUTO_BOXES)
            Session.from_json({"photo": "", "boxes": given_})
            FakePredictor().see(photo, given_)

    sessions()
    boxes()
