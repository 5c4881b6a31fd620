"""Settings of a training run, and what follows from them alone: the rate and the examples of each step."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.config import PRECISIONS, Settings, setting
from engine.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """How long and how fast (specification, "Pre-training settings" and "Fine-tuning")."""

    epochs: float = setting(1.0, "passes over the data", low=0)
    batch_size: int = setting(32, "examples in a step, over all processes", low=1)
    accumulate: int = setting(1, "parts into which each process cuts its share of a step, to need less memory", low=1)
    optimiser: str = setting("adamw", "AdamW, or SGD with momentum 0.9", choices=("adamw", "sgd"))
    rate: float = setting(1e-4, "highest learning rate", low=0)
    schedule: str = setting("triangle", "after the warm-up the rate falls evenly to 0, or in steps to a tenth",
                            choices=("triangle", "steps"))
    warmup: float = setting(0.1, "the rate rises first: below 1 for this share of the steps, else for so many", low=0)
    drops: tuple[float, ...] = setting((), "shares of the run after which the rate of `steps` falls to a tenth")
    weight_decay: float = setting(1e-4, "weight decay", low=0)
    clip_norm: float = setting(10.0, "largest norm of the gradient", low=0)
    seed: int = setting(0, "of every random choice", low=0, high=10**9)
    precision: str = setting("bf16", "autocast: none, bfloat16 (where a processor has none, float32), or "
                           "float16 with scaled losses", choices=PRECISIONS)
    save_every: float = setting(180.0, "seconds between checkpoints", unit="s", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(not 0 < d < 1 for d in self.drops) or any(a >= b for a, b in itertools.pairwise(self.drops)):
            raise ConfigError(f"drops is {_written(self.drops)}; give rising shares of the run between 0 and 1, such "
                              "as 0.7 0.9.")
        if bool(self.drops) != (self.schedule == "steps"):
            raise ConfigError(f"The schedule is {self.schedule} and drops is {_written(self.drops)}; the schedule "
                              "`steps` needs drops, and no other one has any.")


def _written(drops: tuple[float, ...]) -> str:
    """As `drops_of` reads it."""
    return " ".join(map(str, drops)) or "empty"


def drops_of(text: str) -> tuple[float, ...]:
    """Shares of a run, written with spaces or commas between them. Raises ConfigError for what is no number."""
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise ConfigError(f"drops is {text!r}; give shares of the run between 0 and 1, such as 0.7 0.9.") from error


def rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """The learning rate of a step, counted from 0, before a group's own scale."""
    rise = max(1, math.ceil(config.warmup * steps if config.warmup < 1 else config.warmup))
    if step < rise:
        return config.rate * (step + 1) / rise
    if config.schedule == "steps":
        return config.rate * 0.1 ** sum(step >= round(share * steps) for share in config.drops)
    return config.rate * (steps - step) / max(1, steps - rise)


def steps_of(count: int, config: TrainingConfig) -> int:
    """Steps of the whole run over `count` examples."""
    return max(1, round(config.epochs * max(1, count // config.batch_size)))


def examples_at(step: int, count: int, config: TrainingConfig) -> list[int]:
    """The examples of one step: epochs are permutations drawn from the seed; an incomplete last batch is dropped."""
    per_epoch = max(1, count // config.batch_size)
    epoch, place = divmod(step, per_epoch)
    order = _order(config.seed * 1_000_003 + epoch, count)
    return order[place * config.batch_size:(place + 1) * config.batch_size].tolist()


@lru_cache(maxsize=1)  # of millions of examples it takes longer to draw than many a step
def _order(seed: int, count: int) -> Tensor:
    """The permutation that all steps of an epoch share, [count]."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
