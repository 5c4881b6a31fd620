"""What looks at what: attention of all layers and heads, as it is, and followed through the layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.explain.game import Game
from engine.explain.heads_off import HeadsOff
from engine.explain.results import AttentionPyramid, Element
from engine.explain.target import Explained
from engine.model.taps import Taps
from engine.predictor import Predictor

LEVELS = 255


@torch.inference_mode()
def attention_of(predictor: Predictor, game: Game) -> Tensor:
    """[N, H, L, L] of the question as it stands."""
    batch = game.batch(torch.ones(1, len(game.players), dtype=torch.bool))
    with Taps(predictor.model) as taps, HeadsOff(predictor.model, game.question.heads_off):
        predictor.model(batch)
    return torch.cat(taps.attention)


def pyramid(predictor: Predictor, game: Game) -> AttentionPyramid:
    """See `AttentionPyramid`."""
    attention = attention_of(predictor, game)  # [N, H, L, L]
    scales = attention.amax(dim=3)  # [N, H, L]
    weights = (attention / scales[..., None] * LEVELS).round().to(torch.uint8)
    entropy = -(attention * attention.clamp(min=1e-12).log()).sum(dim=3).mean(dim=2)  # [N, H]
    shares = _shares(attention, len(game.caption.piece_ids), len(game.regions))
    layers, heads = attention.shape[:2]
    return AttentionPyramid(
        weights.numpy().tobytes(), tuple(scales.flatten().tolist()), elements(predictor, game), layers, heads,
        tuple(map(tuple, entropy.tolist())), tuple(tuple(map(tuple, layer)) for layer in shares.tolist()))


def elements(predictor: Predictor, game: Game) -> tuple[Element, ...]:
    """Who sits at each of the L places."""
    names = predictor.pieces.pieces
    shown = game.example([True] * len(game.players)).piece_ids
    found = [Element("special", place, names[piece]) for place, piece in enumerate(shown)]
    for index, word in enumerate(game.caption.words):
        for place in range(word.first, word.stop):
            found[place] = Element("word", index, names[shown[place]])
    found.extend(Element("region", r, f"region {r}" if r else "whole picture") for r in range(len(game.regions)))
    return (*found, Element("special", len(found), "[END]"))


def rollout(attention: Tensor) -> Tensor:
    """[N, H, L, L] -> [L, L]: half of each layer's mean attention and half of what goes past it, multiplied."""
    same = torch.eye(attention.shape[-1])
    flow = same
    for layer in attention.mean(dim=1):
        flow = (layer + same) / 2 @ flow
    return flow


def to_players(game: Game, target: Explained, flow: Tensor) -> list[float]:
    """[L, L] -> how much the asked element takes from each of the P players; the sum over their pieces."""
    text = len(game.caption.piece_ids)
    own = list(target.places) if target.kind == "word" else [text + target.index]
    taken = flow[own].mean(dim=0)  # [L]
    values = []
    for player in game.players:
        word = game.caption.words[player.index] if player.kind == "word" else None
        values.append(float(taken[text + player.index] if word is None else taken[word.first:word.stop].sum()))
    return values


def _shares(attention: Tensor, text: int, regions: int) -> Tensor:
    """[N, H, L, L] -> [N, H, 4]."""
    words, pictures = slice(0, text), slice(text, text + regions)
    pairs: Sequence[tuple[slice, slice]] = ((words, pictures), (pictures, words), (words, words), (pictures, pictures))
    return torch.stack([attention[:, :, to, of].sum(dim=3).mean(dim=2) for to, of in pairs], dim=2)
