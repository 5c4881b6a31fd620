"""Each method of `METHODS` by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.explain.attention import attention_of, rollout, to_players
from engine.explain.gradients import gradient_x_input, integrated_gradients
from engine.explain.methods import Method
from engine.explain.passes import Passes
from engine.explain.perturbation import leave_one_out, shapley
from engine.explain.relevance import relevance
from engine.explain.results import SMALL, Attribution
from engine.explain.target import Explained

CONSENSUS = (3.0, 1.0)  # parts of relevance and of leave-one-out
TINY = 1e-12


@dataclass(frozen=True)
class Values:
    """values: of each of the P players. error: largest standard error of a sampled one. ends: the probability with all
    players and with none, where the method computes in another precision than `Passes`."""

    values: Sequence[float]
    error: float | None = None
    ends: tuple[float, float] | None = None


def attribute(passes: Passes, target: Explained, method: Method) -> Attribution:
    """Raises StoppedError."""
    game = passes.game
    found = _WAYS[method.name](passes, target)
    ends = torch.tensor([[True], [False]]).expand(-1, len(game.players))
    full, empty = found.ends or passes.values(ends, target).tolist()
    words, regions = game.spread(found.values)
    gap = None
    if method.complete:
        gap = abs(sum(found.values) - (full - empty)) / max(abs(full - empty), SMALL)
    return Attribution(method.name, target.answer, words, regions, full, empty, gap, found.error, method.signed)


def attention(passes: Passes) -> Tensor:
    """[N, H, L, L] of the question as it stands."""
    return passes.once("attention", lambda: attention_of(passes.predictor, passes.game))


def raw_attention(passes: Passes, target: Explained) -> list[float]:
    """[P]: what the asked element takes from each player in the last layer, mean of the heads."""
    return to_players(passes.game, target, attention(passes)[-1].mean(dim=0))


def _attention(passes: Passes, target: Explained) -> Values:
    return Values(raw_attention(passes, target))


def _rollout(passes: Passes, target: Explained) -> Values:
    return Values(to_players(passes.game, target, rollout(attention(passes))))


def _relevance(passes: Passes, target: Explained) -> Values:
    flow = passes.once(("relevance", target), lambda: relevance(passes.predictor, passes.game, target))
    return Values(to_players(passes.game, target, flow))


def _random(passes: Passes, target: Explained) -> Values:
    """The same for the same question."""
    seed = passes.game.question.seed(target.kind, target.index)
    return Values(torch.rand(len(passes.game.players), generator=torch.Generator().manual_seed(seed)).tolist())


def _consensus(passes: Passes, target: Explained) -> Values:
    """Rieger and Hansen 2020, arXiv 1903.00519, with two methods of unequal weight."""
    parts = torch.stack([torch.tensor(_relevance(passes, target).values), leave_one_out(passes, target)])  # [2, P]
    scaled = parts / parts.abs().sum(dim=1, keepdim=True).clamp(min=TINY)
    return Values((torch.tensor(CONSENSUS) @ scaled / sum(CONSENSUS)).tolist())


def _leave_one_out(passes: Passes, target: Explained) -> Values:
    return Values(leave_one_out(passes, target).tolist())


def _shapley(passes: Passes, target: Explained) -> Values:
    found = shapley(passes, target)
    return Values(found.values.tolist(), found.error)


def _integrated_gradients(passes: Passes, target: Explained) -> Values:
    found = integrated_gradients(passes, target)
    return Values(found.values.tolist(), ends=(found.full, found.empty))


def _gradient_x_input(passes: Passes, target: Explained) -> Values:
    return Values(gradient_x_input(passes, target).tolist())


_WAYS: dict[str, Callable[[Passes, Explained], Values]] = {
    "consensus": _consensus,
    "attention": _attention, "rollout": _rollout, "relevance": _relevance, "random": _random,
    "leave_one_out": _leave_one_out, "shapley": _shapley, "integrated_gradients": _integrated_gradients,
    "gradient_x_input": _gradient_x_input,
}
