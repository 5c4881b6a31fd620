"""Many visitors at once, over HTTP as a browser comes: everybody gets an answer, and nothing is left of who leaves."""

from pathlib import Path

import pytest

from studio.bench import served
from studio.load import Visitor, measure

FAKE_APP = Path(__file__).parent / "fake_app.py"


@pytest.fixture(scope="module")
def url():
    with served(app=FAKE_APP) as (url, _):
        yield url


def test_thirty_two_visitors_at_once_all_get_every_answer_and_a_public_page_tells_who_asks_too_much(url):
    found = measure(url, visitors=32, clicks=5)
    assert found["errors"] == [] and found["n"] == 32 * 5
    with served("--public", app=FAKE_APP) as (public, _):
        found = measure(public, visitors=1, clicks=400)
        assert found["errors"] and all("wait a few seconds" in error for error in found["errors"])


def test_a_visitor_over_http_gets_the_answers_of_the_page(url):
    visitor = Visitor(url)
    visitor.wait()
    opened = visitor.call("open_example", number=0)
    reply = visitor.call("ask", photo=opened["photo"], caption="a dog runs", boxes=None, hidden_words=[1],
                         hidden_regions=[], masking="feature", sequence=1)
    assert [word["truth"] for word in reply["words"]] == ["dog"]
