"""Questions that wait at the same time are answered together, each with its own answer or its own error."""

import threading

import pytest
from test_service import Blocking, ready_service, visit, wait_until

from engine.errors import MaskError
from studio.lane import Lane
from studio.together import Together


class Asking:
    """Doubles numbers, and keeps what came together. The first question waits until `go_on` is set."""

    def __init__(self):
        self.batches, self.go_on = [], threading.Event()
        self.together = Together(Lane("test"), self.answer, most=10, weigh=abs)
        self.got = {}

    def answer(self, numbers):
        self.batches.append(list(numbers))
        if len(self.batches) == 1:
            assert self.go_on.wait(10)
        if any(n < 0 for n in numbers):
            raise MaskError("below nothing")
        return [2 * n for n in numbers]

    def ask(self, number):
        try:
            self.got[number] = self.together.ask(number)
        except MaskError as error:
            self.got[number] = str(error)

    def ask_all(self, numbers):
        """The first is under way before the others come, which then wait in the order given."""
        threads = []
        for count, number in enumerate(numbers):
            threads.append(threading.Thread(target=self.ask, args=(number,)))
            threads[-1].start()
            wait_until(lambda n=count: len(self.batches) == 1 and len(self.together._waiting) == n)
        self.go_on.set()
        for thread in threads:
            thread.join(10)


def test_who_waits_while_another_is_answered_is_answered_together():
    asking = Asking()
    asking.ask_all([1, 2, 3, 4])
    assert asking.batches == [[1], [2, 3, 4]] and asking.got == {1: 2, 2: 4, 3: 6, 4: 8}


def test_heavy_questions_are_not_taken_together_and_everyone_still_gets_an_answer():
    asking = Asking()
    asking.ask_all([1, 8, 50, 7, 3])
    assert asking.batches == [[1], [8], [50], [7, 3]]
    assert asking.got == {1: 2, 8: 16, 50: 100, 7: 14, 3: 6}


def test_a_question_that_cannot_be_answered_fails_alone():
    asking = Asking()
    asking.ask_all([1, 2, -3, 4])
    assert asking.got == {1: 2, 2: 4, -3: "below nothing", 4: 8}


def test_visitors_who_click_at_the_same_time_reach_the_model_together(photo):
    predictor = Blocking("feature")
    batches, own = [], predictor.ask_many
    predictor.ask_many = lambda inquiries: batches.append(len(inquiries)) or own(inquiries)
    service = ready_service(predictor)
    visits = [visit(service, photo(), hidden_words=(number % 3,)) for number in range(6)]
    service.see(*visits[0])
    answers = {}
    threads = [threading.Thread(target=lambda n=n, v=v: answers.update({n: service.ask(*v, 1, "feature")}))
               for n, v in enumerate(visits)]
    threads[0].start()
    assert predictor.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: len(service._together._waiting) == 5)
    predictor.go_on.set()
    for thread in threads:
        thread.join(10)
    assert batches == [1, 5]
    assert [answers[n].words[0].index for n in range(6)] == [0, 1, 2, 0, 1, 2]


def test_who_is_refused_a_turn_is_not_kept(photo):
    class Refusing:
        def run(self, work):
            raise MaskError("no turn")

    together = Together(Refusing(), lambda numbers: numbers, 5, abs)
    with pytest.raises(MaskError, match="no turn"):
        together.ask(1)
    assert not together._waiting
