"""Generic attention relevance for one stream (Chefer, Gur and Wolf 2021, arXiv 2103.15679, equations 5 and 6)."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.explain.game import Game
from engine.explain.heads_off import HeadsOff
from engine.explain.target import Explained
from engine.model.taps import Taps
from engine.predictor import Predictor


def relevance(predictor: Predictor, game: Game, target: Explained) -> Tensor:
    """[L, L]: how much of each element (columns) has reached each other (rows), as far as it raises the answer.

    The answer is explained as the logarithm of its probability, in float32.
    """
    batch = game.batch(torch.ones(1, len(game.players), dtype=torch.bool))
    model = predictor.model
    with torch.enable_grad(), Taps(model) as taps, HeadsOff(model, game.question.heads_off):
        score = target.log_probability(model, model(batch)).sum()
        slopes = torch.autograd.grad(score, taps.attention)
    flow = torch.eye(taps.attention[0].shape[-1])
    for attention, slope in zip(taps.attention, slopes, strict=True):
        useful = (slope * attention.detach()).clamp(min=0)[0].mean(dim=0)  # [L, L]
        flow = flow + useful @ flow
    return flow - torch.eye(len(flow))
