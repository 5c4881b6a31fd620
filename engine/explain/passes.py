"""Many sets of players through the model, in batches that are short enough to be stopped between."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence

import torch
from torch import Tensor

from engine.errors import StoppedError
from engine.explain.game import Game
from engine.explain.heads_off import HeadsOff
from engine.explain.target import Explained
from engine.model.vlbert import Encoded, VLBert
from engine.predictor import Predictor
from engine.progress import Progress
from engine.structures.seen import Seen

MOST_KNOWN = 3  # questions of one photo whose values are kept
WORK = 8e9  # multiply-adds of one batch; under 100 ms on two cores

Stop = Callable[[], bool]
Values = dict[tuple[Explained, bytes], float]


class Clock:
    """Reports progress and stops the work. progress: called with (done, total). stop: returns True to end the work."""

    def __init__(self, progress: Progress | None = None, stop: Stop | None = None) -> None:
        self._progress, self._stop = progress, stop

    def __call__(self, done: int, total: int) -> None:
        """Raises StoppedError."""
        if self._progress is not None:
            self._progress(min(done, total), total)
        self.check()

    def check(self) -> None:
        """Raises StoppedError."""
        if self._stop is not None and self._stop():
            raise StoppedError("The explanation was stopped. Ask again to start it anew.")


class KnownValues:
    """Values that were computed before, by photo and question. Methods and proofs of one question share most of their
    sets of players. The values of a photo go with its `Seen`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: weakref.WeakKeyDictionary[Seen, OrderedDict[Hashable, Values]] = weakref.WeakKeyDictionary()

    def of(self, seen: Seen, question: Hashable) -> Values:
        """The values of one question, to read and to add to.

        Args:
            seen: the photo.
            question: everything else that the values depend on, save the target.
        """
        with self._lock:
            questions = self._of.setdefault(seen, OrderedDict())
            found = questions.setdefault(question, {})
            questions.move_to_end(question)
            while len(questions) > MOST_KNOWN:
                questions.popitem(last=False)
        return found


class Passes:
    """Evaluates sets of players of one game. `clock` is checked before every batch. known: values computed before."""

    def __init__(self, predictor: Predictor, game: Game, clock: Clock, known: Values | None = None) -> None:
        self.predictor, self.game, self.clock = predictor, game, clock
        self._known: Values = {} if known is None else known
        self._once: dict[Hashable, Tensor] = {}

    @property
    def model(self) -> VLBert:
        return self.predictor.model

    def once(self, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """What several methods take from the same pass is computed for the first of them."""
        if key not in self._once:
            self._once[key] = compute()
        return self._once[key]

    def batches(self, present: Tensor) -> Iterator[tuple[slice, Encoded]]:
        """present [S, P] bool: which rows, and their states, batch after batch. Raises StoppedError."""
        step = batch_rows(self.model, self.game)
        for start in range(0, len(present), step):
            rows = slice(start, min(start + step, len(present)))
            self.clock.check()
            with HeadsOff(self.model, self.game.question.heads_off):
                encoded = self.predictor.encode([self.game.example(row) for row in present[rows].tolist()])
            yield rows, encoded

    @torch.inference_mode()
    def values(self, present: Tensor, target: Explained, counted: bool = False) -> Tensor:
        """The answer's probability for sets of players. What was computed before is not computed again.

        Args:
            present: [S, P] bool, which players are in.
            target: the answer.
            counted: whether the clock gets how many of the sets are done.

        Returns:
            [S].

        Raises:
            StoppedError: the clock was stopped.
        """
        keys = [(target, row.numpy().tobytes()) for row in present]
        order = list({key: i for i, key in enumerate(keys) if key not in self._known}.values())
        for rows, encoded in self.batches(present[order]):
            if counted:
                self.clock(rows.start, len(order))
            self.keep(present[order[rows]], target, target.log_probability(self.model, encoded).exp().tolist())
        return torch.tensor([self._known[key] for key in keys])

    def keep(self, present: Tensor, target: Explained, values: Sequence[float]) -> None:
        """Add values that were computed elsewhere.

        Args:
            present: [S, P] bool.
            target: the answer.
            values: S probabilities of it.
        """
        self._known.update(zip(((target, row.numpy().tobytes()) for row in present), values, strict=True))


def batch_rows(model: VLBert, game: Game) -> int:
    """How many rows make about `WORK`."""
    length = len(game.caption.piece_ids) + len(game.regions) + 1
    weights = sum(p.numel() for p in model.encoder.parameters())
    return max(1, int(WORK / (length * weights)))


def single_hidings(players: int) -> Tensor:
    """[P + 1, P] bool: everybody in, then each player out alone."""
    return torch.cat([torch.ones(1, players, dtype=torch.bool), ~torch.eye(players, dtype=torch.bool)])
