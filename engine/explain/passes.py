"""Many sets of players through the model, in batches that are short enough to be stopped between."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

import torch
from torch import Tensor

from engine.errors import StoppedError
from engine.explain.game import Game
from engine.explain.heads_off import HeadsOff
from engine.explain.target import Explained
from engine.model.vlbert import Encoded, VLBert
from engine.predictor import Predictor
from engine.progress import Progress

WORK = 8e9  # multiply-adds of one batch; under 100 ms on two cores

Stop = Callable[[], bool]


class Clock:
    """Tells how far the work is and ends it when it is told to. progress: called with (done, total)."""

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


class Passes:
    """Evaluates sets of players of one game. `clock` is asked before every batch."""

    def __init__(self, predictor: Predictor, game: Game, clock: Clock) -> None:
        self.predictor, self.game, self.clock = predictor, game, clock
        self._known: dict[tuple[Explained, bytes], float] = {}
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
    def values(self, present: Tensor, target: Explained) -> Tensor:
        """present [S, P] bool -> probability of the answer in each, [S]. What was asked before is not computed again.

        Raises StoppedError.
        """
        keys = [(target, row.numpy().tobytes()) for row in present]
        new = {key: i for i, key in enumerate(keys) if key not in self._known}
        order = list(new.values())
        for rows, encoded in self.batches(present[order]):
            found = target.log_probability(self.model, encoded).exp().tolist()
            self._known.update(zip((keys[i] for i in order[rows]), found, strict=True))
        return torch.tensor([self._known[key] for key in keys])


def batch_rows(model: VLBert, game: Game) -> int:
    """How many rows make about `WORK`."""
    length = len(game.caption.piece_ids) + len(game.regions) + 1
    weights = sum(p.numel() for p in model.encoder.parameters())
    return max(1, int(WORK / (length * weights)))


def single_hidings(players: int) -> Tensor:
    """[P + 1, P] bool: everybody in, then each player out alone."""
    return torch.cat([torch.ones(1, players, dtype=torch.bool), ~torch.eye(players, dtype=torch.bool)])
