"""A small model far from its start, and a batch with padding, a hidden region and a text-only row."""

import pytest
import torch

from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.vlbert import VLBert
from engine.structures.batch import Batch

B, T, R, D, A = 4, 7, 5, 32, 16


@pytest.fixture
def model() -> VLBert:
    torch.manual_seed(1)
    built = VLBert(RegionEmbedding(A, 16, D, 0.1, learned_hidden=True), Embeddings(50, D, 24, 3, 0.1),
                   Encoder(2, D, 4, 64, 0.1, 0.1), classes=9, align=True).eval()
    for parameter in built.parameters():  # far from the start, where the visual parts are 0 and attention is even
        torch.nn.init.normal_(parameter, std=0.3)
    return built


@pytest.fixture
def batch() -> Batch:
    """The last row is text-only."""
    torch.manual_seed(2)
    corners = torch.rand(B, R, 2) / 2
    text = torch.arange(T) < torch.tensor([7, 4, 5, 6])[:, None]
    regions = torch.arange(R) < torch.tensor([3, 5, 1, 0])[:, None]
    hidden = torch.zeros(B, R, dtype=torch.bool)
    hidden[1, 2] = True
    return Batch(torch.randint(1, 50, (B, T)) * text, torch.zeros(B, T, dtype=torch.long), text,
                 torch.rand(B, R, A), torch.cat([corners, corners + 0.4], dim=-1), regions, hidden)
