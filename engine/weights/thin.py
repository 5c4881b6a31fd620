"""A fine-tuning of all weights as an adapter of a few megabytes.

What a matrix moved by is written as the product of two thin ones, the nearest of that rank (singular value
decomposition; Eckart and Young 1936). Matrices that moved in more directions get more of the common budget. Small
tensors are kept as they are, and so are the embeddings of the words that moved furthest. Those of the others, and the
heads of pre-training, stay those of the base: what fine-tuning did to them is given up.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.weights.adapters import MATRIX, PARTS, WORDS, check_base, kept_whole, read_info, under, write_adapter
from engine.weights.files import fill, read_tensors
from engine.weights.shipped import load_model, read_with
from engine.writing import refuse_overwriting

MOST_WORDS = 150  # pieces whose embeddings are kept
ONLY_LEARNED_WITH = ("regions.", "words.")  # of heads whose answer is read elsewhere


def make_thin(path: Path, folder: Path, out: Path, rank: int) -> Path:
    """Write what `finetune --tune full` left in `path`, on the weights in `folder`, as low-rank matrices to `out`.

    rank: the file takes as many numbers as if all its matrices had this rank. Raises ConfigError for a rank under 1 and
    where `path` was not tuned full or `out` is one of the files that are read, WeightsError where it belongs to
    other weights or is damaged.
    """
    if rank < 1:
        raise ConfigError(f"The rank is {rank}; it must be at least 1.")
    if out.is_dir():
        raise ConfigError(f"{out} is a folder; name the file that is to be written, such as {out / path.name}.")
    refuse_overwriting(out, path, *read_with(folder))
    info = read_info(path)
    if info.tune != "full":
        raise ConfigError(f"{path} was tuned {info.tune}; only what --tune full left can be made thin.")
    check_base(info, path, folder)
    _, model, _, _ = load_model(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = read_tensors(path)
    fill(model, under(tensors, PARTS["full"]), str(path))
    after = model.state_dict()
    parts = {match["module"]: torch.linalg.svd((tensor - before[name]).float(), full_matrices=False)
             for name, tensor in after.items() if (match := MATRIX.fullmatch(name))}
    ranks = shared_ranks({name: s for name, (_, s, _) in parts.items()},
                         {name: u.shape[0] + v.shape[1] for name, (u, _, v) in parts.items()}, rank)
    written: dict[str, Tensor] = {f"{PARTS['full']}{name}": tensor for name, tensor in after.items()
                                  if kept_whole(name)}
    for name, (u, s, v) in parts.items():
        own = ranks[name]
        root = s[:own].sqrt()
        written |= {f"{PARTS['lora']}{name}.lora_A.weight": root[:, None] * v[:own],
                    f"{PARTS['lora']}{name}.lora_B.weight": u[:, :own] * root}
    words = after["embeddings.words.weight"]
    moved = (words - before["embeddings.words.weight"]).norm(dim=1).topk(min(MOST_WORDS, len(words))).indices
    written |= {f"{WORDS}numbers": moved.to(torch.int32), f"{WORDS}rows": words[moved]}
    written |= {f"head.{name}": tensor for name, tensor in under(tensors, "head.").items()
                if info.task == "grounding" or not name.startswith(ONLY_LEARNED_WITH)}
    thin = dataclasses.replace(info, tune="lora", rank=rank, alpha=rank, classes=(), evidence=False)
    write_adapter(out, written, thin)
    return out


def shared_ranks(values: Mapping[str, Tensor], sizes: Mapping[str, int], rank: int) -> dict[str, int]:
    """Of each matrix how many directions are kept, at least one, so that the least is lost of all movement together.

    values: the singular values of each, largest first; sizes: the numbers that one direction of it takes. Together
    they take no more than if each had `rank`.
    """
    ranks = dict.fromkeys(values, 1)
    left = (rank - 1) * sum(sizes.values())
    for _, name in sorted(((float(s) ** 2 / sizes[name], name) for name, own in values.items() for s in own[1:]),
                          reverse=True):
        if sizes[name] <= left:
            ranks[name] += 1
            left -= sizes[name]
    return ranks
