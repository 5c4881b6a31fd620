"""Attention as it reaches a browser, followed through layers, and without some of its heads."""

import copy

import numpy as np
import pytest
import torch

from engine.errors import MaskError
from engine.explain.attention import rollout
from engine.explain.heads_off import HeadsOff
from engine.explain.question import Asked, Question
from engine.model.taps import Taps
from engine.structures.example import Example, collate
from tests.explain.conftest import ROUNDING


@pytest.fixture(scope="module")
def batch(predictor, seen, question):
    pieces = predictor.pieces.caption(question.caption).with_hidden(question.hidden_words, predictor.pieces.mask)
    return collate([Example(pieces, seen.regions, question.hidden_regions)])


def test_the_pyramid_holds_the_models_attention_in_bytes(explainer, predictor, seen, question, batch) -> None:
    found = explainer.pyramid(seen, question)
    with torch.no_grad(), Taps(predictor.model) as taps:
        predictor.model(batch)
    true = torch.cat(taps.attention).numpy()
    count = len(found.elements)
    assert true.shape == (found.layers, found.heads, count, count) and len(found.weights) == true.size
    shown = np.frombuffer(found.weights, np.uint8).reshape(true.shape) / 255 * np.array(found.scales).reshape(
        *true.shape[:3], 1)
    np.testing.assert_allclose(shown, true, atol=1e-2)
    np.testing.assert_allclose(np.array(found.entropy), -(true * np.log(true + 1e-12)).sum(3).mean(2), atol=1e-4)
    kinds = [e.kind for e in found.elements]
    assert kinds == ["special", *["word"] * 6, "special", *["region"] * 4, "special"]
    assert [e.text for e in found.elements[:4]] == ["[CLS]", "a", "brown", "[MASK]"]
    assert [e.index for e in found.elements if e.kind == "region"] == [0, 1, 2, 3]
    layer, head, text, regions = 1, 2, range(0, 8), range(8, 12)
    by_hand = [np.mean([sum(true[layer, head, i, j] for j in of) for i in to])
               for to, of in ((text, regions), (regions, text), (text, text), (regions, regions))]
    assert found.shares[layer][head] == pytest.approx(by_hand, abs=1e-5)


def test_52_elements_take_at_most_400_kilobytes(explainer, predictor, seen) -> None:
    boxes = [(i / 40, 0.1, i / 40 + 0.1, 0.9) for i in range(35)]
    found = explainer.pyramid(predictor.see(seen.photo, boxes), Question("a dog " * 6 + "runs", (1,), ()))
    assert len(found.elements) == 52 and len(found.weights) <= 400_000


def test_rollout_is_the_product_of_half_skipped_layers() -> None:
    attention = torch.rand(3, 2, 4, 4).softmax(dim=3)
    flow = torch.eye(4)
    for layer in range(3):
        flow = (0.5 * attention[layer, 0] / 2 + 0.5 * attention[layer, 1] / 2 + 0.5 * torch.eye(4)) @ flow
    torch.testing.assert_close(rollout(attention), flow)
    torch.testing.assert_close(rollout(attention).sum(dim=1), torch.ones(4))


@pytest.mark.parametrize("tapped", [False, True])
def test_a_head_that_is_off_is_one_whose_output_projection_reads_zeros(predictor, batch, tapped) -> None:
    off, model = {(1, 3), (1, 4), (4, 0)}, predictor.model
    by_hand = copy.deepcopy(model)
    width = model.encoder.layers[0].attention_output.in_features // model.encoder.layers[0].attention.heads
    with torch.no_grad():
        for layer, head in off:
            by_hand.encoder.layers[layer].attention_output.weight[:, head * width:(head + 1) * width] = 0
        expected = by_hand(batch)
        if tapped:
            with Taps(model), HeadsOff(model, off):
                found = model(batch)
        else:
            with HeadsOff(model, off):
                found = model(batch)
        plain = model(batch)
    torch.testing.assert_close(found.text, expected.text, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.regions, expected.regions, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain.text, expected.text, atol=1e-3)
    assert not any(module._forward_hooks for module in model.modules())


def test_the_rank_of_heads_is_that_of_switching_them_off_one_by_one(explainer, predictor, seen, question) -> None:
    effects = explainer.rank_heads(seen, question, Asked("word", 2))
    sizes = predictor.config.encoder
    assert {(e.layer, e.head) for e in effects} == {(n, h) for n in range(sizes.layers) for h in range(sizes.heads)}
    assert [abs(e.change) for e in effects] == sorted((abs(e.change) for e in effects), reverse=True)
    base = explainer.ask(seen, question).words[0].probability
    for effect in (effects[0], effects[1], effects[-1]):
        off = Question(question.caption, question.hidden_words, question.hidden_regions,
                       heads_off=frozenset({(effect.layer, effect.head)}))
        assert effect.change == pytest.approx(explainer.ask(seen, off).words[0].probability - base, abs=ROUNDING)


def test_without_any_head_no_word_tells_anything_of_another(explainer, predictor, seen, question) -> None:
    sizes = predictor.config.encoder
    off = Question(question.caption, question.hidden_words, question.hidden_regions,
                   heads_off=frozenset((layer, head) for layer in range(sizes.layers) for head in range(sizes.heads)))
    true, before = (explainer.ask(seen, q).words[0].probability for q in (off, question))
    assert true < before / 2
    for method in ("leave_one_out", "shapley", "integrated_gradients", "gradient_x_input", "relevance"):
        found = explainer.attribute(seen, off, Asked("word", 2), method)
        assert found.full == pytest.approx(true, abs=ROUNDING)
        assert found.words == pytest.approx([0] * 6, abs=1e-3)
        assert any(abs(v) > 0.05 for v in explainer.attribute(seen, question, Asked("word", 2), method).words) or (
            method in ("relevance", "gradient_x_input"))


def test_a_head_that_is_not_there_is_refused(explainer, seen, question) -> None:
    with pytest.raises(MaskError, match="There is no head 99 in layer 0; the model has layers 0 to"):
        explainer.ask(seen, Question(question.caption, (2,), (), heads_off=frozenset({(0, 99)})))
