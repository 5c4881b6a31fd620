"""How far an attribution tells what the model does: deletion, insertion and leave-one-out on the very example.

Deletion and insertion are those of Petsiuk, Das and Saenko 2018 (RISE, arXiv 1806.07421), over words and regions
together. Players are taken out as the model was trained to miss them, though more of them than training hid at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.explain.attribution import raw_attention
from engine.explain.passes import Passes, single_hidings
from engine.explain.results import Attribution, Curve, Proof, Verdict
from engine.explain.target import Explained

ORDERS = 10  # random ones: each with its reverse, whose insertion is the other's deletion
BEATS = 0.9  # of the random orders must be worse


def prove(passes: Passes, target: Explained, attribution: Attribution) -> Proof:
    """Raises StoppedError."""
    value = passes.game.gather(attribution.words, attribution.regions)
    deletion, insertion = curves(passes, target, order_of(value), attribution.method)
    by_attention = curves(passes, target, order_of(torch.tensor(raw_attention(passes, target))), "attention")
    random = []
    for done, order in enumerate(random_orders(len(value))):
        passes.clock(done, ORDERS)
        random.append(curves(passes, target, order))
    exact = leave_one_out_values(passes, target)
    better = sum(deletion.area < d.area for d, _ in random) / len(random)
    return Proof(
        deletion, insertion, _mean("random", [d for d, _ in random]), _mean("random", [i for _, i in random]),
        by_attention[0], by_attention[1], len(random), better, rank_correlation(value, exact), attribution.gap,
        _verdict(deletion.area, by_attention[0].area, better))


def order_of(values: Tensor) -> list[int]:
    """Players, most important first; equals in their own order."""
    return values.sort(descending=True, stable=True).indices.tolist()


def random_orders(players: int) -> list[list[int]]:
    """Always the same ones."""
    generator = torch.Generator().manual_seed(1)
    halves = [torch.randperm(players, generator=generator).tolist() for _ in range(ORDERS // 2)]
    return [order for half in halves for order in (half, half[::-1])]


def curves(passes: Passes, target: Explained, order: Sequence[int], name: str = "") -> tuple[Curve, Curve]:
    """Deletion and insertion in this order, P + 1 points each."""
    players = len(order)
    rank = torch.empty(players, dtype=torch.int64)
    rank[list(order)] = torch.arange(players)
    steps = torch.arange(players + 1)[:, None]
    both = passes.values(torch.cat([rank >= steps, rank < steps]), target)  # [2 (P + 1)]
    out, back = both.split(players + 1)
    return Curve(name, tuple(out.tolist())), Curve(name, tuple(back.tolist()))


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


def _mean(name: str, found: Sequence[Curve]) -> Curve:
    return Curve(name, tuple(sum(points) / len(points) for points in zip(*(c.probability for c in found), strict=True)))


def _verdict(own: float, attention: float, better: float) -> Verdict:
    if better < BEATS:
        return "no better than random"
    return "better than attention" if own < attention else "better than random"
