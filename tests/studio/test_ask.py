"""What a program asks adapters by /ask: the numbers of the page, or a sentence."""

import time
from types import SimpleNamespace

import gradio as gr
import pytest

from engine.structures.photo import Photo
from engine.structures.questions import TaggedText
from engine.task_predictor import TaskPredictor, TaskQuestion
from studio.api import Api
from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk
from tests.conftest import ROOT

PHOTO = ROOT / "assets" / "examples" / "astronaut.jpg"
WEIGHTS = ROOT / "assets" / "weights"


@pytest.fixture(scope="module")
def api(predictor):
    """The API on the shipped model, with the shipped adapter for questions as that of two finished runs, too."""
    service = Service(lambda: predictor)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.01)
    runs = [SimpleNamespace(run=str(i), name="my run", task="vqa", path=WEIGHTS / "mini-vqa.safetensors")
            for i in (1, 2)]
    return Api(service, Explanations(service), TaskDesk(service, lambda: runs))


def test_a_program_gets_the_answers_of_the_engine(api, predictor):
    seen = predictor.see(Photo.open(PHOTO))
    said = api.ask(PHOTO.read_bytes(), question="what color is the jacket ?")
    answer = TaskPredictor.load(predictor, WEIGHTS / "mini-vqa.safetensors").ask(
        seen, TaskQuestion(TaggedText.plain("what color is the jacket ?")))
    assert [(r["answer"], r["probability"]) for r in said["rows"]] == [
        (c.text, pytest.approx(c.probability, abs=1e-3)) for c in answer.best]
    assert (said["task"], said["adapter"]) == ("vqa", "shipped mini-vqa.safetensors")
    assert len(said["photo_regions"]) == len(seen.labels)
    said = api.ask(PHOTO.read_bytes(), phrase="the helmet", boxes=[[0.1, 0.1, 0.5, 0.5], [0.4, 0.4, 0.9, 0.9]])
    assert said["task"] == "grounding" and {r["number"] for r in said["rows"]} == {0, 1, 2}
    four = ["a star", "a ball [1]", "rain", "no"]
    said = api.ask(PHOTO.read_bytes(), question="what is it [1] ?", choices=four)
    assert sum(r["probability"] for r in said["rows"]) == pytest.approx(1) and len(said["rows"]) == 4
    keys = [offer.key for offer in api._desk.offers() if offer.name == "my run"]
    assert len(keys) == 2 and all(
        api.ask(PHOTO.read_bytes(), question="what is it ?", adapter=key)["adapter"] == key for key in keys)


@pytest.mark.parametrize(("fields", "sentence"), [
    ({}, "Give either a question or a phrase"),
    ({"question": "x", "phrase": "y"}, "Give either a question or a phrase"),
    ({"question": "what ?", "choices": ["a"]}, "choices must be 4 texts, the answers to a question."),
    ({"phrase": "x", "choices": list("abcd")}, "choices must be 4 texts, the answers to a question."),
    ({"question": "what ?", "adapter": "none"}, "No adapter for vqa on this server can be meant by 'none'. Give the "
     "key of one of these: 'shipped mini-vqa.safetensors' (the shipped adapter), 'run 1 "),
    ({"question": "what ?", "adapter": "my run"}, "2 adapters for vqa on this server can be meant by 'my run'. Give"),
    ({"phrase": "x", "adapter": "mini-vqa.safetensors"}, "No adapter for grounding on this server can be meant by"),
    ({"question": "what [99] ?", "choices": list("abcd")}, "names a region that is not there"),
    ({"question": "dog " * 500}, "The question has 500 word pieces")])
def test_what_cannot_be_asked_is_said_in_a_sentence(api, fields, sentence):
    with pytest.raises(gr.Error) as refused:
        api.ask(PHOTO.read_bytes(), **fields)
    assert sentence in str(refused.value)
    assert "Reload the page" not in str(refused.value)


def test_a_program_learns_which_words_cannot_be_read_and_what_the_target_is(api):
    caption = "A red circle 🔴 beside a <mask> on the ___ ."
    said = api.predict(PHOTO.read_bytes(), caption, [3], [1], boxes=[[0.1, 0.1, 0.5, 0.5], [0.4, 0.4, 0.9, 0.9]])
    assert said["caption_words"] == ["A", "red", "circle", "🔴", "beside", "a", "<mask>", "on", "the", "___", "."]
    assert said["unread_words"] == [3]
    assert said["caption_note"] == "The model's vocabulary does not hold “🔴”: it sees [UNK] in its place."
    assert [(w["index"], w["title"], w["known"]) for w in said["words"]] == [
        (3, "🔴", False), (6, "[MASK]", False), (9, "[MASK]", False)]
    assert said["words"][0]["note"].startswith("The model’s vocabulary does not hold “🔴”: while it is visible")
    assert [r["target"] for r in said["regions"]] == ["Detector’s label"]
    assert not any(c["true"] for c in said["regions"][0]["best"])
    assert all(0 < r["probability"] <= 1 and r["percent"] for r in said["photo_regions"])
    with pytest.raises(gr.Error) as refused:
        api.explain(PHOTO.read_bytes(), caption, [3], [], index=3, answer="🔴")
    assert "“🔴” is not in the model's vocabulary, so the model gives it no probability." in str(refused.value)
    asked = api.ask(PHOTO.read_bytes(), question="what is the 🔴 ?")
    assert asked["note"] == "The model's vocabulary does not hold “🔴”: it sees [UNK] in its place."
