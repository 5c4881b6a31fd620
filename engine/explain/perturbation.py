"""Attribution by taking players out, with captum's perturbation methods on the vector of who is in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from captum.attr import FeatureAblation, ShapleyValueSampling
from torch import Tensor

from engine.explain.passes import Passes
from engine.explain.target import Explained

EXACT_PLAYERS = 12  # most players whose 2^P sets are all asked
SAMPLED_SETS = 1024  # sets that are asked where there are more
FEWEST_PAIRS = 4  # of orders, each with its reverse


@dataclass(frozen=True)
class Sampled:
    """values: one of each player; error: the largest standard error of one, None where nothing was sampled."""

    values: Tensor
    error: float | None


def leave_one_out(passes: Passes, target: Explained) -> Tensor:
    """[P]: what the answer loses with each player alone (captum's FeatureAblation, one batch after another)."""
    players = len(passes.game.players)
    return FeatureAblation(_forward(passes, target)).attribute(
        torch.ones(1, players), baselines=0, perturbations_per_eval=players)[0].detach()


def shapley(passes: Passes, target: Explained) -> Sampled:
    """Exact up to 12 players, else the mean over random orders by captum. Raises StoppedError."""
    players = len(passes.game.players)
    if players <= EXACT_PLAYERS:
        return Sampled(exact_shapley(_all_sets(passes, target), players), None)
    return _sampled(passes, target, max(FEWEST_PAIRS, SAMPLED_SETS // (2 * players)))


def exact_shapley(value: Tensor, players: int) -> Tensor:
    """value [2^P]: of every set, player p being in where bit p of its number is 1 -> [P], each player's value.

    The definition: over all sets without a player, what it adds, weighted by |S|! (P - |S| - 1)! / P!.
    """
    numbers = torch.arange(2**players)
    size = (numbers[:, None] >> torch.arange(players) & 1).sum(dim=1)
    weight = torch.tensor([1 / (players * math.comb(players - 1, s)) for s in range(players)], dtype=torch.float64)
    found = []
    for p in range(players):
        without = numbers[(numbers >> p & 1) == 0]
        added = value[without | 1 << p].double() - value[without].double()
        found.append((weight[size[without]] * added).sum())
    return torch.stack(found).float()


def _all_sets(passes: Passes, target: Explained, step: int = 128) -> Tensor:
    """[2^P], numbered as `exact_shapley` takes them."""
    players = len(passes.game.players)
    numbers = torch.arange(2**players)
    sets = (numbers[:, None] >> torch.arange(players) & 1).bool()
    values = []
    for start in range(0, len(sets), step):
        passes.clock(start, len(sets))
        values.append(passes.values(sets[start:start + step], target))
    return torch.cat(values)


def _sampled(passes: Passes, target: Explained, pairs: int) -> Sampled:
    """Each random order goes with its reverse, whose error is opposite (Mitchell et al. 2022, arXiv 2104.12199)."""
    players, generator = len(passes.game.players), torch.Generator().manual_seed(0)
    method = ShapleyValueSampling(_forward(passes, target))
    means = []
    for pair in range(pairs):
        passes.clock(pair, pairs)
        order = torch.randperm(players, generator=generator).tolist()
        method.permutation_generator = _given([order, order[::-1]])
        means.append(method.attribute(torch.ones(1, players), baselines=0, n_samples=2,
                                      perturbations_per_eval=players)[0].detach())
    each = torch.stack(means)  # [pairs, P]
    return Sampled(each.mean(dim=0), float((each.std(dim=0) / pairs**0.5).max()))


def _given(orders: Sequence[Sequence[int]]) -> Callable[[int, int], Iterator[Sequence[int]]]:
    """captum's generator of orders, giving these."""
    return lambda players, count: iter(orders)


def _forward(passes: Passes, target: Explained) -> Callable[[Tensor], Tensor]:
    """captum's model: who is in, [S, P] of 1 and 0 -> probability, [S]."""
    return lambda present: passes.values(present > 0.5, target)
