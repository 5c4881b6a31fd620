"""Several processes that train one model: what they must agree on.

`accelerate launch` starts them, on one machine or on several; alone, every function here hands back what it was given.
A task's losses call parts of its model, never its `forward`, so there is nothing that DistributedDataParallel could
hook into: the gradients are summed here instead, in the open, after the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, broadcast, gather_object
from torch import nn

PATIENCE = timedelta(days=1)  # one process may compute features while the others wait


def accelerator() -> Accelerator:
    """This process's device and place among all: a GPU where there is one, else the CPU."""
    return Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])


@torch.no_grad()
def broadcast_weights(machine: Accelerator, module: nn.Module) -> None:
    """Give every process the main process's weights, which summed gradients then keep equal.

    Args:
        machine: this process among all
        module: the model that is trained, changed in place
    """
    if machine.num_processes == 1:
        return
    for tensor in module.state_dict().values():
        flat = tensor.detach().contiguous()  # a channels-last kernel cannot be sent as it is
        tensor.copy_(broadcast(flat))


def sum_gradients(machine: Accelerator, parameters: Sequence[nn.Parameter]) -> None:
    """Add up each gradient over all processes, in place. What no process reached keeps the gradient None."""
    if machine.num_processes == 1:
        return
    trained = [p for p in parameters if p.requires_grad]
    reached = torch.tensor([float(p.grad is not None) for p in trained], device=machine.device)
    trained = [p for p, count in zip(trained, machine.reduce(reached, "sum").tolist(), strict=True) if count]
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    flat = machine.reduce(torch.cat([g.reshape(-1) for g in grads]), "sum")
    for parameter, grad, part in zip(trained, grads, flat.split([g.numel() for g in grads]), strict=True):
        parameter.grad = grad.copy_(part.view(grad.shape))


def sum_losses(machine: Accelerator, losses: dict[str, float]) -> dict[str, float]:
    """Each loss added up over all processes; one that a process does not have counts 0 there."""
    if machine.num_processes == 1:
        return losses
    everyone = gather_object([losses])
    return {name: sum(own.get(name, 0.0) for own in everyone) for own in everyone for name in own}


def any_of(machine: Accelerator, flag: bool) -> bool:
    """Whether any process says so."""
    if machine.num_processes == 1:
        return flag
    return bool(machine.reduce(torch.tensor(float(flag), device=machine.device), "max"))


def same_for_all(machine: Accelerator, value: int) -> bool:
    """Whether every process has this value."""
    return machine.num_processes == 1 or len(set(gather_object([value]))) == 1
