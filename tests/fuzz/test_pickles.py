"""Damaged and hostile pickles: what they hold comes out or they are refused, and nothing that they name is run."""

import os
import pickle
import pickletools
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.data import plain_pickle
from engine.weights.detectron2 import convert, read_checkpoint
from engine.weights.files import read_tensors
from engine.weights.published import identify
from tests.fuzz.mutations import damaged, examples, refusing, within

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")
CALLS = [("os", "system"), ("builtins", "eval"), ("numpy", "load"), ("torch", "load"), ("shutil", "rmtree")]
REFS = [{"ref_id": 1, "ann_id": 2, "split": "val", "sentences": [{"sent": "the left dog", "tokens": ["the", "left"]}]}]


class Hostile:
    """Pickled, it names a function and an argument for it."""

    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def arrays(protocol):
    content = {"model": OrderedDict({"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.zeros(3)}),
               "__author__": "made up", "iteration": np.float64(3)}
    return pickle.dumps(content, protocol=protocol)


def checkpoint(tmp_path, content, **options):
    torch.save(content, tmp_path / "made.pth", **options)
    return (tmp_path / "made.pth").read_bytes()


def hostile(marker):
    """Pickles that would call something, by each opcode that can."""
    plain = pickle.dumps({"model": {"a": Hostile(marker)}})
    named = [f"c{module}\n{name}\n(S'touch {marker}'\ntR.".encode() for module, name in CALLS]
    return [plain, pickletools.optimize(plain), *named, b"(S'touch x'\nios\nsystem\n.", b"cos\nsystem\n\x85\x81."]


def opcodes(seeds, marker):
    """Damaged files, and any sequence of the opcodes of pickle."""
    codes = st.sampled_from([op.code.encode("latin1") for op in pickletools.opcodes])
    return damaged(seeds + hostile(marker)) | st.lists(codes | st.binary(max_size=4), max_size=40).map(b"".join)


def test_pickles_of_data_sets(tmp_path) -> None:
    path, marker = tmp_path / "refs.p", tmp_path / "ran"
    seeds = [pickle.dumps(REFS, protocol=p) for p in range(6)]

    @examples(300)
    @given(opcodes(seeds, marker))
    def check(content):
        path.write_bytes(content)
        with refusing():
            plain_pickle.load(path)

    with within(200):
        check()
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_checkpoints_of_detectron2(tmp_path, suffix) -> None:
    path, marker = tmp_path / f"model{suffix}", tmp_path / "ran"
    tensors = {"model": {"backbone.stem.conv1.weight": torch.zeros(2, 3), "proposal_generator.rpn_head.conv.bias":
                         torch.ones(3)}}
    seeds = [arrays(p) for p in (2, 4, 5)] if suffix == ".pkl" else [
        checkpoint(tmp_path, tensors), checkpoint(tmp_path, tensors, _use_new_zipfile_serialization=False)]

    @examples(300 if suffix == ".pkl" else 150)
    @given(opcodes(seeds, marker))
    def check(content):
        path.write_bytes(content)
        with refusing():
            convert(read_checkpoint(path))

    with within(300):
        check()
    assert not marker.exists()


def test_published_checkpoints(tmp_path) -> None:
    path, marker = tmp_path / "vl-bert.model", tmp_path / "ran"
    tensors = {"state_dict": {"module.vlbert.word_embeddings.weight": torch.zeros(5, 4),
                              "module.vlbert.mlm_head.predictions.bias": torch.zeros(5)}}
    seeds = [checkpoint(tmp_path, tensors), checkpoint(tmp_path, tensors, _use_new_zipfile_serialization=False),
             b"<!doctype html><title>Quota exceeded</title>", b"version https://git-lfs.github.com/spec/v1\n"]

    @examples(200)
    @given(opcodes(seeds, marker))
    def check(content):
        path.write_bytes(content)
        with refusing():
            identify(read_tensors(path))

    with within(300):
        check()
    assert not marker.exists()
