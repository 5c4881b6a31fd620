"""Our own checkpoints: what is saved comes back, and a file that does not fit is refused."""

import dataclasses
import errno
import os
import pathlib
import pickle
import warnings

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from engine.config import base, mini
from engine.errors import DiskError, WeightsError
from engine.training import checkpoint
from engine.weights import files, store
from engine.weights.adapters import read_info
from engine.weights.detectron2 import convert_detectron2
from engine.weights.files import read_tensors
from engine.weights.published import convert_published
from engine.weights.shipped import load_all
from tests.conftest import ROOT


def module(width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"dense": nn.Linear(width, 3), "norm": nn.LayerNorm(3)})


@pytest.fixture
def path(tmp_path):
    store.save(module(), tmp_path / "deep" / "one.safetensors", mini(), kind="part")
    return tmp_path / "deep" / "one.safetensors"


def test_what_is_saved_comes_back(path):
    saved, read = module(), module()
    nn.init.zeros_(read["dense"].weight)
    nn.init.ones_(read["dense"].bias)
    store.load(read, path, mini(), kind="part")
    assert torch.equal(read["dense"].weight, saved["dense"].weight.half().float())
    assert torch.equal(read["dense"].bias, saved["dense"].bias)
    assert store.read_config(path, kind="part") == mini()
    assert [p.name for p in path.parent.iterdir()] == ["one.safetensors"]


def test_saving_twice_gives_the_same_bytes(path):
    before = path.read_bytes()
    store.save(module(), path, mini(), kind="part")
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_who_may_read_other_new_files_may_read_this_one(path):
    (path.parent / "other").touch()
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_disk_that_refuses_is_named_and_what_was_there_is_kept(path):
    import resource

    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * len(before), hard))
    try:
        with pytest.raises(DiskError, match=r"one.safetensors could not be written \(File too large\); what was there"):
            store.save(module(5000), path, mini(), kind="part")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == ["one.safetensors"]


@pytest.mark.parametrize(("error", "remedy"), [
    (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "Free some space"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "Free some space"),
    (SafetensorError("Error while serializing: I/O error: Permission denied (os error 13)"), "Allow writing there"),
    (OSError(errno.EROFS, "Read-only file system"), "That disk can only be read; name a folder"),
    (SafetensorError("Error while serializing: I/O error: Protocol error"), "See that files can be written there")])
def test_space_is_asked_for_only_where_it_lacks(path, monkeypatch, error, remedy):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(files, "save_file", refuse)
    with pytest.raises(DiskError, match=rf"could not be written \([A-Z][a-z -]+\); what was there .* kept\. {remedy}"):
        store.save(module(), path, mini(), kind="part")
    assert [p.name for p in path.parent.iterdir()] == ["one.safetensors"]


def test_a_folder_is_no_place_for_a_file(path):
    with pytest.raises(DiskError, match=rf"^{path.parent} is a folder; name a file\.$"):
        store.save(module(), path.parent, mini(), kind="part")


def test_another_preset_or_kind_is_refused(path):
    with pytest.raises(WeightsError, match="belongs to the preset 'mini'; this model is 'base'"):
        store.load(module(), path, base(), kind="part")
    with pytest.raises(WeightsError, match="holds a part; a detector was expected"):
        store.load(module(), path, mini(), kind="detector")


def test_a_module_that_does_not_fit_is_refused_and_unchanged(path):
    wider = module(5)
    before = {k: v.clone() for k, v in wider.state_dict().items()}
    with pytest.raises(WeightsError, match=r"dense.weight has the shape \[3, 4\].*needs \[3, 5\]"):
        store.load(wider, path, mini(), kind="part")
    assert all(torch.equal(v, before[k]) for k, v in wider.state_dict().items())
    with pytest.raises(WeightsError, match=r"extra.weight is missing"):
        store.load(nn.ModuleDict({**module(), "extra": nn.Linear(1, 1)}), path, mini(), kind="part")
    with pytest.raises(WeightsError, match=r"norm.bias is unknown"):
        store.load(nn.ModuleDict({"dense": nn.Linear(4, 3)}), path, mini(), kind="part")


def test_missing_short_and_foreign_files_are_refused(path, tmp_path):
    with pytest.raises(WeightsError, match="There is no file"):
        store.load(module(), tmp_path / "none.safetensors", mini(), kind="part")
    whole = path.read_bytes()
    for size in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match="damaged or cut short"):
            store.load(module(), path, mini(), kind="part")
    save_file({"dense.weight": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(WeightsError, match="not a checkpoint of this program"):
        store.load(module(), tmp_path / "foreign.safetensors", mini(), kind="part")


def test_a_file_is_read_by_what_it_holds_whatever_its_name(path, tmp_path):
    plain, other = tmp_path / "OUT", tmp_path / "other.pth"
    plain.write_bytes(path.read_bytes())
    assert {name: t.tolist() for name, t in read_tensors(plain).items()} == {
        name: t.tolist() for name, t in read_tensors(path).items()}
    torch.save({"a": torch.ones(2)}, other)
    assert read_tensors(other)["a"].tolist() == [1, 1]
    for damaged in (path.read_bytes()[:40], b"h", b"q0", b"\x80\x02(t.", b"\x80\x02}b."):
        plain.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"OUT cannot be read as a file of weights; .* Fetch it again"):
            read_tensors(plain)


def test_a_configuration_of_another_version_is_refused(path, tmp_path):
    save_file({}, path, metadata={store.FORMAT: '{"kind": "part", "config": "{}"}'})
    with pytest.raises(WeightsError, match="another version"):
        store.read_config(path, kind="part")


def test_numbers_that_are_not_finite_are_not_saved(tmp_path):
    broken = module()
    with torch.no_grad():
        broken["dense"].weight[0, 0] = float("nan")
    with pytest.raises(WeightsError, match=r"dense.weight holds numbers that are not finite"):
        store.save(broken, tmp_path / "x.safetensors", mini(), kind="part")
    assert not list(tmp_path.iterdir())


def test_a_setting_that_changes_no_shape_does_not_matter(path):
    other = dataclasses.replace(mini(), encoder=dataclasses.replace(mini().encoder, dropout=0.0))
    store.load(module(), path, other, kind="part")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 123456\n"
STAND_INS = [(POINTER, r"^{} is a pointer of Git LFS and not the file itself\. Run `git lfs pull` in its repository, "
                       r"or download the file again\.$"),
             ("<!DOCTYPE html>\n<html><head><title>Sign in</title>", r"^{} is a web page and not the file itself: .* "
                                                                    r"Download the file itself\.$")]


@pytest.mark.parametrize(("content", "sentence"), STAND_INS)
@pytest.mark.parametrize("name", ["theirs.model", "theirs.pth", "theirs.pkl", "theirs.safetensors"])
def test_a_pointer_or_a_page_in_the_place_of_weights_is_named(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_text(content)
    for read in (lambda: convert_published(path, tmp_path / "x"), lambda: convert_detectron2(path, tmp_path / "x"),
                 lambda: read_info(path), lambda: store.read_config(path, kind="vlbert")):
        with pytest.raises(WeightsError, match=sentence.format(path)):
            read()


@pytest.mark.parametrize("name", ["mini-vlbert.safetensors", "mini-detector.safetensors", "vocab.txt", "labels.json"])
def test_a_pointer_among_the_shipped_weights_is_named(tmp_path, name):
    for file in (ROOT / "assets" / "weights").iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(WeightsError, match=STAND_INS[0][1].format(tmp_path / name)):
        load_all(tmp_path)


@pytest.mark.parametrize(("content", "sentence"), [
    ({"state_dict": {"w": torch.ones(2)}, "accuracy": np.float64(0.5)},
     r"theirs\.model holds a number of NumPy, which is no tensor \(numpy\.\w+\.multiarray\.scalar\)\. Only"),
    ({"w": torch.ones(2), "where": pathlib.PurePosixPath("x")},
     r"theirs\.model holds an object that is no tensor \(pathlib\.[\w.]+\)\. Only tensors, plain numbers and words")])
def test_the_advice_of_pytorch_to_run_a_file_is_not_passed_on(tmp_path, content, sentence):
    path = tmp_path / "theirs.model"
    torch.save(content, path)
    damaged = path.read_bytes()[:-300]
    for read in (read_tensors, checkpoint.load):
        with pytest.raises(WeightsError) as refused:
            read(path)
        assert "weights_only" not in str(refused.value) and "\x1b" not in str(refused.value)
    with pytest.raises(WeightsError, match=sentence):
        read_tensors(path)
    path.write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"^.*theirs\.model cannot be read as a file of weights; it is damaged, cut "
                                           r"short or of another kind\. Fetch it again\.$"):
        read_tensors(path)


def test_no_warning_of_pytorch_about_a_newer_pickle_accompanies_the_refusal(tmp_path):
    path = tmp_path / "theirs.model"
    path.write_bytes(pickle.dumps({"w": pathlib.PurePosixPath("x")}, 5))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(WeightsError, match=r"theirs\.model (cannot be read|holds)"):
            read_tensors(path)
    assert not shown


def test_an_unfinished_file_of_another_name_is_left_alone(path):
    other = path.with_name(path.name + ".part")
    other.write_text("an interrupted download")
    store.save(module(), path, mini(), kind="part")
    assert other.read_text() == "an interrupted download"
