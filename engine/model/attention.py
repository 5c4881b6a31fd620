"""Self-attention between all elements of a sequence, words and regions alike."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head attention, bidirectional over the real elements (paper, section 3.1).

    hidden: D; heads: H, a divisor of D; dropout: of attention probabilities, 0..1.
    """

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """states [B, L, D], real [B, L] bool -> context [B, L, D]; what is not real is attended to by nobody."""
        query, key, value = self.split(states)
        context = F.scaled_dot_product_attention(
            query, key, value, attn_mask=real[:, None, None, :], dropout_p=self.dropout if self.training else 0.0)
        return self.join(context)

    def split(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, L, D] -> query, key, value, [B, H, L, D/H] each."""
        shape = (*states.shape[:2], self.heads, -1)
        query, key, value = (f(states).view(shape).transpose(1, 2) for f in (self.query, self.key, self.value))
        return query, key, value

    def join(self, context: Tensor) -> Tensor:
        """[B, H, L, D/H] -> [B, L, D]."""
        return context.transpose(1, 2).flatten(2)
