"""An adapter for choosing among four with made-up thin matrices, for where none is shipped."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.predictor import Predictor
from engine.weights.adapters import FORMAT, AdapterInfo, base_file, digest
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
    tensors[f"lora.{layer}.lora_A.weight"] = torch.randn(2, hidden, generator=generator) / 10
    tensors[f"lora.{layer}.lora_B.weight"] = torch.randn(hidden, 2, generator=generator) / 10
    save_file(tensors, path, {FORMAT: json.dumps(dataclasses.asdict(info) | told)})
    return path
