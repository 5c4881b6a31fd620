import threading
import time

import pytest
from fake_predictor import FakePredictor

from engine.errors import PhotoError, WeightsError
from studio import service as service_module
from studio.errors import BusyError, NotReadyError, PhotoGoneError, SupersededError, VisitorGoneError
from studio.service import Service
from studio.session import Session
from studio.shelf import Shelf
from studio.visitors import PHOTOS_EACH, Visitors


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "It did not happen within 10 seconds."
        time.sleep(0.005)


def ready_service(predictor=None, visitors=None):
    service = Service(lambda: predictor or FakePredictor(), visitors)
    service.start()
    wait_until(lambda: service.status.state != "loading")
    return service


def visit(service, photo, **fields):
    visitor = service.visitors.admit()
    return visitor, Session(service.visitors.keep(visitor, photo), caption="a dog runs", **fields)


def test_one_photo_is_looked_at_once_however_often_it_is_asked_about(photo):
    predictor = FakePredictor()
    service = ready_service(predictor)
    visitor, session = visit(service, photo(), hidden_words=(1,))
    for number in range(5):
        service.ask(visitor, session, number, "feature")
    assert predictor.calls.count("see") == 1


def test_the_same_photo_of_two_visitors_is_looked_at_once(photo):
    predictor = FakePredictor()
    service = ready_service(predictor)
    for _ in range(2):
        service.see(*visit(service, photo(7)))
    assert predictor.calls == ["see"]


def test_other_boxes_are_another_look(photo):
    predictor = FakePredictor()
    service = ready_service(predictor)
    visitor, session = visit(service, photo(), boxes=((0.1, 0.1, 0.5, 0.5),))
    seen = service.see(visitor, session)
    assert len(seen.boxes) == 2
    service.see(visitor, Session(session.photo, "a dog runs", None))
    assert predictor.calls == ["see", "see"]


def test_what_was_seen_is_bounded_in_number(photo, monkeypatch):
    monkeypatch.setattr(service_module, "MOST_SEEN", 3)
    predictor = FakePredictor()
    service = ready_service(predictor)
    visits = [visit(service, photo(shade)) for shade in range(4)]
    for visitor, session in [*visits, visits[3], visits[0]]:
        service.see(visitor, session)
    assert predictor.calls.count("see") == 5  # the fourth is still kept, the first was dropped for it


def test_a_shelf_drops_the_longest_unused_and_respects_weight():
    shelf = Shelf(most=3, most_weight=10, weigh=float)
    for key, weight in (("a", 2), ("b", 3), ("c", 4)):
        shelf.put(key, weight)
    shelf.get("a")
    shelf.put("d", 5)
    assert [shelf.get(k) for k in "abcd"] == [2, None, None, 5]
    shelf.put("e", 99)
    assert len(shelf) == 1 and shelf.get("e") == 99


def test_a_visitor_cannot_reach_the_photo_of_another(photo):
    service = ready_service()
    _, session = visit(service, photo())
    stranger = service.visitors.admit()
    with pytest.raises(PhotoGoneError, match="no longer keeps this photo"):
        service.ask(stranger, session, 1, "feature")
    with pytest.raises(VisitorGoneError, match="Reload the page"):
        service.ask("guessed", session, 1, "feature")


def test_names_and_tickets_cannot_be_guessed(photo):
    visitors = Visitors()
    names = {visitors.admit() for _ in range(50)}
    tickets = {visitors.keep(name, photo()) for name in names}
    assert len(names) == len(tickets) == 50
    assert min(map(len, names | tickets)) >= 43  # 256 bits


def test_leaving_drops_the_photo_and_what_was_seen_in_it_unless_another_has_it_open(photo):
    predictor = FakePredictor()
    service = ready_service(predictor)
    first, second = visit(service, photo(1)), visit(service, photo(1))
    service.see(*first)
    service.leave(first[0])
    with pytest.raises(PhotoGoneError):
        service.see(*first)
    service.see(*second)
    assert predictor.calls == ["see"]
    service.leave(second[0])
    assert len(service._seen) == 0


def test_an_idle_visitors_photos_are_dropped_and_the_visitor_may_come_back(photo):
    clock = Clock()
    visitors = Visitors(clock=clock, idle_seconds=60)
    idle, active = visitors.admit(), visitors.admit()
    forgotten, kept = visitors.keep(idle, photo(1)), visitors.keep(active, photo(2))
    clock.now = 50
    visitors.photo(active, kept)
    clock.now = 70
    visitors.sweep()
    assert visitors.photo(active, kept).pixels[0, 0, 0] == 2
    with pytest.raises(PhotoGoneError):
        visitors.photo(idle, forgotten)
    assert visitors.photo(idle, visitors.keep(idle, photo(1))).pixels[0, 0, 0] == 1


def test_each_visitor_keeps_a_few_photos_and_all_together_keep_to_the_limit(photo):
    visitors = Visitors(most_bytes=3 * photo().pixels.nbytes)
    one, two = visitors.admit(), visitors.admit()
    tickets = [visitors.keep(one, photo(shade)) for shade in range(PHOTOS_EACH + 1)]
    with pytest.raises(PhotoGoneError):
        visitors.photo(one, tickets[0])
    newest = visitors.keep(two, photo(9))
    assert visitors.photo(two, newest).pixels[0, 0, 0] == 9
    with pytest.raises(PhotoGoneError):
        visitors.photo(one, tickets[-1])


def test_before_the_model_is_there_a_question_gets_a_sentence(photo):
    service = Service(FakePredictor)
    with pytest.raises(NotReadyError, match="still loading"):
        service.see(*visit(service, photo()))


def test_weights_that_cannot_be_used_are_named_to_the_visitor(photo):
    def load():
        raise WeightsError("There is no file weights/model.safetensors. Run `make weights`.")

    service = Service(load)
    service.start()
    wait_until(lambda: service.status.state == "failed")
    assert service.status.text.startswith("There is no file weights/model.safetensors")
    with pytest.raises(NotReadyError, match="There is no file weights"):
        service.see(*visit(service, photo()))


class Blocking(FakePredictor):
    """Waits within `ask` by the given masking until `go_on` is set."""

    def __init__(self, masking):
        super().__init__()
        self.waits_by, self.begun, self.go_on = masking, threading.Event(), threading.Event()

    def ask(self, seen, caption, hidden_words=(), hidden_regions=(), masking="feature"):
        if masking == self.waits_by:
            self.begun.set()
            assert self.go_on.wait(10)
        return super().ask(seen, caption, hidden_words, hidden_regions, masking)


def test_a_quick_question_does_not_wait_for_a_slow_one(photo):
    predictor = Blocking("pixels")
    service = ready_service(predictor)
    visitor, session = visit(service, photo(), hidden_regions=(1,))
    slow = threading.Thread(target=service.ask, args=(visitor, session, 1, "pixels"))
    slow.start()
    assert predictor.begun.wait(10)
    service._seen.put((photo(3).digest, None), predictor.see(photo(3)))
    other, quick = visit(service, photo(3), hidden_words=(1,))
    assert service.ask(other, quick, 1, "feature").masking == "feature"
    predictor.go_on.set()
    slow.join()


def test_a_faithful_question_that_was_overtaken_is_not_computed(photo):
    predictor = FakePredictor()
    service = ready_service(predictor)
    visitor, session = visit(service, photo(), hidden_regions=(1,))
    service.ask(visitor, session, 5, "feature")
    with pytest.raises(SupersededError):
        service.ask(visitor, session, 4, "pixels")
    assert "pixels" not in predictor.calls


def test_too_many_waiting_questions_are_refused(photo, monkeypatch):
    monkeypatch.setattr("studio.lane.MOST_WAITING", 1)
    predictor = Blocking("feature")
    service = ready_service(predictor)
    visitor, session = visit(service, photo())
    waiting = threading.Thread(target=service.ask, args=(visitor, session, 1, "feature"))
    waiting.start()
    assert predictor.begun.wait(10)
    with pytest.raises(BusyError, match=r"Try again in a moment\."):
        service.ask(visitor, session, 2, "feature")
    predictor.go_on.set()
    waiting.join()


def test_a_file_is_opened_for_the_visitor_who_sent_it(jpeg):
    service = ready_service()
    visitor = service.visitors.admit()
    ticket, opened = service.open(visitor, jpeg(50))
    assert service.visitors.photo(visitor, ticket) is opened
    with pytest.raises(PhotoError, match="not a picture that can be read"):
        service.open(visitor, b"text")
