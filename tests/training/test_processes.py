"""Two processes that train one model."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.data import scenes
from engine.training import checkpoint
from engine.training.trainer import train
from tests.conftest import ROOT
from tests.training.child import SHARED
from tests.training.lines import Line


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What two processes left of a small training and of the real command."""
    folder = tmp_path_factory.mktemp("processes")
    scenes.write(folder / "data", 16, seed=1)
    (folder / "text.txt").write_text("a red ball .\na green tree .\n")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               "-m", "tests.training.child", str(folder), "share", "pretrain"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
                          capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_replicas_of_the_real_command_begin_and_end_with_equal_weights(folder: Path) -> None:
    first, second = (json.loads((folder / f"replica{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first[1] != first[2]  # something was learned in between
    assert (folder / "run" / "weights" / "tiny-vlbert.safetensors").exists()


def test_two_processes_that_begin_apart_learn_what_one_learns(folder: Path) -> None:
    assert (folder / "silent").exists()  # only the main process reports
    alone = Line()
    curve = [r.losses["square"] for r in train(alone, dataclasses.replace(SHARED, accumulate=2))]
    assert json.loads((folder / "losses.json").read_text()) == pytest.approx(curve, rel=1e-4)
    state = checkpoint.load(folder / "state.pt")
    assert state["step"] == 16 and state["model"]["unused"] == 1  # what no loss reaches does not even decay
    for name, parameter in alone.model.named_parameters():
        torch.testing.assert_close(state["model"][name], parameter.detach(), rtol=1e-4, atol=1e-6)
