"""Two processes that train one model."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.training import checkpoint
from engine.training.trainer import train
from tests.conftest import ROOT
from tests.training.child import SHARED
from tests.training.lines import Line


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               "-m", "tests.training.child", "share", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
                          capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "silent").exists()  # only the main process reports
    alone = Line()
    curve = [r.losses["square"] for r in train(alone, dataclasses.replace(SHARED, accumulate=2))]
    assert json.loads((tmp_path / "losses.json").read_text()) == pytest.approx(curve, rel=1e-4)
    state = checkpoint.load(tmp_path / "state.pt")
    assert state["step"] == 16 and state["model"]["unused"] == 1  # what no loss reaches does not even decay
    for name, parameter in alone.model.named_parameters():
        torch.testing.assert_close(state["model"][name], parameter.detach(), rtol=1e-4, atol=1e-6)
