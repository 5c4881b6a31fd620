"""The loop: exact resumption, its rate, and what it does when things go wrong."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.errors import DataError, WeightsError
from engine.training import checkpoint
from engine.training.trainer import TrainingConfig, examples_at, rate_at, train


class Line:
    """Fits a line through noisy points; dropout makes every step depend on the global generator."""

    def __init__(self, broken_at: int = -1) -> None:
        torch.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.x = torch.randn(64, 3)
        self.broken_at, self.calls = broken_at, 0

    def __len__(self) -> int:
        return len(self.x)

    def groups(self) -> list[dict]:
        return [{"params": list(self.model.parameters()), "scale": 1.0}]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.calls += 1
        x = self.x[examples] + 0.1 * torch.randn(len(examples), 3, generator=generator)
        loss = (self.model(x).float()[:, 0] - self.x[examples].sum(dim=1)).square().mean()
        return {"square": loss * (float("nan") if self.calls == self.broken_at else 1.0)}


SETTINGS = TrainingConfig(epochs=2.5, batch_size=8, rate=1e-2, save_every=0.0)


def test_twenty_steps_are_ten_and_ten_bit_for_bit(tmp_path: Path) -> None:
    whole = Line()
    reports = list(train(whole, SETTINGS))
    assert len(reports) == 20
    first = Line()
    for report in train(first, SETTINGS, tmp_path):
        if report.step == 11:  # the eleventh step is lost: it was not saved when the loop was left
            break
    second = Line()
    resumed = list(train(second, SETTINGS, tmp_path))
    assert [r.step for r in resumed] == list(range(11, 21))
    assert [r.losses for r in resumed] == [r.losses for r in reports[10:]]
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_loss_falls() -> None:
    reports = list(train(Line(), TrainingConfig(epochs=30, batch_size=8, rate=1e-2, precision="no")))
    assert sum(r.losses["square"] for r in reports[-10:]) < 0.3 * sum(r.losses["square"] for r in reports[:10])


def test_a_loss_that_is_no_number_stops_with_step_and_examples_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a number at step 6 \(examples \["):
        list(train(Line(broken_at=7), SETTINGS, tmp_path))
    assert checkpoint.load(tmp_path / "state.pt")["step"] == 6


def test_a_write_that_fails_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save({"step": 1}, path)
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"step": (lambda: None)}, path)
    assert checkpoint.load(path) == {"step": 1}
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="no checkpoint that can be read"):
        checkpoint.load(path)


def test_the_rate_is_a_triangle_and_every_example_comes_once_an_epoch() -> None:
    settings = TrainingConfig(rate=1.0, warmup=0.2, batch_size=5)
    rates = [rate_at(s, 50, settings) for s in range(50)]
    assert rates[9] == max(rates) == 1.0 and rates[0] == pytest.approx(0.1) and rates[-1] == pytest.approx(1 / 40)
    assert all(a < b for a, b in itertools.pairwise(rates[:10]))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    for epoch in range(2):
        seen = [e for s in range(4) for e in examples_at(4 * epoch + s, 20, settings)]
        assert sorted(seen) == list(range(20))
    assert examples_at(0, 20, settings) != examples_at(4, 20, settings)
