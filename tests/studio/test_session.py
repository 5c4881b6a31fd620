import json

import pytest

from engine.errors import BoxError, CaptionError
from studio.errors import RequestError
from studio.session import Session


def test_a_session_survives_the_way_to_json_and_back():
    session = Session("ticket", "a dog 🐕 runs", ((0.1, 0.2, 0.5, 0.9),), (1,), (1,))
    assert Session.from_json(json.loads(json.dumps(session.to_json()))) == session


def test_hidden_places_come_sorted_and_once():
    session = Session.from_json({"photo": "t", "caption": "a b", "hidden_words": [3, 1, 3], "hidden_regions": []})
    assert session.hidden_words == (1, 3)


@pytest.mark.parametrize(("fields", "error", "message"), [
    ({"photo": None}, RequestError, "a photo and a caption"),
    ({"photo": "t", "caption": "x" * 4001}, CaptionError, "4001 characters; at most 4000 fit"),
    ({"photo": "t", "boxes": "all"}, RequestError, "must be a list of boxes"),
    ({"photo": "t", "boxes": [[0, 0, 1]]}, BoxError, "Box 1 must be four numbers"),
    ({"photo": "t", "boxes": [[0, 0, 1, 1], [0, 0, float("nan"), 1]]}, BoxError, "Box 2 must be four numbers"),
    ({"photo": "t", "hidden_words": ["dog"]}, RequestError, "hidden words must be a list of whole numbers"),
    ({"photo": "t", "hidden_regions": list(range(201))}, RequestError, "201 regions are hidden; at most 200"),
])
def test_what_the_page_never_sends_is_refused_with_a_sentence(fields, error, message):
    with pytest.raises(error, match=message):
        Session.from_json(fields)
