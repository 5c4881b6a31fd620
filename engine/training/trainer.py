"""The one loop that trains everything: a generator of step reports.

The order within a step is rate, forward, backward, clip, step, report, save. What a step sees depends only on the
seed and the step's number, so a run that is resumed goes on exactly.

A step's examples are cut into as many parts as there are processes times `accumulate`. A loss is the mean over what
its part asks (hidden words, regions, …), whose number differs from part to part; a step minimises the mean of the
parts' losses, each weighted by its examples. Which process computes a part changes nothing but the order of sums.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.amp import GradScaler

from engine.errors import ConfigError, DataError
from engine.precision import autocast
from engine.training import checkpoint
from engine.training.origin import Origin, of_settings, refuse_other
from engine.training.processes import accelerator, any_of, broadcast_weights, same_for_all, sum_gradients, sum_losses
from engine.training.schedule import TrainingConfig, examples_at, rate_at, steps_of

PART_SEEDS = 1_000_000_007  # apart further than any two steps


class Trainable(Protocol):
    """What the loop asks of a task."""

    model: nn.Module

    def __len__(self) -> int:
        """Examples in an epoch."""

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: `params`, and `scale`, by which the learning rate is multiplied."""

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Each weighted loss of one batch by its name, on the model's device; their sum is what is minimised."""


@runtime_checkable
class Streamed(Protocol):
    """A task that draws its next examples itself, whatever their numbers."""

    def skip(self, examples: int) -> None:
        """Pass over what this process has learned from already."""

    def drawn(self, examples: int) -> list[str]:
        """What the last so many that this process drew are called."""


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


def train(task: Trainable, config: TrainingConfig, run: Path | None = None,
          stop: Callable[[], bool] = lambda: False, origin: Origin | None = None) -> Iterator[Report]:
    """Train `task.model` in place, on a GPU where there is one, and hand it back on the CPU; yield a report each step.

    `run` is the folder for `state.pt`, the same for all processes; an existing one is taken up where it stopped.
    `stop` is asked after each step: True from any process saves and ends the run. Only the main process yields and
    writes; the others must exhaust the generator, too, and leaving it early is for a run of one process.

    origin: what the run began from. Settings in `engine.training.origin.FREE` may change: another number of epochs only
    changes the rest of the schedule. Any other setting, another number of examples or another origin raises
    ConfigError. Raises DataError where a loss or the gradient is no number, naming the step and the examples, and
    DiskError where a checkpoint cannot be written.
    """
    machine = accelerator()
    model = task.model.to(machine.device).train()
    broadcast_weights(machine, model)
    parameters = list(model.parameters())
    optimiser = optimiser_of(task.groups(), config)
    scaler = GradScaler(machine.device.type, enabled=config.precision == "fp16")
    saved_state = _SavedState(run, model, optimiser, scaler, config, len(task), origin or {})
    steps, first = steps_of(len(task), config), saved_state.take_up(machine)
    own = len(own_examples(examples_at(first, len(task), config), config, machine))  # as many in every step
    if first and isinstance(task, Streamed):
        task.skip(first * own)
    start = saved = time.monotonic()
    for step in range(first, steps):
        rate = rate_at(step, steps, config)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        examples = examples_at(step, len(task), config)
        losses = sum_losses(machine, _forward_backward(task, config, machine, scaler, step, examples))
        _check(all(map(math.isfinite, losses.values())), "loss", step, examples, task, own)
        sum_gradients(machine, parameters)
        scaler.unscale_(optimiser)
        norm = float(nn.utils.clip_grad_norm_(parameters, config.clip_norm))
        _check(math.isfinite(norm) or scaler.is_enabled(), "gradient", step, examples, task, own)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        now = time.monotonic()
        if machine.is_main_process:
            yield Report(step + 1, steps, losses, rate, norm, now - start,
                         (now - start) / (step + 1 - first) * (steps - step - 1))
        stopping = any_of(machine, stop())
        if machine.is_main_process and (stopping or step + 1 == steps or now - saved >= config.save_every):
            saved_state.save(step + 1)
            saved = now
        if stopping:
            break
    machine.wait_for_everyone()
    model.cpu().eval()


def optimiser_of(groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW, or SGD with momentum 0.9 (specification, VCR)."""
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.rate, momentum=0.9, weight_decay=config.weight_decay)
    return torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.weight_decay, fused=True)


def own_examples(examples: Sequence[int], config: TrainingConfig, machine: Accelerator) -> list[int]:
    """Those of a step's examples that this process computes."""
    count = machine.num_processes * config.accumulate
    return [e for i, e in enumerate(examples) if i % count % machine.num_processes == machine.process_index]


def _forward_backward(task: Trainable, config: TrainingConfig, machine: Accelerator, scaler: GradScaler, step: int,
                      examples: list[int]) -> dict[str, float]:
    """The gradients of this process's parts of a step, and their share of its losses."""
    count = machine.num_processes * config.accumulate
    if len(examples) < count:
        raise ConfigError(f"A step has {len(examples)} examples; {machine.num_processes} processes times accumulate "
                          f"{config.accumulate} ask for at least {count}. Raise the batch size or lower accumulate.")
    sums: dict[str, float] = {}
    for number in range(machine.process_index, count, machine.num_processes):
        part = examples[number::count]
        share = len(part) / len(examples)
        torch.manual_seed(config.seed * 7_919 + step + number * PART_SEEDS)  # dropout
        generator = torch.Generator().manual_seed(config.seed * 104_729 + step + number * PART_SEEDS)
        with autocast(machine.device.type, config.precision):
            losses = task.losses(part, generator)
        scaler.scale(torch.stack(list(losses.values())).sum() * share).backward()
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + share * float(value.detach())
    return sums


def _check(finite: bool, what: str, step: int, examples: list[int], task: Trainable, own: int) -> None:
    """Raises DataError. own: how many of the step's examples this process computes."""
    if finite:
        return
    told, mend = f"examples {examples}", "remove the features of this run, which may be damaged"
    if isinstance(task, Streamed):
        told, mend = ", ".join(task.drawn(own)), "leave these photos out, one of which may be damaged"
    raise DataError(f"The {what} is not a number at step {step + 1} ({told}). Lower the rate; where that does not "
                    f"help, {mend}.")


class _SavedState:
    """What `state.pt` holds of a run, if the run has a folder."""

    def __init__(self, run: Path | None, model: nn.Module, optimiser: torch.optim.Optimizer, scaler: GradScaler,
                 config: TrainingConfig, examples: int, origin: Origin) -> None:
        self.file = run / "state.pt" if run else None
        self.model, self.optimiser, self.scaler = model, optimiser, scaler
        self.origin = {**of_settings(config), "examples": examples, **origin}

    def save(self, step: int) -> None:
        """Write the state after so many steps."""
        if self.file:
            state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "step": step,
                     "origin": self.origin}
            checkpoint.save(state | ({"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {}),
                            self.file)

    def take_up(self, machine: Accelerator) -> int:
        """Go back to what was saved, if anything was; the steps done. Raises ConfigError where it does not fit."""
        step = self._loaded() if self.file and self.file.exists() else 0
        if not same_for_all(machine, step):
            raise ConfigError(f"{self.file} is not the same for all processes. Give a folder that all of them share.")
        return step

    def _loaded(self) -> int:
        assert self.file is not None
        state = checkpoint.load(self.file)
        refuse_other(checkpoint.origin_of(state), self.origin, self.file, checkpoint.REMEDY)
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ConfigError(f"{self.file} belongs to another model or task. "
                              "Give the same settings, or another folder.") from error
        if "scaler" in state and self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        return state["step"]
