"""The loop: exact resumption, its rate, and what it does when things go wrong."""

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch

from engine.config import FineTuneConfig, RecipeConfig, Settings
from engine.errors import ConfigError, DataError
from engine.training import checkpoint
from engine.training.origin import FREE
from engine.training.schedule import TrainingConfig, examples_at, rate_at
from engine.training.trainer import train
from tests.training.lines import Line

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
    with pytest.raises(DataError, match=r"not a number at step 7 \(examples \["):
        list(train(Line(broken_at=7), SETTINGS, tmp_path))
    assert checkpoint.load(tmp_path / "state.pt")["step"] == 6


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


def test_the_order_of_an_epoch_is_drawn_once_for_all_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, draw, drawn = TrainingConfig(batch_size=5, seed=2020), torch.randperm, []
    by_hand = [draw(21, generator=torch.Generator().manual_seed(2020 * 1_000_003 + epoch)) for epoch in range(2)]
    monkeypatch.setattr(torch, "randperm", lambda count, **more: drawn.append(count) or draw(count, **more))
    found = [examples_at(step, 21, settings) for step in range(8)]
    assert found == [by_hand[step // 4][step % 4 * 5:][:5].tolist() for step in range(8)] and drawn == [21, 21]
    assert sorted(examples_at(0, 5, settings)) == [0, 1, 2, 3, 4] and drawn == [21, 21, 5]


def test_steps_divide_the_rate_by_ten_after_a_warm_up_of_so_many_steps() -> None:
    settings = TrainingConfig(rate=7e-5, optimiser="sgd", schedule="steps", drops=(0.7, 0.9), warmup=4)
    rates = [rate_at(s, 20, settings) for s in range(20)]
    by_hand = [7e-5 / 4, 7e-5 / 2, 7e-5 * 3 / 4] + 11 * [7e-5] + 4 * [7e-6] + 2 * [7e-7]
    assert rates == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize(("given", "message"), [
    ({"schedule": "steps", "drops": (0.9, 0.7)}, "rising shares of the run"),
    ({"schedule": "steps"}, "needs drops"), ({"drops": (0.5,)}, "triangle and drops is 0.5"),
    ({"optimiser": "lion"}, "choose one of adamw, sgd"), ({"precision": "int8"}, "choose one of no, bf16, fp16")])
def test_settings_that_contradict_each_other_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**given)


@pytest.mark.parametrize("settings", [TrainingConfig, RecipeConfig, FineTuneConfig])
def test_numbers_without_an_end_are_refused_before_anything_is_computed_with_them(settings: type[Settings]) -> None:
    names = {f.name for f in dataclasses.fields(settings)}
    for name in names & {"epochs", "warmup", "rate", "clip_norm", "weight_decay", "evidence", "tuning_epochs"}:
        for value in ("nan", "inf"):
            with pytest.raises(ConfigError, match=f"{name} is {value}; it must be a finite number"):
                settings(**{name: float(value)})
    with pytest.raises(ConfigError, match="seed is 99999999999999999999; it must lie between 0 and 1000000000"):
        settings(seed=99_999_999_999_999_999_999)
    assert sorted(examples_at(0, 4, TrainingConfig(seed=10**9, batch_size=4))) == [0, 1, 2, 3]


def test_sgd_moves_as_computed_by_hand() -> None:
    task = Line(exact=True)
    settings = TrainingConfig(epochs=0.125 * 3, batch_size=8, rate=0.01, warmup=1, optimiser="sgd", schedule="steps",
                              drops=(0.6,), weight_decay=0.1, clip_norm=1e9, precision="no")
    weights = [p.detach().clone() for p in task.model.parameters()]
    speed = [torch.zeros_like(w) for w in weights]
    for step, rate in enumerate((0.01, 0.01, 0.001)):
        for parameter, weight in zip(task.model.parameters(), weights, strict=True):
            parameter.data.copy_(weight)
        loss = task.losses(examples_at(step, 64, settings), torch.Generator())["square"]
        grads = torch.autograd.grad(loss, list(task.model.parameters()), allow_unused=True)
        for weight, v, grad in zip(weights, speed, grads, strict=True):
            if grad is not None:
                v.mul_(0.9).add_(grad + 0.1 * weight)
                weight.sub_(rate * v)
    own = Line(exact=True)
    assert [r.rate for r in train(own, settings)] == pytest.approx([0.01, 0.01, 0.001])
    for parameter, weight in zip(own.model.parameters(), weights, strict=True):
        torch.testing.assert_close(parameter.detach(), weight)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_two_parts_of_four_are_a_batch_of_eight(optimiser: str) -> None:
    settings = TrainingConfig(epochs=2, batch_size=8, rate=1e-2, precision="no", optimiser=optimiser)
    whole = list(train(Line(exact=True), settings))
    parts = list(train(Line(exact=True), dataclasses.replace(settings, accumulate=2)))
    assert [r.losses["square"] for r in parts] == pytest.approx([r.losses["square"] for r in whole], rel=1e-4)
    assert [r.norm for r in parts] == pytest.approx([r.norm for r in whole], rel=1e-4)


def test_parts_of_unequal_size_count_by_their_examples() -> None:
    settings = TrainingConfig(epochs=1, batch_size=8, rate=1e-2, precision="no")
    whole = list(train(Line(exact=True), settings))
    parts = list(train(Line(exact=True), dataclasses.replace(settings, accumulate=3)))
    assert [r.losses["square"] for r in parts] == pytest.approx([r.losses["square"] for r in whole], rel=1e-4)
    with pytest.raises(ConfigError, match="A step has 8 examples; 1 processes times accumulate 9"):
        list(train(Line(), dataclasses.replace(settings, accumulate=9)))


def test_float16_scales_its_losses_and_is_resumed_exactly(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, precision="fp16")
    whole = list(train(Line(), settings))
    for report in train(Line(), settings, tmp_path):
        if report.step == 11:
            break
    assert checkpoint.load(tmp_path / "state.pt")["scaler"]["scale"] > 1
    assert [r.losses for r in train(Line(), settings, tmp_path)] == [r.losses for r in whole[10:]]


def test_a_stop_saves_the_step_it_falls_into_and_ends(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, save_every=1e6)
    seen: list[int] = []
    for report in train(Line(), settings, tmp_path, lambda: len(seen) == 5):
        seen.append(report.step)
    assert seen == [1, 2, 3, 4, 5] and checkpoint.load(tmp_path / "state.pt")["step"] == 5
    assert [r.step for r in train(Line(), settings, tmp_path)] == list(range(6, 21))


def test_a_state_of_older_runs_goes_on_and_one_of_another_run_is_refused(tmp_path: Path) -> None:
    list(itertools.islice(train(Line(), SETTINGS, tmp_path), 12))
    state = checkpoint.load(tmp_path / "state.pt")
    older = {k: state[k] for k in ("model", "optimiser", "step")} | {"data": [0, 8, 64]}
    checkpoint.save(older, tmp_path / "state.pt")
    for name, was, now in (("optimiser", "adamw", "sgd"), ("seed", 0, 3), ("batch_size", 8, 4)):
        with pytest.raises(ConfigError, match=rf"state.pt was made with {name} {was}; this run has {name} {now}\."):
            list(train(Line(), dataclasses.replace(SETTINGS, **{name: now}), tmp_path))
    other = Line()
    other.model.add_module("more", torch.nn.Linear(2, 2))
    with pytest.raises(ConfigError, match="belongs to another model"):
        list(train(other, SETTINGS, tmp_path))
    assert next(train(Line(), dataclasses.replace(SETTINGS, rate=0.5), tmp_path)).step == 12  # it kept no rate


OTHER = {"epochs": 3.0, "batch_size": 4, "accumulate": 2, "optimiser": "sgd", "rate": 0.5, "schedule": "steps",
         "warmup": 0.9, "drops": (0.5,), "weight_decay": 0.3, "clip_norm": 0.01, "seed": 3, "precision": "no",
         "save_every": 1.0}


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(TrainingConfig)])
def test_every_setting_is_compared_or_named_as_free(tmp_path: Path, name: str) -> None:
    list(itertools.islice(train(Line(), SETTINGS, tmp_path), 2))
    changed = {name: OTHER[name]} | ({"schedule": "steps", "drops": (0.5,)} if name in ("schedule", "drops") else {})
    again = dataclasses.replace(SETTINGS, **changed)
    if name in FREE:
        assert next(train(Line(), again, tmp_path)).step == 2
        return
    was, now = (str(v) for v in (getattr(SETTINGS, name), OTHER[name]))
    values = {"drops": ("none", "0.5")}.get(name, (was, now))
    with pytest.raises(ConfigError) as refused:
        list(train(Line(), again, tmp_path))
    before, after = str(refused.value).split("; this run has ")
    assert f"{name} {values[0]}" in before and f"{name} {values[1]}" in after and "Give the same settings" in after


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    task = Line()
    losses = task.losses

    def root_of_zero(examples: list[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        found = losses(examples, generator)
        return found | ({"root": (found["square"] * 0).sqrt()} if task.calls == 4 else {})

    task.losses = root_of_zero
    with pytest.raises(DataError, match=r"The gradient is not a number at step 4 \(examples \["):
        list(train(task, SETTINGS, tmp_path))
    assert all(bool(p.isfinite().all()) for p in task.model.parameters())
