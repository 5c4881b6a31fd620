"""Attribution by gradients, with captum, of embeddings that fade between hidden and shown."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass

import torch
from captum.attr import InputXGradient, LayerIntegratedGradients
from torch import Tensor, nn

from engine.explain.game import Game
from engine.explain.heads_off import HeadsOff
from engine.explain.passes import Passes, batch_rows
from engine.explain.results import SMALL
from engine.explain.target import Explained
from engine.model.layout import Layout
from engine.model.vlbert import Encoded, VLBert
from engine.structures.batch import Batch

FIRST_STEPS, MOST_STEPS = 16, 256
COMPLETE = 0.01  # of the difference between everything and nothing
BACKWARD = 3  # a pass and its gradient cost so many passes


@dataclass(frozen=True)
class Integrated:
    """values: one of each player. full, empty: the probability at both ends. steps: of the last sum."""

    values: Tensor
    full: float
    empty: float
    steps: int


class FadedWords(nn.Module):
    """presence [B, P], 0..1 -> word embeddings [B, T, D] on the straight line from [MASK] to the word."""

    def __init__(self, model: VLBert, game: Game, shown: Batch, hidden: Batch) -> None:
        super().__init__()
        self.hidden = model.embeddings.words(hidden.piece_ids[0]).detach()  # [T, D]
        self.change = model.embeddings.words(shown.piece_ids[0]).detach() - self.hidden
        self.belongs = torch.zeros(len(game.players), len(self.hidden))  # [P, T]
        for i, player in enumerate(game.players):
            if player.kind == "word":
                self.belongs[i, game.caption.places([player.index])] = 1

    def forward(self, presence: Tensor) -> Tensor:
        return self.hidden + (presence @ self.belongs)[..., None] * self.change


class FadedRegions(nn.Module):
    """presence [B, P], 0..1 -> appearance and [IMG] word, [B, R, A + D], from the model's hidden region to the shown.

    Region 0 is not here: the model itself makes it from the others.
    """

    def __init__(self, model: VLBert, game: Game, shown: Batch, hidden: Batch) -> None:
        super().__init__()
        self.hidden = _region_input(model, hidden)
        self.change = _region_input(model, shown) - self.hidden
        self.belongs = torch.zeros(len(game.players), len(self.hidden))  # [P, R]
        for i, player in enumerate(game.players):
            if player.kind == "region":
                self.belongs[i, player.index] = 1

    def forward(self, presence: Tensor) -> Tensor:
        return self.hidden + (presence @ self.belongs)[..., None] * self.change


class Faded(nn.Module):
    """presence [B, P] -> the answer's probability [B], in float32.

    At 1 and at 0 it is what the model says with a player shown and hidden; a gradient summed over a player's embedding
    is the gradient by its presence.
    """

    def __init__(self, passes: Passes, target: Explained) -> None:
        super().__init__()
        game, model = passes.game, passes.model
        ends = torch.tensor([[True], [False]]).expand(-1, len(game.players))
        shown, hidden = (game.batch(row[None]) for row in ends)
        self.words = FadedWords(model, game, shown, hidden)
        self.regions = FadedRegions(model, game, shown, hidden)
        self._passes, self._shown, self._target = passes, shown, target

    def forward(self, presence: Tensor) -> Tensor:
        self._passes.clock.check()
        model, rows = self._passes.model, len(presence)
        words, regions = self.words(presence), self.regions(presence)
        appearance, img = regions.split([self._shown.appearance.shape[2], words.shape[2]], dim=2)
        batch = dataclasses.replace(_repeated(self._shown, rows), appearance=appearance)
        obj_rep, own = model.obj_rep(batch), model.embeddings
        visual = own.visual_text_norm(own.text_visual(obj_rep, batch.region_real, batch.tags))
        layout = Layout.of(batch.text_real, batch.region_real)
        states = own.assemble(layout, words + visual, img + own.visual_region_norm(obj_rep), batch.segments)
        with HeadsOff(model, self._passes.game.question.heads_off):
            states = model.encoder(states, layout.real)
        encoded = Encoded(*layout.unpack(states), model.pooler(states))
        return self._target.log_probability(model, encoded).exp()


def integrated_gradients(passes: Passes, target: Explained) -> Integrated:
    """captum's LayerIntegratedGradients of word and region embeddings, from everything hidden to the question.

    The steps double until the values sum to the difference within 1 %, or there are 256. Raises StoppedError.
    """
    faded = Faded(passes, target)
    players = len(passes.game.players)
    shown, hidden = torch.ones(1, players), torch.zeros(1, players)
    with torch.no_grad():
        full, empty = faded(torch.cat([shown, hidden])).tolist()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Multiple layers provided")  # neither depends on the other
        method = LayerIntegratedGradients(faded, [faded.words, faded.regions])
    steps, rows, doublings = FIRST_STEPS, max(1, batch_rows(passes.model, passes.game) // BACKWARD), 0
    while True:
        passes.clock(doublings, 5)
        words, regions = method.attribute(shown, hidden, n_steps=steps, internal_batch_size=rows)
        values = _of_players(faded, words, regions)
        if abs(float(values.sum()) - (full - empty)) <= COMPLETE * max(abs(full - empty), SMALL) or steps >= MOST_STEPS:
            return Integrated(values, full, empty, steps)
        steps, doublings = 2 * steps, doublings + 1


def gradient_x_input(passes: Passes, target: Explained) -> Tensor:
    """[P]: the slope at the question itself times what hiding takes away, by captum."""
    shown = torch.ones(1, len(passes.game.players), requires_grad=True)
    return InputXGradient(Faded(passes, target)).attribute(shown)[0].detach()


def _of_players(faded: Faded, words: Tensor, regions: Tensor) -> Tensor:
    """Attributions of embeddings, [1, T, D] and [1, R, A + D], summed -> [P]."""
    by_place, by_region = words[0].sum(dim=1).float(), regions[0].sum(dim=1).float()
    return (faded.words.belongs @ by_place + faded.regions.belongs @ by_region).detach()


def _region_input(model: VLBert, batch: Batch) -> Tensor:
    """[R, A + D]: appearance and [IMG] word of one row's regions, as the model takes them where they are hidden."""
    hidden, learned = batch.region_hidden[0][:, None], model.regions.hidden_appearance
    appearance = batch.appearance[0] if learned is None else torch.where(hidden, learned, batch.appearance[0])
    word = torch.where(hidden, model.embeddings.hidden_region_word, model.embeddings.region_word)
    return torch.cat([appearance, word], dim=1).detach()


def _repeated(batch: Batch, rows: int) -> Batch:
    """A batch of one row, that row so many times."""
    every = {f.name: getattr(batch, f.name).expand(rows, *getattr(batch, f.name).shape[1:])
             for f in dataclasses.fields(batch) if getattr(batch, f.name) is not None}
    return dataclasses.replace(batch, **every)
