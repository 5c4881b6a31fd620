"""Why a fine-tuned model answers, chooses or points as it does: the methods and proofs of `Explainer` for its head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from engine.errors import MaskError
from engine.explain.attribution import attribute
from engine.explain.game import Game
from engine.explain.methods import method
from engine.explain.passes import Clock, KnownValues, Passes, Progress, Stop
from engine.explain.proof import prove
from engine.explain.question import Kind, Player, Question
from engine.explain.results import Attribution, Proof
from engine.model.task_heads import TaskHead
from engine.model.vlbert import Encoded, VLBert
from engine.structures.caption import Caption, Word
from engine.structures.example import Example
from engine.structures.seen import Seen
from engine.task_predictor import Form, TaskPredictor, TaskQuestion


@dataclass(frozen=True, eq=False)
class TaskGame(Game):
    """A task's sequence as a game: every word and every region but 0 may be taken out. A word that names a box goes on
    carrying its feature. form: the whole sequence."""

    form: Form

    def example(self, present: Sequence[bool]) -> Example:
        shown = super().example(present)
        return replace(self.form.example, piece_ids=shown.piece_ids, hidden_regions=shown.hidden_regions)


@dataclass(frozen=True)
class TaskTarget:
    """The answer that is explained, in the manner of `engine.explain.target.Target`: its own probability, a sigmoid.

    places: of the element that it is read from, in the text, or the region. output: which of the head's outputs.
    """

    kind: Kind
    index: int
    answer: str
    places: tuple[int, ...]
    head: TaskHead
    task: str
    output: int = 0

    def log_probability(self, model: VLBert, encoded: Encoded) -> Tensor:
        """[B], differentiable."""
        if self.task == "vcr":
            return F.logsigmoid(self.head.calibrated(encoded.pooled.float()))
        states = encoded.text if self.kind == "word" else encoded.regions
        return F.logsigmoid(self.head.calibrated(states[:, self.places[0]].float())[:, self.output])


class TaskExplainer:
    """Explains what a `TaskPredictor` answers about a photo that was seen.

    answer, everywhere: of ask, the answer's number in `info.answers`; of choose, the choice, judged by itself; of
    point, the region. Every method raises what `TaskPredictor.ask` does, MaskError where there is nothing that could
    be taken out, and StoppedError where `stop` says True between batches.
    """

    def __init__(self, own: TaskPredictor, known: KnownValues | None = None) -> None:
        """known: values that explainers of any adapters share; of its own if left out."""
        self.own = own
        self._known = known or KnownValues()

    def attribute(self, seen: Seen, question: TaskQuestion, answer: int, method_name: str,
                  progress: Progress | None = None, stop: Stop | None = None) -> Attribution:
        """How much each word and region does for the answer. method_name: one of METHODS; ConfigError else."""
        chosen = method(method_name)
        passes, target = self._asked(seen, question, answer, Clock(progress, stop))
        return attribute(passes, target, chosen)

    def prove(self, seen: Seen, question: TaskQuestion, answer: int, attribution: Attribution,
              progress: Progress | None = None, stop: Stop | None = None) -> Proof:
        """How far an attribution of this very answer tells what the model does."""
        passes, target = self._asked(seen, question, answer, Clock(progress, stop))
        return prove(passes, target, attribution)

    def words(self, seen: Seen, question: TaskQuestion, answer: int) -> tuple[str, ...]:
        """The words that `Attribution.words` has a value of each for."""
        return tuple(text for text, _ in self._form(seen, question, answer).words)

    def _form(self, seen: Seen, question: TaskQuestion, answer: int) -> Form:
        return self.own.forms(seen.regions, question)[answer if self.own.info.task == "vcr" else 0]

    def _asked(self, seen: Seen, question: TaskQuestion, answer: int, clock: Clock) -> tuple[Passes, TaskTarget]:
        form, info = self._form(seen, question, answer), self.own.info
        words = tuple(Word(text, 0, 0, places.start, places.stop) for text, places in form.words)
        text = " ".join(word.text for word in words)
        players = (*(Player("word", i) for i in range(len(words))),
                   *(Player("region", r) for r in range(1, len(seen.boxes))))
        if not players:
            raise MaskError("There is neither a word nor a region that could explain the answer.")
        caption = Caption(text, tuple(form.example.piece_ids), words)
        game = TaskGame(Question(text, (), ()), caption, seen.regions, (), (), players, self.own.pieces.mask, form)
        head = self.own.model.head
        targets = {
            "vqa": lambda: TaskTarget("word", 0, info.answers[answer], (form.asked,), head, "vqa", answer),
            "vcr": lambda: TaskTarget("word", 0, question.choices[answer].text, (0,), head, "vcr"),
            "grounding": lambda: TaskTarget("region", answer, seen.labels[answer], (answer,), head, "grounding")}
        known = self._known.of(seen, (question, answer))  # the target holds the adapter's head
        return Passes(self.own.believing(), game, clock, known), targets[info.task]()
