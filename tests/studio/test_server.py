import logging
import time

import pytest
from fake_predictor import FakePredictor
from gradio.data_classes import DataWithFiles

from studio.canvas.server import server_functions
from studio.explaining.explanations import Explanations
from studio.service import Service


@pytest.fixture
def server():
    """The functions that the page calls, by name, over a ready service; `visitor` is admitted."""
    service = Service(FakePredictor)
    service.start()
    while service.status.state == "loading":
        time.sleep(0.005)
    functions = {f.__name__: f for f in server_functions(service, Explanations(service))}
    functions["visitor"] = service.visitors.admit()
    functions["service"] = service
    return functions


def opened(server):
    return server["open_example"]({"visitor": server["visitor"], "number": 0})


def test_an_example_comes_with_its_picture_caption_and_hidden_word(server):
    reply = opened(server)
    assert reply["picture"].startswith("data:image/jpeg;base64,")
    assert reply["hide"] in reply["caption"] and (reply["width"], reply["height"]) == (640, 480)


def test_results_about_an_example_outlast_its_visitors_and_those_about_an_own_photo_do_not(server, jpeg):
    service = server["service"]
    for opened_by in (lambda visitor: server["open_example"]({"visitor": visitor, "number": 0}),
                      lambda visitor: server["open_photo"](DataWithFiles(data={"visitor": visitor},
                                                                        files=[("own.jpg", jpeg(50))]))):
        for _ in range(2):
            visitor = service.visitors.admit()
            server["look"]({"visitor": visitor, "photo": opened_by(visitor)["photo"], "caption": "a dog runs"})
            service.leave(visitor)
    assert service.predictor.calls.count("see") == 1 + 2


def test_an_answer_goes_all_the_way_to_plain_json(server):
    asked = {"visitor": server["visitor"], "photo": opened(server)["photo"], "caption": "a dog runs",
             "boxes": [[0.1, 0.1, 0.4, 0.4]], "hidden_words": [1], "hidden_regions": [1], "sequence": 1}
    reply = server["ask"]({**asked, "masking": "feature"})
    assert [w["truth"] for w in reply["words"]] == ["dog"] and len(reply["regions"]) == 1
    assert server["ask"]({**asked, "masking": "pixels"})["masking"] == "pixels"
    assert server["ask"]({**asked, "masking": "pixels", "sequence": 0})["masking"] == "pixels"  # kept from before


@pytest.mark.parametrize(("name", "fields", "kind", "sentence"), [
    ("ask", {"masking": "both", "sequence": 1}, "RequestError", "Masking is “feature” or “pixels”"),
    ("ask", {"masking": "feature", "sequence": 1, "caption": "a dog", "hidden_words": [9]}, "MaskError",
     "There is no word 9"),
    ("ask", {"masking": "feature", "sequence": 1, "caption": "a dog", "hidden_regions": [0]}, "MaskError",
     "Region 0 cannot be hidden"),
    ("look", {"boxes": [[0.1, 0.1, 0.1, 0.5]]}, "BoxError", "Box 1 has no area inside the picture"),
    ("look", {"boxes": [[1.2, 1.2, 1.5, 1.5]]}, "BoxError", "Box 1 has no area inside the picture"),
    ("look", {"boxes": [[0, 0, 1, 1]] * 101}, "BoxError", "There are 101 boxes; at most 100 fit"),
    ("look", {"photo": "guessed"}, "PhotoGoneError", "no longer keeps this photo"),
    ("look", {"visitor": None}, "RequestError", "The request lacks its visitor"),
    ("read", {"caption": " "}, "CaptionError", "The caption is empty"),
    ("open_example", {"number": 8}, "RequestError", "There is no example 8"),
    ("open_photo", {}, "RequestError", "Exactly one picture must be sent"),
])
def test_what_goes_wrong_comes_back_as_a_sentence(server, name, fields, kind, sentence):
    reply = server[name]({"visitor": server["visitor"], "photo": opened(server)["photo"], **fields})
    assert reply["kind"] == kind and sentence in reply["error"]


def test_a_file_that_is_no_picture_comes_back_as_a_sentence(server):
    sent = DataWithFiles(data={"visitor": server["visitor"]}, files=[("<b>.png", b"text")])
    assert server["open_photo"](sent)["kind"] == "PhotoError"


def test_a_fault_of_ours_is_logged_and_gives_no_details_away(server, caplog, monkeypatch):
    sent = DataWithFiles(data=None, files=[("a.png", b"")])
    assert {server[name](what)["kind"] for name, what in (("status", []), ("open_photo", sent))} == {"RequestError"}
    with caplog.at_level(logging.ERROR):
        monkeypatch.setattr("studio.canvas.server.all_examples", lambda: 1 / 0)
        reply = server["examples"]({})
    assert reply == {"error": "Something went wrong in the studio. What you have is kept; try again.",
                     "kind": "Unexpected"}
    assert "examples failed." in caplog.text
