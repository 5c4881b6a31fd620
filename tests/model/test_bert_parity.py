"""Text alone through our encoder is BERT: transformers' model, converted by the production converter."""

import pytest
import torch

from engine.config import EncoderConfig, ModelConfig
from engine.model.layout import Layout
from engine.model.vlbert import VLBert
from engine.weights.bert import load_bert

LENGTHS = torch.tensor([9, 5, 1])


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[VLBert, torch.nn.Module]:
    from transformers import BertConfig, BertForMaskedLM  # takes seconds: no other file waits for it

    torch.manual_seed(0)
    theirs = BertForMaskedLM(BertConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=4, num_attention_heads=8, intermediate_size=64,
        max_position_embeddings=20, type_vocab_size=2)).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("bert")
    theirs.save_pretrained(folder)
    ours = VLBert.from_config(ModelConfig(encoder=EncoderConfig(
        vocabulary=100, hidden=32, layers=4, heads=8, feed_forward=64, positions=20))).eval()
    fresh = load_bert(ours, folder)
    assert "heads.mlm.bias" not in fresh and "embeddings.end" in fresh
    return ours, theirs


def encoded(ours: VLBert, ids: torch.Tensor, segments: torch.Tensor) -> tuple[torch.Tensor, Layout]:
    """Fresh visual LayerNorms add nothing; BERT has no [END], so nobody attends to it here."""
    nobody = torch.zeros(len(ids), 1, dtype=torch.bool)
    real = torch.arange(ids.shape[1]) < LENGTHS[:, None]
    layout = Layout.of(real, nobody)
    nothing = torch.zeros(len(ids), 1, 32)
    states = ours.embeddings(layout, ids, segments, nothing, nothing, nobody)
    is_end = layout.source == ids.shape[1] + 1
    return ours.encoder(states, layout.real & ~is_end), layout


def test_text_alone_agrees_with_transformers(pair):
    ours, theirs = pair
    torch.manual_seed(1)
    ids, segments = torch.randint(100, (3, 9)), torch.randint(2, (3, 9))
    real = torch.arange(9) < LENGTHS[:, None]
    with torch.no_grad():
        states, layout = encoded(ours, ids, segments)
        text = layout.unpack(states)[0]
        expected = theirs(input_ids=ids, token_type_ids=segments, attention_mask=real.long(),
                          output_hidden_states=True)
        torch.testing.assert_close(text[real], expected.hidden_states[-1][real], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours.heads.mlm(text[real]), expected.logits[real], rtol=1e-4, atol=1e-4)
