"""Checkpoints of detectron2 find their places; changed, incomplete and hostile ones are refused by name."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.c4_config import C4Config, bottom_up_attention
from engine.data.vocabulary import classes_of
from engine.detector.c4 import C4
from engine.errors import ConfigError, WeightsError
from engine.weights.detectron2 import (
    ANCHORS,
    ATTRIBUTES,
    PIXEL_MEAN,
    PIXEL_STD,
    convert,
    convert_detectron2,
    fill_library,
    load_c4,
    names,
    read_checkpoint,
)
from engine.weights.pickles import read_arrays
from tests.detector.detectron2_models import GENOME, library, save_pkl

HEAD = "roi_heads.box_predictor."


def checkpoint(config: C4Config) -> dict[str, Tensor]:
    """All keys and shapes without the memory: each tensor is one number, repeated by strides of 0."""
    with torch.device("meta"):
        own = C4.from_config(config).state_dict()
    found = names(config.depth, attributes=bool(config.attributes))
    return {theirs: torch.zeros(()).expand(own[ours].shape) for theirs, ours in found.items()}


@pytest.mark.parametrize("config", [C4Config(), C4Config(depth=101), bottom_up_attention(),
                                    bottom_up_attention(attributes=0)])
def test_every_key_finds_its_place_and_the_layout_is_recognised(config):
    found, tensors = convert(checkpoint(config))
    assert found == config
    with torch.device("meta"):
        own = C4.from_config(config).state_dict()
    assert {k: v.shape for k, v in tensors.items()} == {k: v.shape for k, v in own.items()}


@pytest.mark.parametrize("layout", ["coco", "genome"])
def test_the_names_are_those_of_the_library(layout, tmp_path):
    path = tmp_path / "genome.yaml"
    path.write_text(GENOME)
    theirs = library(str(path)) if layout == "genome" else library()
    assert set(theirs.model.state_dict()) == set(names(50, attributes=layout == "genome"))


def test_the_background_moves_to_the_front():
    state = checkpoint(bottom_up_attention())
    for key in ("cls_score.weight", "cls_score.bias", "cls_embedding.weight"):
        state[HEAD + key] = torch.arange(1601).reshape(-1, *[1] * (state[HEAD + key].ndim - 1)).float()
    _, tensors = convert(state)
    for ours in ("heads.classify.weight", "heads.classify.bias", "heads.attributes.embed.weight"):
        assert tensors[ours].flatten()[:3].tolist() == [1600, 0, 1]


@pytest.mark.parametrize("key", ["backbone.stem.conv1.weight", "backbone.res4.5.conv3.norm.running_var",
                                 "roi_heads.res5.0.shortcut.norm.bias", HEAD + "bbox_pred.bias",
                                 "proposal_generator.rpn_head.anchor_deltas.weight"])
def test_a_dropped_key_is_named(key):
    state = checkpoint(C4Config())
    del state[key]
    with pytest.raises(WeightsError, match=key.removesuffix(".weight").replace(".", r"\.") + ".* is missing"):
        convert(state)


@pytest.mark.parametrize("key", list(ATTRIBUTES))
def test_half_an_attribute_head_is_refused(key):
    state = checkpoint(bottom_up_attention())
    del state[key]
    with pytest.raises(WeightsError, match=f"{key} is (missing|unknown)|attr_score.weight is missing"):
        convert(state)


@pytest.mark.parametrize("key", ["roi_heads.mask_head.deconv.weight", "backbone.res4.6.conv1.weight", "step"])
def test_an_added_key_is_named(key):
    with pytest.raises(WeightsError, match=r"backbone.res4.*is missing|" + f"{key} is unknown"):
        convert(checkpoint(C4Config()) | {key: torch.zeros(3)})


def test_a_misshapen_tensor_is_named(tmp_path):
    key = HEAD + "bbox_pred.weight"
    state = checkpoint(C4Config()) | {key: torch.zeros(4, 2048)}
    torch.save({"model": state}, tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match=r"heads.refine.weight has the shape \[4, 2048\].*needs \[320, 2048\]"):
        convert_detectron2(tmp_path / "theirs.pth", tmp_path / "ours.safetensors")
    assert not (tmp_path / "ours.safetensors").exists()


def test_other_anchors_and_pixels_are_refused():
    state = checkpoint(C4Config())
    mean, std = torch.tensor([103.53, 116.28, 123.675])[:, None, None], torch.ones(3, 1, 1)
    assert convert(state | {PIXEL_MEAN: mean, PIXEL_STD: std})[0] == C4Config()
    with pytest.raises(WeightsError, match=r"pixel_std is \[57.*this layout has \[1.0"):
        convert(state | {PIXEL_MEAN: mean, PIXEL_STD: std * 57})
    with pytest.raises(WeightsError, match=r"cell_anchors\.0 is .* this layout has"):
        convert(state | {ANCHORS: torch.zeros(15, 4)})
    logits = "proposal_generator.rpn_head.objectness_logits.weight"
    with pytest.raises(WeightsError, match=r"scores 3 anchors; COCO's models have 15 and Visual Genome's 12"):
        convert(state | {logits: torch.zeros(3, 1024, 1, 1)})


def test_a_file_of_the_model_zoo_runs_with_and_without_the_library(tmp_path):
    theirs = library()
    path = save_pkl(tmp_path / "model_final.pkl", theirs.model.state_dict())
    (written,) = convert_detectron2(path, tmp_path / "c4.safetensors")
    config, ours = load_c4(written)
    assert config == C4Config()
    for name, tensor in convert(theirs.model.state_dict())[1].items():
        assert torch.equal(ours.state_dict()[name], tensor)  # so it sees what the library sees
    weight = theirs.model.roi_heads.box_predictor.cls_score.weight
    expected = weight.detach().clone()
    with torch.no_grad():
        weight.zero_()
    fill_library(theirs, path)
    assert torch.equal(weight, expected)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_arrays_come_out_of_a_pickle_as_they_went_in(protocol, tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.asfortranarray(np.eye(3, 2)),
              "g": np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(1, 0, 2),
              "c": np.arange(3, dtype=">i4"), "d": np.float32(1.5), "e": [1, "x", None, True], "f": np.zeros((0, 4))}
    path = tmp_path / "arrays.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol))
    found = read_arrays(path)
    assert found["d"] == 1.5 and found["e"] == [1, "x", None, True]
    for name in "abcfg":
        np.testing.assert_array_equal(found[name], arrays[name])
        assert found[name].dtype.isnative


@pytest.mark.parametrize("module", ["numpy.core.numeric", "numpy._core.numeric"])
def test_protocol_5_is_read_as_numpy_1_and_2_write_it(module, tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    frame = pickle.dumps({"w": array}, 5)
    name = b"numpy._core.numeric" if b"numpy._core.numeric" in frame else b"numpy.core.numeric"
    path = tmp_path / "five.pkl"
    # Both names are short strings: their length stands in the byte before them. The frame's own length is left out.
    body = frame[:2] + frame[11:]
    path.write_bytes(body.replace(bytes([len(name)]) + name, bytes([len(module)]) + module.encode()))
    np.testing.assert_array_equal(read_arrays(path)["w"], array)


@pytest.mark.parametrize("change", [
    lambda state: {f"module.{k}": v for k, v in state.items()},
    lambda state: state | {k.replace("running_var", "num_batches_tracked"): torch.tensor(7)
                           for k in state if k.endswith("running_var")}], ids=["on several cards", "with counters"])
def test_what_training_adds_to_the_names_is_left_out(change, tmp_path):
    torch.save({"model": change(checkpoint(C4Config()))}, tmp_path / "theirs.pth")
    found = read_checkpoint(tmp_path / "theirs.pth")
    assert found.keys() == checkpoint(C4Config()).keys() and convert(found)[0] == C4Config()


class Hostile:
    """Unpickled by pickle itself, it would create a file."""

    def __init__(self, call, *arguments) -> None:
        self.call = call, arguments

    def __reduce__(self):
        return self.call


def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path):
    for i, payload in enumerate([Hostile(Path.touch, tmp_path / "ran"), Hostile(exec, "raise SystemExit"),
                                 Hostile(getattr, "a", "upper"), np.array([Hostile(exec, "1")], dtype=object)]):
        path = tmp_path / f"{i}.pkl"
        for protocol in (2, 4, 5):
            path.write_bytes(pickle.dumps({"model": {"w": payload}}, protocol))
            with pytest.raises(WeightsError, match=r"is refused.*(it asks for|an array of 'O8')"):
                read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_a_hostile_pth_is_refused_and_does_not_run(tmp_path):
    path = tmp_path / "hostile.pth"
    torch.save({"model": {"w": Hostile(Path.touch, tmp_path / "ran")}}, path)
    with pytest.raises(WeightsError, match=r"holds an object that is no tensor \((pathlib\.)?[\w.]+\)\. Only tensors"):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_damaged_and_other_files_are_refused(tmp_path):
    whole = pickle.dumps({"model": {"w": np.zeros(100)}})
    for i, content in enumerate([b"", b"not a pickle", whole[:60], whole[:-30]]):
        path = tmp_path / f"{i}.pkl"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"is refused"):
            read_checkpoint(path)
    other = io.BytesIO()
    pickle.dump([1, 2], other)
    (tmp_path / "list.pkl").write_bytes(other.getvalue())
    with pytest.raises(WeightsError, match=r"does not hold the named tensors"):
        read_checkpoint(tmp_path / "list.pkl")


def test_the_names_of_the_classes_are_known():
    coco, genome = classes_of(80), classes_of(1600)
    assert coco.names[:2] == ("background", "person") and coco.names[80] == "toothbrush"
    assert len(genome.names) == 1601 and genome.names[1] == "yolk" and genome.aliases["fridge"] == "refrigerator"
    assert [n for n in set(genome.names) if genome.names.count(n) > 1] == ["background"]  # an object of that name
    with pytest.raises(ConfigError, match=r"No names are known for 20 classes"):
        classes_of(20)
