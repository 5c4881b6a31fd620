"""The Transformer: N blocks, each attention and a feed-forward part, normalised after their shortcuts (BERT)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.attention import SelfAttention
from engine.model.dropout import Dropout

EPS = 1e-12


class LayerNorm(nn.LayerNorm):
    """BERT's layer normalisation; it computes and answers in float32 also under autocast."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class Block(nn.Module):
    """One Transformer block. hidden: D; heads: H; feed_forward: inner width; the two dropouts are 0..1."""

    def __init__(self, hidden: int, heads: int, feed_forward: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(hidden, heads, attention_dropout)
        self.attention_output = nn.Linear(hidden, hidden)
        self.attention_norm = LayerNorm(hidden)
        self.intermediate = nn.Linear(hidden, feed_forward)
        self.output = nn.Linear(feed_forward, hidden)
        self.output_norm = LayerNorm(hidden)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """states [B, L, D], real [B, L] bool -> [B, L, D]."""
        context = self.attention_output(self.attention(states, real))
        states = self.attention_norm(states + self.dropout(context))
        inner = F.gelu(self.intermediate(states))  # [B, L, feed_forward]; exact (erf), not the tanh approximation
        return self.output_norm(states + self.dropout(self.output(inner)))


class Encoder(nn.Module):
    """N blocks, one after the other."""

    def __init__(self, layers: int, hidden: int, heads: int, feed_forward: int, dropout: float,
                 attention_dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Block(hidden, heads, feed_forward, dropout, attention_dropout) for _ in range(layers))

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """states [B, L, D], real [B, L] bool -> [B, L, D]."""
        for layer in self.layers:
            states = layer(states, real)
        return states
