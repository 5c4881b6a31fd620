"""How far an attribution shows what the model does: deletion, insertion and leave-one-out on the very example.

Deletion and insertion are those of Petsiuk, Das and Saenko 2018 (RISE, arXiv 1806.07421), over words and regions
together. Players are hidden as in training, though more of them than training hides at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.explain.attribution import raw_attention
from engine.explain.passes import Passes, single_hidings
from engine.explain.results import Attribution, Curve, Proof, Verdict
from engine.explain.target import Explained

DRAWN = 10  # random orders; each is also used in reverse, where its deletion curve is the other's insertion curve
BEATS = 0.95  # share of the random orders that a curve must beat
RANDOM_STEPS = 20  # a random order is measured at this many steps at most
EVERY_STEP = 64  # an attribution's order is measured at every step up to this many players,
FIRST_STEPS = 32  # with more players at the first ones and then at as many again


@dataclass(frozen=True)
class Chance:
    """Random orders on one example.

    seed: of the orders. areas: under the curve of each; deletion and insertion have the same ones, since each order is
    also used in reverse. deletion, insertion: the mean curves.
    """

    seed: int
    areas: tuple[float, ...]
    deletion: Curve
    insertion: Curve


def prove(passes: Passes, target: Explained, attribution: Attribution) -> Proof:
    """Measure an attribution against random orders, raw attention and leave-one-out.

    Args:
        passes: of the question. Its clock gets the number of sets of players that are done.
        target: the answer.
        attribution: of that question and answer.

    Returns:
        The curves, their areas and the verdict.

    Raises:
        StoppedError: the clock was stopped.
    """
    value = passes.game.gather(attribution.words, attribution.regions)
    own, attention = order_of(value), order_of(torch.tensor(raw_attention(passes, target)))
    players, seed = len(value), passes.game.question.seed(target.kind, target.index)
    passes.values(torch.cat([*(_sets(order, own_steps(players)) for order in (own, attention)),
                             *(_sets(order, random_steps(players)) for order in random_orders(players, seed)),
                             single_hidings(players)]), target, counted=True)  # all at once, in full batches
    deletion, insertion = curves(passes, target, own, attribution.method)
    by_attention = curves(passes, target, attention, "attention")
    random = chance(passes, target)
    better = (sum(deletion.area < area for area in random.areas) / len(random.areas),
              sum(insertion.area > area for area in random.areas) / len(random.areas))
    verdicts = (_verdict(better[0], deletion.area < by_attention[0].area),
                _verdict(better[1], insertion.area > by_attention[1].area))
    return Proof(
        deletion, insertion, random.deletion, random.insertion, *by_attention, len(random.areas), seed,
        len(own_steps(players)), *better, rank_correlation(value, leave_one_out_values(passes, target)),
        attribution.gap, *verdicts, verdicts[0] if verdicts[0] == verdicts[1] else "the curves disagree")


def order_of(values: Tensor) -> list[int]:
    """Players, most important first; equals in their own order."""
    return values.sort(descending=True, stable=True).indices.tolist()


def random_orders(players: int, seed: int) -> list[list[int]]:
    """DRAWN orders of the players, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(players, generator=generator).tolist() for _ in range(DRAWN)]


def chance(passes: Passes, target: Explained) -> Chance:
    """The curves of random orders. Raises StoppedError."""
    players, seed = len(passes.game.players), passes.game.question.seed(target.kind, target.index)
    found: list[Curve] = []
    for order in random_orders(players, seed):
        deletion, insertion = curves(passes, target, order, steps=random_steps(players))
        found += [deletion, Curve("", insertion.probability[::-1])]  # the second is the reverse order's deletion
    mean = tuple(np.mean([curve.probability for curve in found], axis=0).tolist())
    return Chance(seed, tuple(curve.area for curve in found), Curve("random", mean), Curve("random", mean[::-1]))


def random_steps(players: int) -> list[int]:
    """How many players are out at the steps where a random order is measured."""
    return np.linspace(0, players, min(players, RANDOM_STEPS) + 1).round().astype(int).tolist()


def own_steps(players: int) -> list[int]:
    """The same for an attribution's order, whose curves change most at their beginning."""
    if players <= EVERY_STEP:
        return list(range(players + 1))
    later = np.linspace(FIRST_STEPS, players, EVERY_STEP - FIRST_STEPS + 1).round().astype(int).tolist()
    return [*range(FIRST_STEPS), *later]


def curves(passes: Passes, target: Explained, order: Sequence[int], name: str = "",
           steps: Sequence[int] | None = None) -> tuple[Curve, Curve]:
    """Deletion and insertion in one order.

    Args:
        passes: of the question.
        target: the answer.
        order: the players, the first to be hidden or shown first.
        name: of both curves.
        steps: numbers of players where the curves are measured, `own_steps` if left out.

    Returns:
        P + 1 points each, linear between the steps.

    Raises:
        StoppedError: the clock was stopped.
    """
    players = len(order)
    steps = own_steps(players) if steps is None else steps
    both = passes.values(_sets(order, steps), target).numpy()  # [2 S]
    every = np.arange(players + 1)
    out, back = (np.interp(every, steps, half).tolist() for half in np.split(both, 2))
    return Curve(name, tuple(out)), Curve(name, tuple(back))


def _sets(order: Sequence[int], steps: Sequence[int]) -> Tensor:
    """[2 S, P] bool, which players are in: all but the first s of the order for each step s, then only those."""
    rank = torch.empty(len(order), dtype=torch.int64)
    rank[list(order)] = torch.arange(len(order))
    at = torch.tensor(list(steps))[:, None]
    return torch.cat([rank >= at, rank < at])


def leave_one_out_values(passes: Passes, target: Explained) -> Tensor:
    """[P]: what the answer loses with each player alone."""
    values = passes.values(single_hidings(len(passes.game.players)), target)
    return values[0] - values[1:]


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's: Pearson's of the ranks, equals sharing theirs; 0 where one of them is constant. a, b [P]."""
    x, y = (_ranks(v) for v in (a, b))
    x, y = x - x.mean(), y - y.mean()
    spread = float((x.square().sum() * y.square().sum()).sqrt())
    return float((x * y).sum()) / spread if spread else 0.0


def _ranks(values: Tensor) -> Tensor:
    """[P] float64; equals get their mean rank."""
    less = (values[None] < values[:, None]).sum(dim=1).double()
    equal = (values[None] == values[:, None]).sum(dim=1).double()
    return less + (equal - 1) / 2


def _verdict(beaten: float, beats_attention: bool) -> Verdict:
    """Of one curve. beaten: the share of the random orders that it beats."""
    if beaten < BEATS:
        return "no better than random"
    return "better than attention" if beats_attention else "better than random"
