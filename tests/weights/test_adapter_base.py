"""To which VL-BERT an adapter belongs: to its tensors, however their file is written."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import WeightsError
from engine.model.task_heads import FineTuned
from engine.weights.adapters import (
    AdapterInfo,
    base_digests,
    base_file,
    content_digest,
    digest,
    load_adapter,
    save_adapter,
)
from engine.weights.shipped import load_model
from tests.tiny import CONFIG, write_tiny


def test_an_adapter_fits_the_same_tensors_in_another_file_and_no_others(tmp_path) -> None:
    folder = write_tiny(tmp_path / "weights")
    file = base_file(folder)
    vlbert = load_model(folder)[1]
    adapter, old = tmp_path / "new.safetensors", tmp_path / "old.safetensors"
    info = AdapterInfo("vqa", "head", content_digest(file), answers=("yes", "no"))
    model = FineTuned(vlbert, info.head(CONFIG.encoder.hidden))
    save_adapter(adapter, model, info)
    save_adapter(old, model, replace(info, base=digest(file)))
    for path in (adapter, old):
        assert load_adapter(path, vlbert, base_digests(folder), CONFIG)[1].answers == ("yes", "no")

    tensors = load_file(file)
    before = file.read_bytes()
    save_file(dict(reversed(tensors.items())), file, {"written": "again"})
    assert file.read_bytes() != before and content_digest(file) == info.base
    assert load_adapter(adapter, vlbert, base_digests(folder), CONFIG)[1] == info

    name, tensor = next((n, t) for n, t in tensors.items() if t.ndim == 2)
    for other in ({**tensors, name: tensor + 1}, {**tensors, name: tensor.t().contiguous()},
                  {**tensors, name: tensor.to(torch.bfloat16)},
                  {("x" if n == name else n): t for n, t in tensors.items()}):
        save_file(other, file)
        assert content_digest(file) != info.base
        with pytest.raises(WeightsError, match="trained on another VL-BERT"):
            load_adapter(adapter, vlbert, base_digests(folder), CONFIG)
