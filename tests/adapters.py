"""An adapter for choosing among four with made-up thin matrices, for where none is shipped."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.predictor import Predictor
from engine.weights.adapters import FORMAT, MATRIX, AdapterInfo, base_file, digest
from engine.weights.store import stored


def write_choosing(path: Path, predictor: Predictor, **told) -> Path:
    """A file that belongs to the predictor's weights; `told`: fields of its `AdapterInfo` to be different."""
    generator = torch.Generator().manual_seed(3)
    info = AdapterInfo("vcr", "lora", digest(base_file(predictor.folder)), classes=("dog", "cat"), rank=2, alpha=4,
                       about="made up")
    hidden = predictor.config.encoder.hidden
    head = info.head(hidden).state_dict()
    head["score.weight"] = torch.randn(1, hidden, generator=generator)
    layer = "encoder.layers.0.attention.value"
    tensors = {f"head.{name}": stored(name, tensor) for name, tensor in head.items()}
    for name, weight in predictor.model.state_dict().items():
        if match := MATRIX.fullmatch(name):
            share = 0.1 if match["module"] == layer else 0.0  # the others do not move
            wide, high = weight.shape[1], weight.shape[0]
            tensors[f"lora.{match['module']}.lora_A.weight"] = share * torch.randn(2, wide, generator=generator)
            tensors[f"lora.{match['module']}.lora_B.weight"] = share * torch.randn(high, 2, generator=generator)
    save_file(tensors, path, {FORMAT: json.dumps(dataclasses.asdict(info) | told)})
    return path
