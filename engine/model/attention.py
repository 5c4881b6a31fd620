"""Self-attention between all elements of a sequence, words and regions alike."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.dropout import Dropout


class SelfAttention(nn.Module):
    """Multi-head attention, bidirectional over the real elements (paper, section 3.1).

    hidden: D; heads: H, a divisor of D; dropout: of attention probabilities, 0..1.
    """

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """states [B, L, D], real [B, L] bool -> context [B, L, D]; what is not real is attended to by nobody.

        Training on a CPU goes step by step: there the backward pass of a fused kernel takes four times as long.
        """
        if self.training and states.device.type == "cpu":
            return self.step_by_step(states, real)[0]
        query, key, value = self.split(states)
        return self.join(F.scaled_dot_product_attention(
            query, key, value, attn_mask=real[:, None, None, :], dropout_p=self.dropout.p if self.training else 0.0))

    def step_by_step(self, states: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and the probabilities [B, H, L, L] in float32: row i says how much element i takes from each."""
        query, key, value = self.split(states)
        scores = (query @ key.transpose(2, 3)).float() / query.shape[-1] ** 0.5  # [B, H, L, L]
        probabilities = scores.masked_fill(~real[:, None, None, :], float("-inf")).softmax(dim=-1)
        return self.join(self.dropout(probabilities).to(value.dtype) @ value), probabilities

    def split(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, L, D] -> query, key, value, [B, H, L, D/H] each."""
        shape = (*states.shape[:2], self.heads, -1)
        query, key, value = (f(states).view(shape).transpose(1, 2) for f in (self.query, self.key, self.value))
        return query, key, value

    def join(self, context: Tensor) -> Tensor:
        """[B, H, L, D/H] -> [B, L, D]."""
        return context.transpose(1, 2).flatten(2)
