"""A fine-tuning of all weights as an adapter of a few megabytes.

What a matrix moved by is written as the product of two thin ones, the nearest of that rank (singular value
decomposition; Eckart and Young 1936). Small tensors are kept as they are. The embeddings of words and the heads of
pre-training stay those of the base: what fine-tuning did to them is given up.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.model.lora import TARGETS
from engine.weights.adapters import PARTS, check_base, read_info, under, write_adapter
from engine.weights.files import fill, read_tensors
from engine.weights.shipped import load_model

MATRIX = re.compile(rf"(?P<module>{TARGETS})\.weight")
LEFT = ("embeddings.words.", "heads.")  # of VL-BERT
ONLY_LEARNED_WITH = ("regions.", "words.")  # of heads whose answer is read elsewhere


def make_thin(path: Path, folder: Path, out: Path, rank: int) -> Path:
    """Write what `finetune --tune full` left in `path`, on the weights in `folder`, as low-rank matrices to `out`.

    Raises ConfigError for a rank under 1 and where `path` was not tuned full, WeightsError where it belongs to other
    weights or is damaged.
    """
    if rank < 1:
        raise ConfigError(f"The rank is {rank}; it must be at least 1.")
    info = read_info(path)
    if info.tune != "full":
        raise ConfigError(f"{path} was tuned {info.tune}; only what --tune full left can be made thin.")
    check_base(info, path, folder)
    _, model, _, _ = load_model(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = read_tensors(path)
    fill(model, under(tensors, PARTS["full"]), str(path))
    written: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if match := MATRIX.fullmatch(name):
            second, first = factors(tensor - before[name], rank)
            written |= {f"{PARTS['lora']}{match['module']}.lora_A.weight": first,
                        f"{PARTS['lora']}{match['module']}.lora_B.weight": second}
        elif not name.startswith(LEFT):
            written[f"{PARTS['full']}{name}"] = tensor
    written |= {f"head.{name}": tensor for name, tensor in under(tensors, "head.").items()
                if info.task == "grounding" or not name.startswith(ONLY_LEARNED_WITH)}
    thin = dataclasses.replace(info, tune="lora", rank=rank, alpha=rank, classes=(), evidence=False)
    write_adapter(out, written, thin)
    return out


def factors(moved: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """[out, in] -> B [out, rank] and A [rank, in], whose product is as near to it as that rank allows."""
    u, s, v = torch.linalg.svd(moved.float(), full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]
