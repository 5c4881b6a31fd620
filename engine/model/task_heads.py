"""What is read from the encoder's states after fine-tuning: an answer, a score per region, a score per choice.

Each head takes over a transform of pre-training where there is one to take (specification, "Fine-tuning"). All heads
answer in float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.dropout import Dropout
from engine.model.encoder import LayerNorm
from engine.model.heads import Heads
from engine.model.tempered import Tempered
from engine.model.vlbert import INITIAL_STD, VLBert


class AnswerHead(Tempered):
    """VQA: the [MASK] element through BERT's MLM transform, dropout and a linear layer; with `evidence` also, of each
    region, whether it shows what is asked for (not in the paper).

    hidden: D; answers: A; dropout: 0..1.
    """

    def __init__(self, hidden: int, answers: int, dropout: float = 0.1, *, evidence: bool = False) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = LayerNorm(hidden)
        self.dropout = Dropout(dropout)
        self.classify = nn.Linear(hidden, answers)
        _initialise(self)
        # Of many answers one is right. Starting at even odds, the first steps would do nothing but push all of them
        # down, and take the encoder along.
        nn.init.constant_(self.classify.bias, -math.log(answers))
        self.regions = RegionScorer(hidden, 1, dropout) if evidence else None

    def take_over(self, heads: Heads) -> None:
        """Start from the word head's transform, and the search for evidence from the region head's."""
        self.dense.load_state_dict(heads.mlm.dense.state_dict())
        self.norm.load_state_dict(heads.mlm.norm.state_dict())
        if self.regions is not None:
            self.regions.take_over(heads)

    @torch.no_grad()
    def know_words(self, words: Tensor, pieces: Mapping[int, int]) -> None:
        """Start the rows of answers that are one word piece as the word head's decoder has them: their embeddings.

        words: [V, D]; pieces: of such answers, by their numbers, the word piece.
        """
        for answer, piece in pieces.items():
            self.classify.weight[answer] = words[piece]

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> logits [..., A]."""
        return self.classify(self.dropout(self.norm(F.gelu(self.dense(states))))).float()


class RegionScorer(Tempered):
    """Referring expressions: each region's element through the MVRC transform, dropout and a linear layer; with
    several `outputs` it is VCR's classifier of regions.

    hidden: D; dropout: 0..1.
    """

    def __init__(self, hidden: int, outputs: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = Dropout(dropout)
        self.classify = nn.Linear(hidden, outputs)
        _initialise(self)

    def take_over(self, heads: Heads) -> None:
        """Start from the region head's transform."""
        self.dense.load_state_dict(heads.mvrc.dense.state_dict())

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> logits [..., outputs]."""
        return self.classify(self.dropout(F.gelu(self.dense(states)))).float()


class ChoiceHead(Tempered):
    """VCR: one score per choice from the pooled [CLS], and the class of each region from its element; with `evidence`
    also, of each word of a choice, whether it is right (not in the paper).

    hidden: D; classes: of regions, 0 for none at all; dropout: 0..1.
    """

    def __init__(self, hidden: int, classes: int, dropout: float = 0.1, *, evidence: bool = False) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.score = nn.Linear(hidden, 1)
        _initialise(self)
        self.regions = RegionScorer(hidden, classes, dropout) if classes else None
        self.words = RegionScorer(hidden, 1, dropout) if evidence else None

    def take_over(self, heads: Heads) -> None:
        """Start the classifiers of regions and words from the transforms of their heads; the score starts anew."""
        if self.regions is not None:
            self.regions.take_over(heads)
        if self.words is not None:
            self.words.dense.load_state_dict(heads.mlm.dense.state_dict())

    def forward(self, pooled: Tensor) -> Tensor:
        """[..., D] -> logits [...]."""
        return self.score(self.dropout(pooled))[..., 0].float()


TaskHead = AnswerHead | RegionScorer | ChoiceHead


class FineTuned(nn.Module):
    """A VL-BERT and the head of one task. The head starts from what pre-training left in `vlbert`."""

    def __init__(self, vlbert: VLBert, head: TaskHead) -> None:
        super().__init__()
        self.vlbert = vlbert
        self.head = head
        head.take_over(vlbert.heads)


def _initialise(module: nn.Module) -> None:
    for linear in module.modules():
        if isinstance(linear, nn.Linear):
            nn.init.normal_(linear.weight, std=INITIAL_STD)
            nn.init.zeros_(linear.bias)
