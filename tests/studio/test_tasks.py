"""Asking, choosing and pointing as the page does it, on the shipped model."""

import base64
import io
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
from fake_predictor import FakePredictor
from gradio.data_classes import DataWithFiles
from PIL import Image

from engine.data import own
from engine.measure.other_kinds import document
from engine.structures.novelty import UNLIKE
from engine.weights.adapters import read_info
from studio.examples import FOLDER
from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk
from studio.tasks_canvas import server as server_module
from studio.tasks_canvas.server import task_functions
from studio.views.tasks import trained_on
from tests.adapters import write_choosing
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def trained():
    """Adapters of finished runs, for a test to fill."""
    return []


@pytest.fixture(scope="module")
def page(predictor, trained):
    """The functions that the page calls, by name; `visitor` is admitted, `photo` is the astronaut."""
    service = Service(lambda: predictor)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.01)
    desk = TaskDesk(service, lambda: trained)
    functions = {f.__name__: f for f in task_functions(service, Explanations(service), desk)}
    functions["service"], functions["visitor"] = service, service.visitors.admit()
    opened = functions["open_example"]({"visitor": functions["visitor"], "number": 6})
    functions["photo"] = opened["photo"]
    return functions


def shipped(page, task):
    return next(o["key"] for o in page["adapters"]({})["adapters"] if o["task"] == task)


def asks(page, task, adapter, text, **fields):
    return {"visitor": page["visitor"], "photo": page["photo"], "task": task, "adapter": adapter, "text": text} | fields


def brought(page, path, name="mine.safetensors"):
    return page["bring"](DataWithFiles(data={"visitor": page["visitor"], "name": name},
                                       files=[(name, path.read_bytes())]))


def test_a_picture_unlike_the_training_photographs_has_a_note_and_an_adapter_says_whether_it_knows_scenes(page):
    assert {o["task"]: o["scenes"] for o in page["adapters"]({})["adapters"]} == {
        "vqa": False, "vcr": True, "grounding": False}
    assert page["look"]({"visitor": page["visitor"], "photo": page["photo"]})["note"] == ""
    file = io.BytesIO()
    document(np.random.default_rng(1)).save(file, "PNG")
    opened = page["open_photo"](DataWithFiles(data={"visitor": page["visitor"]}, files=[("page.png", file.getvalue())]))
    assert page["look"]({"visitor": page["visitor"], "photo": opened["photo"]})["note"] == UNLIKE


def test_a_question_is_answered_and_what_carries_it_is_told(page):
    asked = asks(page, "ask", shipped(page, "vqa"), "what color is the jacket ?")
    answer = page["answer"](asked)
    assert len(answer["rows"]) == len(answer["blind"]) == 5
    assert answer["rows"][0]["probability"] >= answer["rows"][1]["probability"]
    assert "without" in answer["verdict"]
    found = page["carried"]({**asked, "answer": answer["rows"][0]["answer"]})
    assert found["full"] == pytest.approx(answer["rows"][0]["probability"], abs=0.03)
    regions = page["look"]({"visitor": page["visitor"], "photo": page["photo"]})["regions"]
    assert len(found["regions"]) == len(regions) and found["regions"][0]["lost"] == 0
    assert [w["text"] for w in found["words"]] == ["what", "color", "is", "the", "jacket", "?"]
    looks = page["looks"]({**asked, "answer": 0})
    assert looks["elements"][looks["answer"]]["text"] == "[MASK]"
    assert all(abs(sum(row) - 1000) < len(row) for row in looks["weights"])
    json.dumps([answer, found, looks])


def test_a_map_of_an_answer_and_its_proof_come_and_stop_and_bad_ones_are_refused(page):
    asked = {**asks(page, "ask", shipped(page, "vqa"), "what color is the jacket ?"), "method": "relevance", "work": 7,
             "answer": "blue"}
    found, proof = page["task_map"](asked), page["task_proof"](asked)
    assert found["texts"] == ["what", "color", "is", "the", "jacket", "?"] and len(found["words"]) == 6
    assert found["answer"] == "blue" and found["scale"] == max(map(abs, found["words"] + found["regions"]))
    assert proof["curves"]["deletion"][0]["probability"][0] == pytest.approx(found["full"], abs=0.01)
    assert proof["sentence"].startswith(("Attention relevance", "Do not believe", "The two curves"))
    page["why_stop"]({"visitor": page["visitor"], "work": 8})
    assert page["task_map"]({**asked, "method": "shapley", "work": 8})["kind"] == "StoppedError"
    for fields, kind in (({"method": "magic"}, "ConfigError"), ({"answer": "no such answer"}, "CaptionError"),
                         ({"answer": 3}, "RequestError"), ({"work": None}, "RequestError")):
        assert page["task_map"]({**asked, **fields})["kind"] == kind
    json.dumps([found, proof])


def test_words_point_at_a_region_and_the_best_five_have_scores(page):
    asked = asks(page, "point", shipped(page, "grounding"), "her hair")
    answer = page["answer"](asked)
    best = [row["number"] for row in answer["rows"]]
    assert len(set(best)) == 5 and answer["scores"][best[0]] == max(answer["scores"])
    looks = page["looks"]({**asked, "answer": best[0]})
    assert looks["elements"][looks["answer"]]["index"] == best[0]
    assert "error" not in page["carried"]({**asked, "answer": best[0]})
    assert page["looks"]({**asked, "answer": 99})["kind"] == "RequestError"


def test_a_drawn_scene_brings_its_questions_and_an_adapter_handed_in_chooses(page, predictor, tmp_path):
    drawn = page["draw"]({"number": 0})
    picture = base64.b64decode(drawn["picture"].partition(",")[2])
    assert Image.open(io.BytesIO(picture)).size == (224, 224)
    photo = page["open_photo"](DataWithFiles(data={"visitor": page["visitor"]}, files=[("s.png", picture)]))["photo"]
    offer = brought(page, write_choosing(tmp_path / "a.safetensors", predictor))
    first = drawn["choose"][0]
    asked = asks(page, "choose", offer["key"], first["text"], photo=photo, boxes=drawn["boxes"],
                 answers=first["answers"], rationales=first["rationales"])
    answer, reason = page["answer"](asked), page["answer"]({**asked, "picked": first["answer"]})
    assert sum(r["probability"] for r in answer["rows"]) == pytest.approx(1, abs=1e-4)
    assert [r["probability"] for r in answer["rows"]] != [r["probability"] for r in reason["rows"]]
    found = page["carried"]({**asked, "answer": answer["best"]})
    assert len(found["regions"]) == len(drawn["boxes"]) + 1
    assert page["answer"]({**asked, "answers": ["it is [9]", *first["answers"][1:]]})["error"].startswith(
        f"Answer A: “is [9]” names a region that is not there; the picture has regions 1 to {len(drawn['boxes'])}")
    assert page["answer"]({**asked, "answers": [*first["answers"][:3], " "]})["error"].startswith("Answer D is empty")


def test_an_adapter_that_was_dropped_is_asked_for_again_and_one_of_a_run_is_found(page, predictor, trained, tmp_path):
    path = write_choosing(tmp_path / "run.safetensors", predictor)
    gone = page["answer"](asks(page, "ask", "own 0123", "what is this ?"))
    assert gone["kind"] == "AdapterGoneError" and "Hand it in again" in gone["error"]
    trained.append(SimpleNamespace(run="r1", name="Choosing on scenes", task="vcr", path=path))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(path.read_bytes()[:900])
    trained.append(SimpleNamespace(run="r2", name="Damaged", task="vcr", path=damaged))
    offers = [o for o in page["adapters"]({})["adapters"] if o["task"] == "vcr"]
    assert [o["name"] for o in offers] == ["the shipped adapter", "Choosing on scenes"]
    four = ["one", "two [1]", "three", "four"]
    assert page["answer"](asks(page, "choose", offers[1]["key"], "which ?", answers=four))["best"] in range(4)
    trained.clear()


@pytest.mark.parametrize(("change", "sentence"), [
    ({"base": "0" * 64}, "trained on another VL-BERT"), ({"rank": "2"}, "rank and alpha whole numbers"),
    ({"task": "<script>"}, "is unknown here"), (None, "damaged or cut short")])
def test_a_file_that_is_no_adapter_of_this_model_is_refused_by_its_name(page, predictor, tmp_path, change, sentence):
    path = write_choosing(tmp_path / "a.safetensors", predictor, **(change or {}))
    if change is None:
        path.write_bytes(path.read_bytes()[:-400])
    reply = brought(page, path, "wrong.safetensors")
    assert reply["kind"] == "WeightsError" and sentence in reply["error"]
    assert "wrong.safetensors" in reply["error"] or change in ({"task": "<script>"}, {"rank": "2"})
    assert "/tmp" not in reply["error"]


@pytest.mark.parametrize(("task", "fields", "kind", "sentence"), [
    ("ask", {"text": "  "}, "CaptionError", "The question is empty"),
    ("point", {"text": ""}, "CaptionError", "The phrase is empty"),
    ("ask", {"text": "dog " * 500}, "CaptionError", "The question has 500 word pieces"),
    ("choose", {"text": "why ?", "answers": ["a"] * 3}, "RequestError", "must be 4 texts"),
    ("choose", {"text": "x" * 5000, "answers": ["a"] * 4}, "CaptionError", "The question has 5000 characters"),
    ("sing", {"text": "la"}, "RequestError", "A task is one of"),
    ("ask", {"text": 3}, "RequestError", "lacks its text"),
    ("ask", {"text": "why ?", "photo": "guessed"}, "PhotoGoneError", "no longer keeps this photo")])
def test_what_cannot_be_asked_comes_back_as_a_sentence(page, task, fields, kind, sentence):
    adapter = shipped(page, "grounding" if task == "point" else "vqa")
    reply = page["answer"]({**asks(page, task, adapter, ""), **fields})
    assert reply["kind"] == kind and sentence in reply["error"]


def test_emoji_and_markup_are_words_like_others(page):
    for text in ("🐶🐶 ?", "<script>alert(1)</script>", "[MASK] [1]"):
        assert len(page["answer"](asks(page, "ask", shipped(page, "vqa"), text))["rows"]) == 5


def test_an_adapter_for_another_task_is_refused(page):
    reply = page["answer"](asks(page, "ask", shipped(page, "grounding"), "her hair"))
    assert reply["kind"] == "ConfigError" and "trained for grounding, not for vqa" in reply["error"]


def test_every_example_photo_has_something_to_ask_and_to_point_at(page):
    assert set(server_module._suggestions()) == {e.file for e in server_module.all_examples()}
    known = own.read(FOLDER, "vqa")
    assert len(known.entries) == 24 and not known.problems  # as `evaluate vqa --data assets/examples` asks them
    for number in range(len(server_module.all_examples())):
        offered = page["suggest"]({"number": number})
        assert len(offered["ask"]) == 3 and offered["point"]
    assert page["suggest"]({"number": 99}) == {}


def test_without_weights_there_are_no_adapters():
    service = Service(FakePredictor)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.01)
    assert TaskDesk(service).offers() == ()


def test_what_an_adapter_learned_from_is_said_for_people():
    assert "indoor rooms" in trained_on("vqa", "daquar train")
    assert "drawn scenes" in trained_on("vcr", "scenes train")
    several = trained_on("vqa", "flickr8k train, coco train, coco things_train, daquar blocks_train")
    assert several.count("photographs") == 1 and several.endswith("and questions about indoor rooms (DAQUAR).")
    assert trained_on("vqa", "coco train, mine train") == "Learned from: coco train, mine train"
    assert trained_on("vqa", "my photos train") == "Learned from: my photos train"
    assert trained_on("vcr", " ") == "It does not say what it learned from."
    for task in ("vqa", "vcr", "grounding"):
        about = read_info(ROOT / "assets" / "weights" / f"mini-{task}.safetensors").about
        assert trained_on(task, about).startswith("Learned from ")  # a sentence, not the name of a folder
