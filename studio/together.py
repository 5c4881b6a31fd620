"""Questions of several visitors that wait at the same time are answered together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from engine.errors import VLBertError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Turns(Protocol):
    """One piece of work at a time."""

    def run(self, work: Callable[[], None]) -> None: ...


class Together(Generic[Asked, Answer]):
    """Whoever's turn comes first answers for all who wait behind.

    answer: from questions to as many answers. most: the weight of the questions that are answered at a time; `weigh`
    gives that of one. A question that cannot be answered fails alone: the others with it are asked again without it.
    """

    def __init__(self, turns: Turns, answer: Callable[[Sequence[Asked]], Sequence[Answer]], most: int,
                 weigh: Callable[[Asked], int]) -> None:
        self._turns, self._answer, self._most, self._weigh = turns, answer, most, weigh
        self._waiting: deque[tuple[Asked, Future[Answer]]] = deque()
        self._lock = threading.Lock()

    def ask(self, question: Asked) -> Answer:
        """Raises whatever a turn and `answer` raise."""
        entry = (question, Future[Answer]())
        with self._lock:
            self._waiting.append(entry)
        try:
            self._turns.run(self._serve)
        except BaseException:
            with self._lock:
                if entry in self._waiting:
                    self._waiting.remove(entry)
            raise
        while not entry[1].done():
            # Heavy questions stood before this one, and took the turn.
            self._turns.run(self._serve)
        return entry[1].result()

    def _serve(self) -> None:
        taken = self._take()
        if not taken:
            return
        try:
            answers = self._answer([question for question, _ in taken])
            answered = list(zip(taken, answers, strict=True))
        except VLBertError:
            for question, future in taken:
                self._serve_alone(question, future)
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
        else:
            for (_, future), answer in answered:
                future.set_result(answer)

    def _serve_alone(self, question: Asked, future: Future[Answer]) -> None:
        try:
            future.set_result(self._answer([question])[0])
        except BaseException as error:
            future.set_exception(error)

    def _take(self) -> list[tuple[Asked, Future[Answer]]]:
        """In the order of arrival; at least one, where one waits."""
        taken: list[tuple[Asked, Future[Answer]]] = []
        weight = 0
        with self._lock:
            while self._waiting and (not taken or weight + self._weigh(self._waiting[0][0]) <= self._most):
                weight += self._weigh(self._waiting[0][0])
                taken.append(self._waiting.popleft())
        return taken
