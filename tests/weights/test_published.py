"""Every key of the four published checkpoints finds its place; any change of one is refused by name."""

import json

import pytest
import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.errors import WeightsError
from engine.model.vlbert import VLBert
from engine.weights import published, store
from engine.weights.files import fill
from engine.weights.published import FRESH, convert_published, identify, rename
from tests.reference.cases import FOLDER, Case

NAMES = ("base_e2e", "base_prec", "large_e2e", "large_prec")


def checkpoint(name: str, prefix: str = "") -> dict[str, Tensor]:
    """All keys and shapes without the memory: each tensor is one number, repeated by strides of 0."""
    shapes = json.loads((FOLDER / f"keys_{name}.json").read_text())
    return {prefix + key: torch.zeros(()).expand(shape) for key, shape in shapes.items()}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", NAMES)
def test_every_key_finds_its_place_and_nothing_is_missing(name, prefix):
    found = identify(checkpoint(name, prefix))
    size, layout = name.split("_")
    assert (found.config.name, found.config.precomputed) == (size, layout == "prec")
    assert (found.fast_rcnn is None) == (layout == "prec")
    with torch.device("meta"):
        own = VLBert.from_config(found.config).state_dict()
    assert own.keys() - found.vlbert.keys() == FRESH
    assert all(own[k].shape == v.shape for k, v in found.vlbert.items())


SOME = ("vlbert.encoder.layer.11.output.LayerNorm.bias", "object_linguistic_embeddings.weight",
        "vlbert.mlm_head.predictions.decoder.weight", "aux_text_visual_embedding.weight",
        "vlbert.position_embeddings.weight", "image_feature_extractor.obj_downsample.1.weight")
E2E = ("image_feature_extractor.backbone.layer3.22.bn3.running_var",
       "image_feature_extractor.roi_head_feature_extractor.0.downsample.0.weight",
       "image_feature_extractor.head.0.2.conv2.weight")


@pytest.mark.parametrize("key", [*SOME, *E2E])
def test_a_dropped_or_reshaped_key_is_named(key):
    state = checkpoint("base_e2e", "module.")
    tensor = state.pop(f"module.{key}")
    with pytest.raises(WeightsError, match=f"^{key} is missing"):
        identify(state)
    reshaped = tensor.expand(2, *tensor.shape)
    with pytest.raises(WeightsError, match=key):
        identify(state | {f"module.{key}": reshaped})


def test_every_single_dropped_key_of_the_precomputed_base_is_named():
    whole = checkpoint("base_prec")
    for key in whole:
        with pytest.raises(WeightsError, match=f"^{key} is missing"):
            rename({k: v for k, v in whole.items() if k != key})


@pytest.mark.parametrize("key", ["vlbert.encoder.layer.3.output.scale", "final_mlp.weight",
                                 "image_feature_extractor.backbone.layer3.23.conv1.weight", "num_batches_tracked"])
def test_an_added_key_is_named(key):
    with pytest.raises(WeightsError, match=f"{key} is unknown"):
        identify(checkpoint("large_e2e") | {key: torch.zeros(3)})


def test_layers_beyond_the_preset_and_other_widths_are_refused():
    state = checkpoint("base_prec")
    more = {k.replace("layer.0.", "layer.12."): v for k, v in state.items() if "encoder.layer.0." in k}
    with pytest.raises(WeightsError, match=r"vlbert.encoder.layer.12.* is unknown"):
        identify(state | more)
    fewer = {k: v for k, v in state.items() if "encoder.layer.11." not in k}
    with pytest.raises(WeightsError, match=r"encoder.layers.11.*no counterpart"):
        identify(fewer)
    narrow = {k: torch.zeros([{768: 64}.get(n, n) for n in v.shape[:2]][:v.ndim]) if v.shape[-1] == 768 else v
              for k, v in state.items() if "word" in k} | {k: v for k, v in state.items() if "word" not in k}
    narrow["vlbert.mlm_head.predictions.decoder.weight"] = narrow["vlbert.word_embeddings.weight"]
    with pytest.raises(WeightsError, match="is 64 wide"):
        identify(narrow)


def test_doubles_that_differ_are_refused():
    state = checkpoint("base_e2e")
    key = "image_feature_extractor.head.0.1.conv1.weight"
    with pytest.raises(WeightsError, match=key):
        rename(state | {key: torch.ones(state[key].shape)})
    with pytest.raises(WeightsError, match=r"decoder.weight"):
        rename(state | {"vlbert.mlm_head.predictions.decoder.weight": torch.ones(30522, 768)})


def test_converting_a_file_writes_what_the_store_reads(tmp_path, monkeypatch):
    """On the small case's weights, with a preset of its size."""
    def small(*, precomputed: bool) -> ModelConfig:
        raw = json.loads(ModelConfig(name="base", precomputed=precomputed).to_json())
        raw["encoder"] |= {"vocabulary": 200, "hidden": 64, "layers": 3, "heads": 4, "feed_forward": 128,
                           "positions": 64}
        return ModelConfig.from_json(json.dumps(raw))

    monkeypatch.setattr(published, "PRESETS", {64: small})
    state = Case("pretrain_multitask_prec").state()
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 9}, tmp_path / "theirs.model")
    assert convert_published(tmp_path / "theirs.model", tmp_path / "ours.safetensors") == (
        tmp_path / "ours.safetensors",)
    config = store.read_config(tmp_path / "ours.safetensors", kind="vlbert")
    assert config == small(precomputed=True)
    read, expected = VLBert.from_config(config), VLBert.from_config(config)
    store.load(read, tmp_path / "ours.safetensors", config, kind="vlbert")
    fill(expected, rename(state)[0], "the case", fresh=FRESH)
    for name, tensor in expected.state_dict().items():
        if name not in FRESH:
            torch.testing.assert_close(read.state_dict()[name], tensor, rtol=1e-3, atol=1e-5)
