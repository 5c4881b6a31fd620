"""Which attention heads an answer needs."""

from __future__ import annotations

import torch

from engine.explain.heads_off import HeadsOff
from engine.explain.passes import Passes, batch_rows
from engine.explain.results import HeadEffect
from engine.explain.target import Target


@torch.inference_mode()
def rank_heads(passes: Passes, target: Target) -> tuple[HeadEffect, ...]:
    """Every head switched off alone, beside those that the question has off; the largest change first.

    Many heads go into one batch, a row each. Raises StoppedError.
    """
    game, layers = passes.game, passes.model.encoder.layers
    heads = [(layer, head) for layer in range(len(layers)) for head in range(passes.predictor.config.encoder.heads)]
    rows = [game.question.heads_off, *(game.question.heads_off | {head} for head in heads)]
    example, step = game.example([True] * len(game.players)), batch_rows(passes.model, game)
    found: list[float] = []
    for start in range(0, len(rows), step):
        passes.clock(start, len(rows))
        own = rows[start:start + step]
        with HeadsOff(passes.model, own):
            encoded = passes.predictor.encode([example] * len(own))
        found.extend(target.log_probability(passes.model, encoded).exp().tolist())
    effects = [HeadEffect(*head, value - found[0]) for head, value in zip(heads, found[1:], strict=True)]
    return tuple(sorted(effects, key=lambda effect: -abs(effect.change)))
