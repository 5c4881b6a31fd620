"""Explanations in the studio: kept by content, stopped when told to, one visitor never another's."""

import re
import threading
import time
from contextlib import ExitStack

import fake_predictor as stand_in
import pytest
from fake_predictor import FakePredictor

from engine.errors import StoppedError
from engine.explain.question import Asked
from engine.explain.results import Attribution, Curve, Proof
from studio.canvas.server import server_functions
from studio.errors import BusyError
from studio.explaining.explanations import Explanations, Subject
from studio.explaining.taking import Taking
from studio.explaining.works import MOST_EACH, Works
from studio.service import Service, Status
from studio.session import Session
from studio.views.names import region_names

DOG = Asked("word", 1)


class FakeExplainer:
    """Needs as many steps as it is told, each a moment; waits for `go_on` before the first."""

    def __init__(self, predictor):
        self.calls, self.begun, self.go_on, self.steps = [], threading.Event(), threading.Event(), 1

    def attribute(self, seen, question, asked, method, progress, stop):
        self.calls.append((method, asked, question.heads_off))
        self.begun.set()
        for step in range(self.steps):
            progress(step, self.steps)
            while not self.go_on.wait(0.01):
                if stop():
                    raise StoppedError("The explanation was stopped.")
        return Attribution(method, "dog", (0.0,), (0.0,), 1.0, 0.0, None, None, True)


@pytest.fixture
def studio():
    engine = FakeExplainer(None)
    service = Service(FakePredictor, explain=lambda predictor: engine)
    service.start()
    while service.status.state == "loading" or service._explainer is None:
        time.sleep(0.005)
    return service, Explanations(service), engine


def subject(service, photo, number=1, **fields):
    visitor = service.visitors.admit()
    session = Session(service.visitors.keep(visitor, photo), "a dog", hidden_words=(1,), **fields)
    return Subject(visitor, session, "feature", number)


def test_what_was_explained_once_is_kept_for_everyone_with_the_same_photo_and_state(studio, photo):
    service, explain, engine = studio
    engine.go_on.set()
    first = explain.attribute(subject(service, photo()), DOG, "relevance")
    assert explain.attribute(subject(service, photo()), DOG, "relevance") is first
    explain.attribute(subject(service, photo(), heads_off=((0, 1),)), DOG, "relevance")
    explain.attribute(subject(service, photo(shade=7)), DOG, "relevance")
    explain.attribute(subject(service, photo()), DOG, "rollout")
    assert [(method, bool(off)) for method, _, off in engine.calls] == [
        ("relevance", False), ("relevance", True), ("relevance", False), ("rollout", False)]


def test_another_models_explanation_is_not_taken_for_this_ones(studio, photo, monkeypatch):
    service, explain, engine = studio
    engine.go_on.set()
    explain.attribute(subject(service, photo()), DOG, "relevance")
    monkeypatch.setattr(service, "_status", Status("ready", "another"))
    explain.attribute(subject(service, photo()), DOG, "relevance")
    assert len(engine.calls) == 2


def test_the_page_of_the_stand_in_model_is_explained_without_a_complaint_in_the_log(photo, caplog):
    service = Service(FakePredictor, explain=stand_in.FakeExplainer)
    service.start()
    while service.status.state == "loading" or service._explainer is None:
        time.sleep(0.005)
    functions = {f.__name__: f for f in server_functions(service, Explanations(service))}
    asks = subject(service, photo())
    sent = {"visitor": asks.visitor, "work": 1, "asked": {"kind": "word", "index": 1}, "method": "consensus",
            **asks.session.to_json()}
    assert [a["answer"] for a in functions["why_hidings"](sent)["asked"]] == ["dog"]
    assert functions["why_map"](sent)["words"][1] == 0
    assert functions["why_proof"](sent)["error"] == "The stand-in model cannot tell."
    assert caplog.records == []


def test_a_report_says_how_many_of_its_parts_are_made(photo):
    counts, flat = [], Curve("", (0.5, 0.5))

    class Proving(stand_in.FakeExplainer):
        def prove(self, seen, question, asked, attribution, progress, stop):
            progress(1, 99)  # the count of the report is shown, not that of one proof
            counts.append(explain.works.progress(asks.visitor, asks.number))
            return Proof(*[flat] * 6, 20, 7, 2, 1.0, 1.0, 0.0, None, *["better than random"] * 3)

    service = Service(FakePredictor, explain=Proving)
    service.start()
    while service.status.state == "loading" or service._explainer is None:
        time.sleep(0.005)
    explain, asks = Explanations(service), subject(service, photo())
    made = Taking(service, explain, "The card").file("report", asks, DOG, "rollout")
    assert counts == [(2, 10), (5, 10), (8, 10)]  # after the hidings, then values, proof and figure of three maps
    assert made.content.count(b"better than chance but no better than raw attention by both curves") == 3
    assert explain.works.progress(asks.visitor, asks.number) == (0, 0)
    names = region_names(service.see(asks.visitor, asks.session).labels)
    boxes = re.findall(r'<div class="\w*" title="([^"]*)"', made.content.decode())
    assert sorted(boxes) == sorted(4 * names[1:]) and len(set(names)) == len(names)  # the picture, and on it each map


def test_what_was_explained_is_forgotten_with_its_photo(studio, photo):
    service, explain, engine = studio
    engine.go_on.set()
    asks = subject(service, photo())
    explain.attribute(asks, DOG, "relevance")
    service.leave(asks.visitor)
    explain.attribute(subject(service, photo()), DOG, "relevance")
    assert len(engine.calls) == 2


def test_work_under_way_tells_how_far_it_is_and_stops_for_its_own_visitor_only(studio, photo):
    service, explain, engine = studio
    engine.steps = 5
    asks, other = subject(service, photo(), number=3), service.visitors.admit()
    ended = []
    thread = threading.Thread(target=lambda: ended.append(_stopped(lambda: explain.attribute(asks, DOG, "shapley"))))
    thread.start()
    assert engine.begun.wait(10)
    assert explain.works.progress(asks.visitor, 3) == (0, 5)
    assert explain.works.progress(other, 3) == (0, 0)
    explain.works.stop(other, 3)
    thread.join(0.1)
    assert thread.is_alive()
    explain.works.stop(asks.visitor, 3)
    thread.join(10)
    assert ended == [True]
    assert explain.works.progress(asks.visitor, 3) == (0, 0)


def test_work_that_waits_behind_somebody_elses_is_stopped_before_it_begins(studio, photo):
    service, explain, engine = studio
    first, second = subject(service, photo()), subject(service, photo(shade=9), number=8)
    running = threading.Thread(target=explain.attribute, args=(first, DOG, "shapley"))
    running.start()
    assert engine.begun.wait(10)
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(_stopped(lambda: explain.attribute(second, DOG, "shapley"))))
    waiting.start()
    explain.works.stop(second.visitor, 8)
    waiting.join(10)
    assert ended == [True] and running.is_alive()
    engine.go_on.set()
    running.join(10)
    assert len(engine.calls) == 1


def test_a_stop_that_overtakes_its_own_work_is_not_lost(studio, photo):
    service, explain, engine = studio
    asks = subject(service, photo(), number=5)
    explain.works.stop(asks.visitor, 5)
    with pytest.raises(StoppedError):
        explain.attribute(asks, DOG, "shapley")
    assert engine.calls == []


def test_a_visitor_has_a_few_works_at_a_time_whatever_their_numbers_and_others_have_theirs():
    works = Works()
    with ExitStack() as under_way:
        for _ in range(MOST_EACH):
            under_way.enter_context(works.begin("greedy", 1))
        with pytest.raises(BusyError, match="Wait for one, or stop it"), works.begin("greedy", 2):
            pass
        other = under_way.enter_context(works.begin("other", 1))
        works.stop("greedy", 1)  # what is stopped ends soon
        with works.begin("greedy", 3) as work:
            works.stop_all("greedy")
            assert work.is_stopped() and not other.is_stopped()
    with works.begin("greedy", 4) as work:
        assert not work.is_stopped()


def _stopped(work):
    try:
        work()
    except StoppedError:
        return True
    return False
