"""Checkpoints survive kills, signals and full disks."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import DiskError, WeightsError
from engine.training import checkpoint
from engine.training.stopping import Interrupts
from tests.conftest import ROOT


def test_a_write_that_fails_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save({"step": 1}, path)
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"step": (lambda: None)}, path)
    assert checkpoint.load(path) == {"step": 1} and list(tmp_path.iterdir()) == [path]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="no checkpoint that can be read"):
        checkpoint.load(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_full_disk_is_named_and_leaves_the_last_good_checkpoint(tmp_path: Path, size: int) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save({"step": 1}, path)
    path.with_suffix(".partial").symlink_to("/dev/full")
    with pytest.raises(DiskError, match=r"state\.pt could not be written \(No space left on device\); the one before"):
        checkpoint.save({"step": 2, "weights": torch.zeros(size)}, path)
    assert checkpoint.load(path) == {"step": 1} and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_keeps_no_checkpoint_where_none_was(tmp_path: Path) -> None:
    (tmp_path / "state.partial").symlink_to("/dev/full")
    with pytest.raises(DiskError, match=r"could not be written \(No space left on device\)\. Free some space on this"):
        checkpoint.save({"step": 1}, tmp_path / "state.pt")
    assert not list(tmp_path.iterdir())


def save_on(folder: str) -> None:
    for step in range(2, 1_000_000):
        weights = torch.from_numpy(np.full(500_000, step, np.float32))  # a forked child has no threads for torch.full
        checkpoint.save({"step": step, "weights": weights}, Path(folder) / "state.pt")


def test_a_kill_at_any_moment_leaves_a_checkpoint_that_loads(tmp_path: Path) -> None:
    checkpoint.save({"step": 1, "weights": torch.ones(500_000)}, tmp_path / "state.pt")
    moments, halves = random.Random(0), 0
    for _ in range(12):
        child = multiprocessing.get_context("fork").Process(target=save_on, args=(str(tmp_path),))
        child.start()
        time.sleep(0.05 + 0.1 * moments.random())
        child.kill()
        child.join()
        halves += (tmp_path / "state.partial").exists()
        state = checkpoint.load(tmp_path / "state.pt")
        assert bool((state["weights"] == state["step"]).all())
    assert halves, "no kill fell into a save"
    checkpoint.save({"step": 0}, tmp_path / "state.pt")
    assert not (tmp_path / "state.partial").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_and_ends(tmp_path: Path, number: signal.Signals) -> None:
    child = subprocess.Popen([sys.executable, "-m", "tests.training.child", str(tmp_path), "run_on"], cwd=ROOT,
                             stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 100
    while not (tmp_path / "begun").exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors and child.returncode in (1, 130, -signal.SIGINT)
    assert checkpoint.load(tmp_path / "state.pt")["step"] == int((tmp_path / "last").read_text()) < 1000


def test_a_second_ctrl_c_that_comes_later_ends_at_once_and_handlers_come_back(monkeypatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        monkeypatch.setattr("engine.training.stopping.IMPATIENT", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
