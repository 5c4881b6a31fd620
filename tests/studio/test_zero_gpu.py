"""A GPU that is lent for a call: what crosses to the process that has it can be pickled; the answers stay the same."""

import importlib
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.detector.elsewhere import Elsewhere
from engine.predictor import Predictor
from engine.structures.photo import Photo
from studio import zero_gpu
from tests.tiny import write_tiny

BOXES = [[0.1, 0.1, 0.5, 0.6], [0.4, 0.3, 0.9, 0.9]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("zero") / "weights")


@pytest.fixture
def lending(monkeypatch):
    """The module as it is where `spaces` is installed; `calls` are those that went to the other process."""
    calls = []

    def gpu(duration):
        def decorated(function):
            def called(*arguments):
                calls.append((arguments[0], duration))
                return pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(arguments)))))
            return called
        return decorated

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    yield SimpleNamespace(module=importlib.reload(zero_gpu), calls=calls)
    monkeypatch.undo()
    importlib.reload(zero_gpu)


def ask(predictor):
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    seen = predictor.see(Photo(noise), BOXES)
    found = [predictor.ask(seen, "a red ball", [2], [1], masking) for masking in ("feature", "pixels", "pixels")]
    return seen, found


def test_where_spaces_is_installed_only_the_heavy_half_is_lent_a_gpu_and_answers_alike(weights, lending):
    expected, plain = ask(Predictor.load(weights))
    predictor = lending.module.lend(Predictor.load(weights))
    seen, answers = ask(predictor)
    assert lending.calls == [("see", 20), ("hidden_pixels", 20)]  # once for pixels that were asked about twice
    assert answers == plain and torch.equal(seen.regions.appearance, expected.regions.appearance)
    assert predictor.hidden_pixels(seen, ()) is seen.regions and len(lending.calls) == 2


def test_on_the_lent_gpu_the_detector_moves_there_and_nothing_else_does(weights, lending, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    moved = []
    monkeypatch.setattr("engine.detector.detector.Detector.to", lambda self, device: moved.append(device) or self)
    predictor = lending.module.lend(Predictor.load(weights))
    lending.module._to_gpu(lending.module._lent[0])
    assert moved == []  # a machine of one's own is left alone
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    for _ in range(2):
        lending.module._to_gpu(lending.module._lent[0])
    assert moved == [torch.device("cuda")]
    assert isinstance(lending.module._lent[0].detector, Elsewhere) and not isinstance(predictor.detector, Elsewhere)


def test_without_spaces_a_predictor_stays_what_it_is(weights):
    predictor = Predictor.load(weights)
    before = dict(vars(predictor))
    assert zero_gpu.spaces is None or pytest.skip("spaces is installed here")
    assert zero_gpu.lend(predictor) is predictor and vars(predictor) == before
