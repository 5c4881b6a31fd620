"""What pointing learns from, computed again from the scores."""

import numpy as np
import pytest
import torch

from engine.config import EncoderConfig, ModelConfig
from engine.data.tokenizer import WordPieces
from engine.model.task_heads import FineTuned, RegionScorer
from engine.model.vlbert import VLBert
from engine.structures.example import Regions
from engine.structures.questions import ReferringExpression
from engine.tasks.grounding import GroundingTask
from tests.conftest import ROOT

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")
BOXES = torch.tensor([[0, 0, 1, 1], [0, 0, 0.4, 0.4], [0.02, 0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9], [0.1, 0.6, 0.3, 0.8]])
CONFIG = ModelConfig(name="tiny", precomputed=True,
                     encoder=EncoderConfig(hidden=32, layers=1, heads=4, feed_forward=64, dropout=0.0))
EXPRESSIONS = (ReferringExpression(0, "the red ball", (0,)), ReferringExpression(0, "two trees", (2, 3)),
               ReferringExpression(0, "the sky", ()))


class OnePhoto:
    """A source whose one picture has these four boxes."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.own = Regions(torch.randn(len(BOXES), CONFIG.appearance, generator=generator), BOXES)

    def given(self, picture):
        return len(BOXES) - 1

    def detected(self, picture):
        return 0

    def regions(self, asked):
        return [self.own for _ in asked]


def test_each_region_is_judged_and_one_of_the_right_ones_chosen():
    torch.manual_seed(0)
    model = FineTuned(VLBert.from_config(CONFIG), RegionScorer(CONFIG.encoder.hidden, dropout=0.0)).eval()
    torch.nn.init.normal_(model.head.classify.weight)
    task = GroundingTask(model, EXPRESSIONS, OnePhoto(), PIECES, ranking=2.0)
    losses = task.losses([0, 1, 2], torch.Generator().manual_seed(0))
    rows = [row.detach().double().numpy() for row in task.scores([task.built(i, task.source.own) for i in range(3)])]
    right = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])  # the second box all but covers the first
    judged = [-np.log(1 / (1 + np.exp(-s if r else s))) for row, own in zip(rows, right, strict=True)
              for s, r in zip(row, own, strict=True)]
    chosen = [-np.mean(np.log(np.exp(row[1:]) / np.exp(row[1:]).sum())[own[1:] == 1])
              for row, own in zip(rows[:2], right[:2], strict=True)]
    assert float(losses["region"].detach()) == pytest.approx(np.mean(judged), rel=1e-4)
    assert float(losses["ranking"].detach()) == pytest.approx(2 * np.mean(chosen), rel=1e-4)
    assert "ranking" not in GroundingTask(model, EXPRESSIONS, OnePhoto(), PIECES).losses([0], torch.Generator())
