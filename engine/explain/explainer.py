"""Why the model answers what it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from engine.explain.attention import pyramid
from engine.explain.attribution import attribute
from engine.explain.game import Game
from engine.explain.heads import rank_heads
from engine.explain.heads_off import HeadsOff
from engine.explain.hidings import hidings, resolve
from engine.explain.leak import leaks
from engine.explain.methods import method
from engine.explain.passes import Clock, KnownValues, Passes, Progress, Stop
from engine.explain.proof import prove
from engine.explain.question import Asked, Question
from engine.explain.results import AttentionPyramid, Attribution, HeadEffect, Hidings, Leak, Proof
from engine.predictor import Predictor, Seen
from engine.structures.prediction import Prediction

MASKINGS: tuple[Literal["feature", "pixels"], ...] = ("feature", "pixels")


class Explainer:
    """Answers questions about a `Seen` photo by a predictor's model.

    Everything only reads the model, save that a question whose masking is "pixels" goes through the detector, as
    `Predictor.ask` does. Every method raises CaptionError and MaskError as `Predictor.ask` does, MaskError where what
    is asked is not hidden, and AnswerError for an answer that cannot be. progress: called with (done, total). stop: is
    asked between batches; where it says True, StoppedError is raised.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._known = KnownValues()

    def ask(self, seen: Seen, question: Question) -> Prediction:
        """As `Predictor.ask`, with heads switched off."""
        with HeadsOff(self.predictor.model, question.heads_off):
            return self.predictor.ask(seen, question.caption, question.hidden_words, question.hidden_regions,
                                      question.masking)

    def pyramid(self, seen: Seen, question: Question) -> AttentionPyramid:
        """Attention of all layers and heads; heads that are switched off still show where they look."""
        return pyramid(self.predictor, Game.of(self.predictor, seen, question))

    def hidings(self, seen: Seen, question: Question, stop: Stop | None = None) -> Hidings:
        """All single hidings, in batches: the exact leave-one-out of everything asked."""
        return hidings(self._passes(seen, question, Clock(stop=stop)), seen)

    def attribute(self, seen: Seen, question: Question, asked: Asked, method_name: str,
                  progress: Progress | None = None, stop: Stop | None = None) -> Attribution:
        """How much each word and region does for the asked answer. method_name: one of METHODS; ConfigError else."""
        passes = self._passes(seen, question, Clock(progress, stop))
        chosen = method(method_name)
        passes.game.check(asked)
        return attribute(passes, resolve(passes, seen, asked), chosen)

    def prove(self, seen: Seen, question: Question, asked: Asked, attribution: Attribution,
              progress: Progress | None = None, stop: Stop | None = None) -> Proof:
        """How far an attribution of this very question tells what the model does."""
        passes = self._passes(seen, question, Clock(progress, stop))
        passes.game.check(asked)
        return prove(passes, resolve(passes, seen, asked), attribution)

    def rank_heads(self, seen: Seen, question: Question, asked: Asked, progress: Progress | None = None,
                   stop: Stop | None = None) -> tuple[HeadEffect, ...]:
        """What switching off each head does to the answer, the largest change first."""
        passes = self._passes(seen, question, Clock(progress, stop))
        return rank_heads(passes, resolve(passes, seen, asked))

    def leak(self, seen: Seen, question: Question) -> tuple[Leak, ...]:
        """Hidden features against hidden pixels, for every hidden region."""
        ways = [self.ask(seen, replace(question, masking=masking)) for masking in MASKINGS]
        return leaks(seen, *ways)

    def _passes(self, seen: Seen, question: Question, clock: Clock) -> Passes:
        return Passes(self.predictor, Game.of(self.predictor, seen, question), clock, self._known.of(seen, question))
