"""A fine-tuning of all weights made thin."""

import itertools

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.cli import main
from engine.errors import ConfigError, WeightsError
from engine.model.lora import TARGETS
from engine.model.task_heads import FineTuned
from engine.predictor import Predictor
from engine.structures.example import Example, Regions, collate
from engine.weights.adapters import AdapterInfo, base_digests, base_file, digest, load_adapter, save_adapter
from engine.weights.thin import MATRIX, MOST_WORDS, make_thin, shared_ranks
from tests.adapters import write_choosing
from tests.conftest import ROOT

WEIGHTS = ROOT / "assets" / "weights"
RANK = 3
WORDS_MOVED = range(1996, 1996 + 3 * MOST_WORDS, 3)  # as many pieces as are kept; "the" and "in" among them


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
            elif name == "embeddings.words.weight":
                tensor[WORDS_MOVED] += 0.3 * torch.randn(len(WORDS_MOVED), tensor.shape[1], generator=generator)
            elif tensor.ndim == 1 and not name.startswith("heads."):
                tensor += 0.05 * torch.randn(tensor.shape, generator=generator)
    path = tmp_path_factory.mktemp("thin") / "full.safetensors"
    save_adapter(path, FineTuned(predictor.model, info.head(predictor.config.encoder.hidden)), info)
    return path


@pytest.fixture(scope="module")
def thin(tuned):
    """Its thin form, of the very rank."""
    path = tuned.with_name("thin.safetensors")
    main(["thin", str(tuned), str(path), "--rank", str(RANK)])
    return path


@pytest.fixture(scope="module")
def slight(tuned):
    """Its thin form of rank 1, which the tests change copies of."""
    return make_thin(tuned, WEIGHTS, tuned.with_name("slight.safetensors"), 1)


def contents(path):
    """Tensors and metadata of an adapter."""
    with safe_open(path, "pt") as file:
        return load_file(path), file.metadata()


def scores(path, predictor):
    model, info = load_adapter(path, predictor.model, base_digests(WEIGHTS), predictor.config)
    generator = torch.Generator().manual_seed(1)
    boxes = torch.tensor([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.1, 0.9, 0.4], [0.5, 0.5, 1, 1]])
    regions = Regions(torch.randn(4, 2048, generator=generator).abs(), boxes)
    texts = ("the dog runs", "two men in it")
    examples = [Example(predictor.pieces.caption(text).piece_ids, regions) for text in texts]
    with torch.inference_mode():
        return model.head(model.vlbert(collate(examples)).pooled), info


def test_a_thin_one_answers_as_the_whole_and_leaves_the_base_as_it_is(tuned, thin, slight, predictor):
    before = {name: tensor.clone() for name, tensor in predictor.model.state_dict().items()}
    whole, (few, info) = scores(tuned, predictor)[0], scores(thin, predictor)
    torch.testing.assert_close(few, whole, rtol=0.02, atol=0.02)  # float16
    assert (info.tune, info.rank, info.classes, info.evidence) == ("lora", RANK, (), False)
    assert thin.stat().st_size < tuned.stat().st_size / 20
    after = predictor.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert (scores(slight, predictor)[0] - whole).abs().max() > 10 * (few - whole).abs().max()


def test_a_thin_one_decodes_with_the_words_that_it_moved(tuned, thin, predictor):
    states = torch.randn(20, predictor.config.encoder.hidden, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        whole, few = (load_adapter(path, predictor.model, base_digests(WEIGHTS), predictor.config)[0].vlbert.heads
                      .mlm(states)[:, WORDS_MOVED] for path in (tuned, thin))
        torch.testing.assert_close(few, whole, rtol=0.02, atol=0.02)  # float16
        assert (few - predictor.model.heads.mlm(states)[:, WORDS_MOVED]).abs().max() > 1


def test_the_common_budget_goes_where_most_would_be_lost():
    values = {"much": torch.tensor([9.0, 8, 7, 6]), "little": torch.tensor([3.0, 1, 1, 1]),
              "large": torch.tensor([9.0, 6, 5, 5])}
    sizes = {"much": 10, "little": 10, "large": 30}
    found = shared_ranks(values, sizes, 2)

    def lost(ranks):
        return sum(float(values[name][own:].square().sum()) for name, own in ranks.items())

    every = (dict(zip(values, own, strict=True)) for own in itertools.product(range(1, 5), repeat=3))
    within = [own for own in every if sum(own[name] * sizes[name] for name in own) <= 2 * sum(sizes.values())]
    assert found in within and lost(found) == min(map(lost, within)) < lost(dict.fromkeys(values, 2))
    assert TARGETS in MATRIX.pattern


def test_words_that_are_none_of_the_model_are_refused(slight, predictor, tmp_path):
    changed = tmp_path / "changed.safetensors"
    tensors, told = contents(slight)
    numbers = tensors["words.numbers"]
    assert sorted(numbers.tolist()) == list(WORDS_MOVED)
    for wrong in (numbers + 30_000, numbers.float(), numbers[:5]):
        save_file({**tensors, "words.numbers": wrong.contiguous()}, changed, told)
        with pytest.raises(WeightsError, match=r"The words of .* are none of this model's"):
            scores(changed, predictor)


@pytest.mark.parametrize("missing", ["words.numbers", "words.rows", "vlbert.pooler.dense.bias",
                                     "lora.encoder.layers.0.attention.query.lora_A.weight",
                                     "lora.encoder.layers.5.output.lora_B.weight"])
def test_an_adapter_that_lacks_a_tensor_is_refused_by_its_name(slight, predictor, tmp_path, missing):
    changed = tmp_path / "changed.safetensors"
    tensors, told = contents(slight)
    del tensors[missing]
    save_file(tensors, changed, told)
    with pytest.raises(WeightsError, match=rf"^{missing} is missing in {changed} \(1 of the 152 tensors"):
        scores(changed, predictor)


def test_an_adapter_without_any_layer_is_refused(predictor, tmp_path):
    path = write_choosing(tmp_path / "vcr.safetensors", predictor)
    tensors, told = contents(path)
    for left in (("head.", "lora.encoder.layers.0."), ("head.",)):  # one layer is left, then none
        save_file({k: v for k, v in tensors.items() if k.startswith(left)}, path, told)
        with pytest.raises(WeightsError, match=r"^lora\..*\.lora_A\.weight is missing in .*vcr\.safetensors"):
            scores(path, predictor)


def test_what_cannot_be_made_thin_is_refused(tuned, tmp_path):
    with pytest.raises(ConfigError, match="rank is 0"):
        make_thin(tuned, WEIGHTS, tmp_path / "x", 0)
    with pytest.raises(ConfigError, match="is a folder; name the file"):
        make_thin(tuned, WEIGHTS, tmp_path, 4)
    with pytest.raises(ConfigError, match="was tuned lora; only what --tune full left"):
        make_thin(WEIGHTS / "mini-grounding.safetensors", WEIGHTS, tmp_path / "x", 4)


def test_a_tensor_of_another_shape_is_named(slight, predictor, tmp_path):
    changed = tmp_path / "changed.safetensors"
    tensors, told = contents(slight)
    save_file({**tensors, "vlbert.pooler.dense.bias": torch.zeros(3)}, changed, told)
    with pytest.raises(WeightsError, match=r"pooler.dense.bias has the shape .* in .*changed.safetensors"):
        scores(changed, predictor)
