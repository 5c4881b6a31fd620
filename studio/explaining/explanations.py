"""Explanations of what the model answered, for all visitors: kept by content, in lanes of their own."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import StoppedError
from studio.explaining.works import Work, Works
from studio.lane import Lane
from studio.service import Masking, Service, question
from studio.session import Session
from studio.shelf import Shelf

if TYPE_CHECKING:
    from engine.explain.question import Asked
    from engine.explain.results import AttentionPyramid, Attribution, HeadEffect, Hidings, Leak, Proof
    from engine.predictor import Seen

Result = TypeVar("Result")

MOST_KEPT = 512


@dataclass(frozen=True)
class Subject:
    """What is to be explained: a visitor's session, how its regions are hidden, and the number of the work."""

    visitor: str
    session: Session
    masking: Masking
    number: int


class Explanations:
    """Quick maps and slow ones take turns among themselves, so that a map does not wait for somebody's sampling.

    Neither lane is the one that answers clicks. Every method raises what `Service.see` does, BusyError, whatever the
    engine says of the question, and StoppedError once the visitor has stopped the work of that number.
    """

    def __init__(self, service: Service) -> None:
        self.works = Works()
        self._service = service
        self._maps, self._long = Lane("maps"), Lane("long")
        self._kept: Shelf[tuple[Hashable, ...], Any] = Shelf(MOST_KEPT)
        service.when_closed(lambda digests: self._kept.keep_only(lambda key: key[0] in digests))

    def pyramid(self, asks: Subject) -> AttentionPyramid:
        """Attention of all layers and heads."""
        return self._once(asks, ("pyramid",), self._maps,
                          lambda seen, _: self._engine.pyramid(seen, self._question(asks)))

    def hidings(self, asks: Subject) -> Hidings:
        """What every single further hiding does to every answer."""
        return self._once(asks, ("hidings",), self._maps,
                          lambda seen, work: self._engine.hidings(seen, self._question(asks), work.is_stopped))

    def attribute(self, asks: Subject, asked: Asked, method: str) -> Attribution:
        """How much each word and region did for the asked answer, by one of the engine's methods."""
        from engine.explain.methods import method as known

        return self._once(
            asks, ("map", asked, method), self._long if known(method).long else self._maps,
            lambda seen, work: self._engine.attribute(seen, self._question(asks), asked, method, work.advance,
                                                      work.is_stopped))

    def prove(self, asks: Subject, asked: Asked, method: str) -> Proof:
        """Whether that map can be believed, on this very example."""
        attribution = self.attribute(asks, asked, method)
        return self._once(
            asks, ("proof", asked, method), self._long,
            lambda seen, work: self._engine.prove(seen, self._question(asks), asked, attribution, work.advance,
                                                  work.is_stopped))

    def rank_heads(self, asks: Subject, asked: Asked) -> tuple[HeadEffect, ...]:
        """What switching off each head by itself does to the asked answer."""
        return self._once(
            asks, ("heads", asked), self._long,
            lambda seen, work: self._engine.rank_heads(seen, self._question(asks), asked, work.advance,
                                                       work.is_stopped))

    def leak(self, asks: Subject) -> tuple[Leak, ...]:
        """The hidden regions' answers with their features hidden and with their pixels hidden."""
        self._service.see_hidden(asks.visitor, asks.session)
        return self._once(asks, ("leak",), self._maps,
                          lambda seen, _: self._engine.leak(seen, self._question(asks)))

    @property
    def _engine(self) -> Any:
        return self._service.explainer

    @staticmethod
    def _question(asks: Subject) -> Any:
        return question(asks.session, asks.masking)

    def _once(self, asks: Subject, what: tuple[Hashable, ...], lane: Lane,
              compute: Callable[[Seen, Work], Result]) -> Result:
        """The result kept from before, of this model, photo and state, or a new one."""
        photo = self._service.visitors.photo(asks.visitor, asks.session.photo)
        key = (photo.digest, self._service.status.text, replace(asks.session, photo=""), asks.masking, *what)
        kept = self._kept.get(key)
        if kept is not None:
            return kept  # type: ignore[no-any-return]
        with self.works.begin(asks.visitor, asks.number) as work:
            see = self._service.see_hidden if asks.masking == "pixels" else self._service.see
            seen = see(asks.visitor, asks.session)

            def turn() -> Result:
                if work.is_stopped():
                    raise StoppedError("Stopped before it began.")
                return compute(seen, work)

            result = lane.run(turn, work.queued)
        self._kept.put(key, result)
        return result
