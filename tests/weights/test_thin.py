"""A fine-tuning of all weights made thin."""

import pytest
import torch
from safetensors.torch import load_file

from engine.cli import main
from engine.errors import ConfigError, WeightsError
from engine.model.lora import TARGETS
from engine.model.task_heads import FineTuned
from engine.predictor import Predictor
from engine.structures.example import Example, Regions, collate
from engine.weights.adapters import AdapterInfo, base_file, digest, load_adapter, save_adapter
from engine.weights.thin import MATRIX, factors, make_thin
from tests.conftest import ROOT

WEIGHTS = ROOT / "assets" / "weights"
RANK = 3


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A made-up fine-tuning that moved the matrices by rank 3, and what is small by anything."""
    predictor = Predictor.load(WEIGHTS)
    info = AdapterInfo("vcr", "full", digest(base_file(WEIGHTS)), classes=("dog",), about="made up", evidence=True)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in predictor.model.named_parameters():
            if MATRIX.fullmatch(name):
                out, into = tensor.shape
                first, second = (torch.randn(*shape, generator=generator) for shape in ((out, RANK), (RANK, into)))
                tensor += 0.01 * first @ second
            elif tensor.ndim == 1 and not name.startswith("heads."):
                tensor += 0.05 * torch.randn(tensor.shape, generator=generator)
    path = tmp_path_factory.mktemp("thin") / "full.safetensors"
    save_adapter(path, FineTuned(predictor.model, info.head(predictor.config.encoder.hidden)), info)
    return path


def scores(path, predictor):
    model, info = load_adapter(path, predictor.model, digest(base_file(WEIGHTS)), predictor.config)
    generator = torch.Generator().manual_seed(1)
    boxes = torch.tensor([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.1, 0.9, 0.4], [0.5, 0.5, 1, 1]])
    regions = Regions(torch.randn(4, 2048, generator=generator).abs(), boxes)
    examples = [Example(predictor.pieces.caption(text).piece_ids, regions) for text in ("a dog runs", "two men sit")]
    with torch.inference_mode():
        return model.head(model.vlbert(collate(examples)).pooled), info


def test_a_thin_one_answers_as_the_whole_and_leaves_the_base_as_it_is(tuned, predictor, tmp_path):
    before = {name: tensor.clone() for name, tensor in predictor.model.state_dict().items()}
    thin = tmp_path / "thin.safetensors"
    main(["thin", str(tuned), str(thin), "--rank", str(RANK)])
    whole, (few, info) = scores(tuned, predictor)[0], scores(thin, predictor)
    torch.testing.assert_close(few, whole, rtol=0.02, atol=0.02)  # float16
    assert (info.tune, info.rank, info.classes, info.evidence) == ("lora", RANK, (), False)
    assert thin.stat().st_size < tuned.stat().st_size / 20
    after = predictor.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    make_thin(tuned, WEIGHTS, tmp_path / "one.safetensors", 1)
    assert (scores(tmp_path / "one.safetensors", predictor)[0] - whole).abs().max() > 10 * (few - whole).abs().max()


def test_factors_are_the_nearest_of_their_rank():
    matrix = torch.randn(12, 9, generator=torch.Generator().manual_seed(0))
    second, first = factors(matrix, 4)
    assert (second.shape, first.shape) == ((12, 4), (4, 9))
    lost = (matrix - second @ first).square().sum()
    assert lost == pytest.approx(float(torch.linalg.svdvals(matrix)[4:].square().sum()), rel=1e-4)
    assert TARGETS in MATRIX.pattern


def test_what_cannot_be_made_thin_is_refused(tuned, tmp_path):
    with pytest.raises(ConfigError, match="rank is 0"):
        make_thin(tuned, WEIGHTS, tmp_path / "x", 0)
    with pytest.raises(ConfigError, match="was tuned lora; only what --tune full left"):
        make_thin(WEIGHTS / "mini-grounding.safetensors", WEIGHTS, tmp_path / "x", 4)


def test_a_tensor_of_another_shape_is_named(tuned, predictor, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    thin = make_thin(tuned, WEIGHTS, tmp_path / "thin.safetensors", 2)
    with safe_open(thin, "pt") as file:
        told = file.metadata()
    save_file({**load_file(thin), "vlbert.pooler.dense.bias": torch.zeros(3)}, thin, told)
    with pytest.raises(WeightsError, match=r"pooler.dense.bias of .* has the shape"):
        scores(thin, predictor)
