"""Observation from outside: the tapped path agrees with the fast one and shows what the docstring promises."""

import threading

import torch

from engine.model.taps import Taps


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_padding_gets_attention_0_and_the_rest_sums_to_1(model, batch):
    with Taps(model) as taps:
        model(batch)
    for attention in taps.attention:
        assert not attention.masked_select(~taps.layout.real[:, None, None, :]).any()
        close(attention.sum(dim=-1), torch.ones(attention.shape[:3]))


def test_the_tapped_path_agrees_with_the_fast_path(model, batch):
    plain = model(batch)
    with Taps(model) as taps:
        tapped = model(batch)
    close(tapped.text, plain.text)
    close(tapped.regions, plain.regions)
    after = model(batch)
    assert torch.equal(after.text, plain.text)
    assert set(taps.states) == {"regions", "embeddings", "layer.0", "layer.1", "pooled"}
    assert len(taps.attention) == 2
    close(taps.layout.unpack(taps.states["layer.1"])[1], plain.regions)


def test_taps_keep_the_last_pass_only(model, batch):
    with Taps(model) as taps:
        model(batch)
        model(batch)
    assert len(taps.attention) == 2


def test_gradients_reach_the_tapped_attention(model, batch):
    with Taps(model) as taps:
        loss = model(batch).pooled.sum()
    gradients = torch.autograd.grad(loss, taps.attention)
    assert all(g.abs().sum() > 0 for g in gradients)


def test_passes_of_other_threads_are_not_recorded(model, batch):
    with Taps(model) as taps:
        other = threading.Thread(target=model, args=(batch,))
        other.start()
        other.join()
        assert not taps.attention and not taps.states
        model(batch)
    assert len(taps.attention) == 2


def test_taps_close_after_an_error(model, batch):
    try:
        with Taps(model):
            raise KeyError
    except KeyError:
        pass
    assert not any(module._forward_hooks for module in model.modules())
