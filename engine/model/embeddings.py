"""From pieces and region features to the packed input of the encoder (specification, "Input embedding")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import CaptionError
from engine.model.dropout import Dropout
from engine.model.encoder import LayerNorm
from engine.model.geometry import geometry_embedding
from engine.model.layout import Layout

REGION_SEGMENT = 2


class RegionEmbedding(nn.Module):
    """The visual feature of a region, obj_rep: ReLU(Linear(Dropout(geometry | appearance))).

    appearance, geometry: widths of the two parts; hidden: D; dropout: 0..1. learned_hidden: with a learned appearance
    for hidden regions (the published precomputed layout; it starts at 0).
    """

    def __init__(self, appearance: int, geometry: int, hidden: int, dropout: float, *, learned_hidden: bool) -> None:
        super().__init__()
        self.appearance, self.geometry = appearance, geometry
        self.dropout = Dropout(dropout)
        self.project = nn.Linear(geometry + appearance, hidden)
        self.hidden_appearance = nn.Parameter(torch.zeros(appearance)) if learned_hidden else None

    def forward(self, appearance: Tensor, boxes: Tensor, hidden: Tensor) -> Tensor:
        """appearance [B, R, A], boxes [B, R, 4] as fractions, hidden [B, R] bool -> [B, R, D]."""
        if self.hidden_appearance is not None:
            appearance = torch.where(hidden[..., None], self.hidden_appearance, appearance)
        place = geometry_embedding(boxes, self.geometry)
        return self.project(self.dropout(torch.cat([place, appearance], dim=-1))).relu()

    def whole_picture(self, appearance: Tensor, real: Tensor, hidden: Tensor) -> Tensor:
        """Region 0 gets the mean appearance of the other real regions that are not hidden, as in the published
        precomputed data, so that it does not tell what is hidden. appearance [B, R, A] -> [B, R, A].

        Where all others are hidden region 0 gets the learned hidden appearance; where there are no others, or nothing
        is learned for hidden regions (hidden pixels instead), it keeps its own.
        """
        if self.hidden_appearance is None:
            return appearance
        others = real[:, 1:, None]  # [B, R-1, 1]
        seen = others & ~hidden[:, 1:, None]
        mean = (appearance[:, 1:] * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)  # [B, A]
        first = torch.where(seen.any(dim=1), mean, self.hidden_appearance)
        first = torch.where(others.any(dim=1, keepdim=True), first[:, None], appearance[:, :1])  # [B, 1 or 0, A]
        return torch.cat([first, appearance[:, 1:]], dim=1)


class Embeddings(nn.Module):
    """Content + position + segment of every element, then LayerNorm and dropout.

    vocabulary: V; hidden: D; positions: longest sequence of positions; segments: A, B, C; dropout: 0..1.
    The scales of the two visual LayerNorms start at 0, so training starts from pure BERT.
    """

    def __init__(self, vocabulary: int, hidden: int, positions: int, segments: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, hidden)
        self.positions = nn.Embedding(positions, hidden)
        self.segments = nn.Embedding(segments, hidden)
        self.end = nn.Parameter(torch.empty(hidden))  # [END]
        self.region_word = nn.Parameter(torch.empty(hidden))  # [IMG]
        self.hidden_region_word = nn.Parameter(torch.empty(hidden))  # [IMG] of a hidden region
        self.text_only_visual = nn.Parameter(torch.empty(hidden))  # in place of obj_rep where there is no picture
        self.visual_text_norm = LayerNorm(hidden)
        self.visual_region_norm = LayerNorm(hidden)
        self.norm = LayerNorm(hidden)
        self.dropout = Dropout(dropout)

    def text_visual(self, obj_rep: Tensor, region_real: Tensor, tags: Tensor | None = None) -> Tensor:
        """The visual part of each row's words: region 0, or the learned vector where no region is real. [B, 1, D].

        tags: [B, T], the region of each word piece instead (specification, "Input embedding"). Then [B, T, D].
        """
        whole = F.pad(obj_rep, (0, 0, 0, 1))  # with a row of 0, which there is also where a batch has no region
        chosen = whole[:, :1] if tags is None else whole.gather(1, tags[..., None].expand(-1, -1, whole.shape[2]))
        return torch.where(region_real.any(dim=1)[:, None, None], chosen, self.text_only_visual)

    def forward(self, layout: Layout, piece_ids: Tensor, segments: Tensor, text_visual: Tensor, obj_rep: Tensor,
                region_hidden: Tensor) -> Tensor:
        """The packed input, [B, L, D].

        piece_ids, segments: [B, T]. text_visual: [B, T, D], or [B, 1, D] for all words of a row alike.
        obj_rep: [B, R, D]. region_hidden: [B, R] bool. Raises CaptionError where a sequence has too many positions.
        """
        text = self.words(piece_ids) + self.visual_text_norm(text_visual)
        word = torch.where(region_hidden[..., None], self.hidden_region_word, self.region_word)
        return self.assemble(layout, text, word + self.visual_region_norm(obj_rep), segments)

    def assemble(self, layout: Layout, text: Tensor, regions: Tensor, segments: Tensor) -> Tensor:
        """From the content of text [B, T, D] and regions [B, R, D], segments [B, T] -> [B, L, D]."""
        self._check(layout.positions)
        content = layout.pack(text, regions, self.end.expand(len(text), 1, -1))
        segment = layout.pack(segments, torch.full_like(layout.region_places, REGION_SEGMENT),
                              torch.full_like(segments[:, :1], REGION_SEGMENT))
        return self.dropout(self.norm(content + self.positions(layout.positions) + self.segments(segment)))

    def _check(self, positions: Tensor) -> None:
        longest, known = int(positions.max()) + 1, self.positions.num_embeddings
        if longest > known:
            raise CaptionError(f"The text takes {longest} positions; the model knows {known}. Shorten the text.")
