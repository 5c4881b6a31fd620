"""Damaged files of weights and of adapters, and configurations that were changed by hand, are loaded or refused."""

import copy
import json
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from engine.c4_config import C4Config
from engine.config import ModelConfig
from engine.model.lora import add_lora, lora_state
from engine.model.vlbert import VLBert
from engine.weights import store
from engine.weights.adapters import FORMAT, AdapterInfo, load_adapter, read_info
from engine.weights.detectron2 import load_c4
from engine.weights.files import read_tensors
from tests.fuzz.mutations import altered, as_json, damaged, examples, refusing, within
from tests.tiny import CONFIG

BASE = "0" * 64


@pytest.fixture(scope="module")
def vlbert():
    torch.manual_seed(0)
    return VLBert.from_config(CONFIG)


def with_header(data, header):
    """The file with another header, whose length is right."""
    old = 8 + struct.unpack_from("<Q", data)[0]
    return struct.pack("<Q", len(header)) + header + data[old:]


def headers(data):
    """Damaged in any byte, or with a header of json that was altered."""
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    inner = {key: json.loads(value) for key, value in header["__metadata__"].items()}
    told = altered([inner]).map(lambda made: {key: json.dumps(value) for key, value in made.items()}
                                if isinstance(made, dict) else made)
    return damaged([data]) | (altered([header]) | told.map(lambda m: {**header, "__metadata__": m})).map(
        lambda tree: with_header(data, as_json(tree)))


def test_weights(tmp_path) -> None:
    path, module = tmp_path / "tiny-vlbert.safetensors", nn.Linear(3, 4)
    store.save(module, path, CONFIG, kind="vlbert")
    whole = path.read_bytes()
    store.load(module, path, CONFIG, kind="vlbert")

    @examples(200)
    @given(headers(whole))
    def check(content):
        path.write_bytes(content)
        for read in (lambda: store.load(module, path, CONFIG, kind="vlbert"), lambda: read_tensors(path),
                     lambda: load_c4(path)):
            with refusing():
                read()

    with within(300):
        check()


def test_configurations(tmp_path) -> None:
    path = tmp_path / "tiny.safetensors"
    kinds = {"vlbert": (CONFIG, ModelConfig), "c4": (C4Config(), C4Config)}

    @examples(200)
    @given(st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.tuples(
        st.just(kind), altered([json.loads(kinds[kind][0].to_json())]))))
    def check(told):
        kind, tree = told
        save_file({}, path, {store.FORMAT: json.dumps({"kind": kind, "config": json.dumps(tree)})})
        with refusing():
            assert isinstance(store.read_json(path, kind=kind, parse=kinds[kind][1].from_json), kinds[kind][1])

    check()


@pytest.mark.parametrize("tune", ["head", "lora"])
def test_adapters(tmp_path, vlbert, tune) -> None:
    path = tmp_path / "adapter.safetensors"
    info = AdapterInfo("vcr", tune, BASE, classes=("dog", "cat"), rank=2, alpha=4, about="made up")
    hidden = CONFIG.encoder.hidden
    tensors = {f"head.{name}": t for name, t in info.head(hidden).state_dict().items()}
    if tune == "lora":
        moved = copy.deepcopy(vlbert)
        add_lora(moved, 2, 4)
        tensors |= {f"lora.{name}": t for name, t in lora_state(moved).items()}
    save_file(tensors, path, {FORMAT: json.dumps(vars(info))})
    whole = path.read_bytes()
    assert load_adapter(path, vlbert, BASE, CONFIG)[1] == info

    @examples(150)
    @given(headers(whole) | st.just(whole))
    def check(content):
        path.write_bytes(content)
        with refusing():
            read_info(path)
        with refusing():
            load_adapter(path, vlbert, BASE, CONFIG)

    with within(300):
        check()
