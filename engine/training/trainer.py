"""The one loop that trains everything: a generator of step reports.

The order within a step is rate, forward, backward, clip, step, report, save. Stopping is the caller's: leave the
loop. What a step sees depends only on the seed and the step's number, so a run that is resumed goes on exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.config import Settings, setting
from engine.errors import ConfigError, DataError
from engine.training import checkpoint


class Trainable(Protocol):
    """What the loop asks of a task."""

    model: nn.Module

    def __len__(self) -> int:
        """Examples in an epoch."""

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: `params`, and `scale`, by which the learning rate is multiplied."""

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Each weighted loss of one batch by its name; their sum is what is minimised."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """How long and how fast (specification, "Pre-training settings")."""

    epochs: float = setting(1.0, "passes over the data", low=0)
    batch_size: int = setting(32, "examples in a step", low=1)
    rate: float = setting(1e-4, "highest learning rate", low=0)
    warmup: float = setting(0.1, "share of the steps in which the rate rises; then it falls to 0", low=0, high=1)
    weight_decay: float = setting(1e-4, "AdamW weight decay", low=0)
    clip_norm: float = setting(10.0, "largest norm of the gradient", low=0)
    seed: int = setting(0, "of every random choice", low=0)
    bf16: bool = setting(True, "bfloat16 autocast")
    save_every: float = setting(180.0, "seconds between checkpoints", unit="s", low=0)


@dataclass(frozen=True)
class Report:
    """One step: losses by name, learning rate, gradient norm before clipping, seconds since start, seconds left."""

    step: int
    steps: int
    losses: dict[str, float]
    rate: float
    norm: float
    elapsed: float
    left: float


def rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """Triangle: up in `warmup` of the steps, down to 0 at the last."""
    rise = max(1, math.ceil(config.warmup * steps))
    if step < rise:
        return config.rate * (step + 1) / rise
    return config.rate * (steps - step) / max(1, steps - rise)


def examples_at(step: int, count: int, config: TrainingConfig) -> list[int]:
    """The examples of one step: epochs are permutations drawn from the seed; an incomplete last batch is dropped."""
    per_epoch = max(1, count // config.batch_size)
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(config.seed * 1_000_003 + epoch))
    return order[place * config.batch_size:(place + 1) * config.batch_size].tolist()


def train(task: Trainable, config: TrainingConfig, run: Path | None = None) -> Iterator[Report]:
    """Train `task.model` in place and yield a report each step.

    `run` is the folder for `state.pt`; an existing one is taken up where it stopped. Another number of epochs only
    changes the rest of the schedule; another seed, batch size or number of examples raises ConfigError. Raises
    DataError where the loss is no number, naming the step and the examples.
    """
    accelerator = Accelerator(cpu=True)
    model = task.model.train()
    optimiser = torch.optim.AdamW(task.groups(), lr=config.rate, weight_decay=config.weight_decay)
    optimiser = accelerator.prepare(optimiser)
    steps = max(1, round(config.epochs * max(1, len(task) // config.batch_size)))
    first, data = 0, [config.seed, config.batch_size, len(task)]
    state_file = run / "state.pt" if run else None
    if state_file and state_file.exists():
        state = checkpoint.load(state_file)
        if state.get("data", data) != data:
            raise ConfigError(f"{state_file} was written with {state['data']} (seed, batch size, examples); this run "
                              f"has {data}. Give the same settings, or another folder.")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    start = saved = time.monotonic()
    for step in range(first, steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps, config) * group["scale"]
        examples = examples_at(step, len(task), config)
        torch.manual_seed(config.seed * 7_919 + step)  # dropout
        generator = torch.Generator().manual_seed(config.seed * 104_729 + step)
        # On a CPU the backward pass of fused attention takes several times as long as that of the plain one.
        with (torch.autocast(accelerator.device.type, torch.bfloat16, enabled=config.bf16),
              sdpa_kernel(SDPBackend.MATH)):
            losses = task.losses(examples, generator)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise DataError(f"The loss is not a number at step {step} (examples {examples[:8]}…). Lower the rate.")
        accelerator.backward(total)
        norm = float(accelerator.clip_grad_norm_(model.parameters(), config.clip_norm))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        now = time.monotonic()
        left = (now - start) / (step + 1 - first) * (steps - step - 1)
        yield Report(step + 1, steps, {k: float(v.detach()) for k, v in losses.items()},
                     rate_at(step, steps, config), norm, now - start, left)
        if state_file and (step + 1 == steps or now - saved >= config.save_every):
            checkpoint.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1,
                             "data": data}, state_file)
            saved = now
    model.eval()
