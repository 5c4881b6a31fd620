"""The BERT converter: the old format's numbers, newer spellings, and refusals that name the tensor."""

import pytest
import torch
from safetensors.torch import save_file

from engine.config import EncoderConfig, ModelConfig
from engine.errors import WeightsError
from engine.model.vlbert import VLBert
from engine.weights.bert import convert_bert, load_bert
from engine.weights.published_names import vlbert_names
from tests.reference.cases import Case

CONFIG = ModelConfig(encoder=EncoderConfig(
    vocabulary=200, hidden=64, layers=3, heads=4, feed_forward=128, positions=64))


def old_format() -> dict[str, torch.Tensor]:
    case = Case("bert_conversion")
    return {k.removeprefix("bert/"): v for k, v in case.arrays.items() if k.startswith("bert/")}


def newer(state: dict[str, torch.Tensor], *, head: bool) -> dict[str, torch.Tensor]:
    """As sentence encoders are saved today: no prefix, weight and bias, position ids, maybe no head."""
    renamed = {k.removeprefix("bert.").replace("gamma", "weight").replace("beta", "bias"): v for k, v in state.items()}
    renamed["embeddings.position_ids"] = torch.arange(64)[None]
    return {k: v for k, v in renamed.items() if head or not k.startswith("cls.")}


def test_an_old_checkpoint_becomes_the_published_tensors():
    case = Case("bert_conversion")
    converted = convert_bert(old_format())
    names = vlbert_names({f"vlbert.{k}" for k in case.about["mapping_new_to_bert"]})
    expected = {k.removeprefix("converted/"): v for k, v in case.arrays.items() if k.startswith("converted/")}
    assert len(expected) == len(case.about["mapping_new_to_bert"])
    for theirs, tensor in expected.items():
        assert torch.equal(converted[names[f"vlbert.{theirs.removesuffix('[:2]')}"]], tensor), theirs
    untouched = {names[f"vlbert.{k}"] for k in case.about["untouched"]}
    assert not untouched & converted.keys()


def test_loading_keeps_what_bert_does_not_have(tmp_path):
    torch.manual_seed(0)
    model = VLBert.from_config(CONFIG)
    third = model.embeddings.segments.weight[2].clone()
    end = model.embeddings.end.clone()
    torch.save(old_format(), tmp_path / "pytorch_model.bin")
    fresh = load_bert(model, tmp_path)
    assert torch.equal(model.embeddings.segments.weight[2], third)
    segments = old_format()["bert.embeddings.token_type_embeddings.weight"]
    assert torch.equal(model.embeddings.segments.weight[:2], segments)
    assert torch.equal(model.embeddings.end, end)
    assert "embeddings.end" in fresh and "heads.mlm.bias" not in fresh


def test_a_sentence_encoder_without_head_leaves_the_head_fresh(tmp_path):
    model = VLBert.from_config(CONFIG)
    save_file(newer(old_format(), head=False), tmp_path / "model.safetensors")
    fresh = load_bert(model, tmp_path / "model.safetensors")
    assert {"heads.mlm.bias", "heads.mlm.dense.weight", "heads.relationship.weight"} <= set(fresh)
    assert not any(k.startswith(("encoder.", "pooler.")) for k in fresh)
    words = old_format()["bert.embeddings.word_embeddings.weight"]
    assert torch.equal(model.embeddings.words.weight, words)
    states = torch.rand(3, 64)
    decoded = model.heads.mlm.transform(states) @ words.T + model.heads.mlm.bias
    torch.testing.assert_close(model.heads.mlm(states), decoded)


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s.pop("encoder.layer.1.output.dense.weight"), "encoder.layer.1.output.dense.weight is missing"),
    (lambda s: s.pop("embeddings.LayerNorm.bias"), "embeddings.LayerNorm.bias is missing"),
    (lambda s: s.update({"embeddings.colour.weight": torch.zeros(1)}), "embeddings.colour.weight is unknown"),
    (lambda s: s.update({"cls.predictions.decoder.weight": torch.zeros(200, 64)}), "cls.predictions.decoder.weight"),
    (lambda s: s.update({"pooler.dense.weight": torch.zeros(64, 32)}), r"pooler.dense.weight has the shape \[64, 32\]"),
    (lambda s: s.update({"embeddings.token_type_embeddings.weight": torch.zeros(4, 64)}), r"segments.*\[4, 64\]"),
])
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(tmp_path, change, message):
    state = newer(old_format(), head=True)
    change(state)
    torch.save(state, tmp_path / "bert.bin")
    with pytest.raises(WeightsError, match=message):
        load_bert(VLBert.from_config(CONFIG), tmp_path / "bert.bin")


def test_a_missing_or_damaged_file_is_refused(tmp_path):
    model = VLBert.from_config(CONFIG)
    with pytest.raises(WeightsError, match="There is no file"):
        load_bert(model, tmp_path)
    for name in ("model.safetensors", "pytorch_model.bin"):
        (tmp_path / name).write_bytes(b"\x10\0\0\0\0\0\0\0 not weights")
        with pytest.raises(WeightsError, match="damaged"):
            load_bert(model, tmp_path / name)


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"weights": Evil()}, tmp_path / "evil.bin")
    with pytest.raises(WeightsError, match=r"holds an object that is no tensor \(print\)"):
        load_bert(VLBert.from_config(CONFIG), tmp_path / "evil.bin")
    torch.save({"epoch": 3}, tmp_path / "other.bin")
    with pytest.raises(WeightsError, match="something else than named tensors"):
        load_bert(VLBert.from_config(CONFIG), tmp_path / "other.bin")
