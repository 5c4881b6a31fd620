"""What must hold for any weights: padding, order, attention to what is there, hidden regions, gradients."""

import dataclasses

import pytest
import torch

from engine.errors import CaptionError
from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.vlbert import VLBert
from engine.structures.batch import Asked, Batch

B, T, R, D, A = 4, 7, 5, 32, 16


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_padding_changes_nothing(model, batch):
    pad = torch.nn.functional.pad
    more = Batch(pad(batch.piece_ids, (0, 3), value=9), pad(batch.segments, (0, 3)), pad(batch.text_real, (0, 3)),
                 pad(batch.appearance, (0, 0, 0, 2), value=5.0), pad(batch.boxes, (0, 0, 0, 2), value=0.3),
                 pad(batch.region_real, (0, 2)), pad(batch.region_hidden, (0, 2), value=True))
    alone, padded = model(batch), model(more)
    close(padded.text[:, :T], alone.text)
    close(padded.regions[:, :R], alone.regions)
    close(padded.pooled, alone.pooled)
    assert not padded.text[:, T:].any() and not padded.regions[:, R:].any()


def test_a_row_does_not_depend_on_its_neighbours(model, batch):
    whole = model(batch)
    for row in range(B):
        one = dataclasses.replace(batch, **{f.name: getattr(batch, f.name)[row:row + 1]
                                            for f in dataclasses.fields(batch) if f.name != "tags"})
        close(model(one).text[0], whole.text[row])


def test_permuting_regions_permutes_outputs(model, batch):
    order = torch.tensor([0, 4, 2, 1, 3])
    moved = dataclasses.replace(batch, **{name: getattr(batch, name)[:, order] for name in
                                          ("appearance", "boxes", "region_real", "region_hidden")})
    before, after = model(batch), model(moved)
    close(after.regions, before.regions[:, order])
    close(after.text, before.text)


def test_the_order_of_words_matters(model, batch):
    turned = dataclasses.replace(batch, piece_ids=batch.piece_ids[:, [0, 2, 1, 3, 4, 5, 6]])
    assert not torch.allclose(model(turned).pooled, model(batch).pooled, atol=1e-4)


def test_hidden_regions_do_not_leak(model, batch):
    """Neither their own appearance nor region 0, which is the mean of the others in sight, tells what was there."""
    changed = batch.appearance.clone()
    changed[1, 2] += 1
    hidden = model(dataclasses.replace(batch, appearance=changed))
    assert torch.equal(hidden.text, model(batch).text)
    seen = dataclasses.replace(batch, region_hidden=torch.zeros_like(batch.region_hidden))
    assert not torch.allclose(model(dataclasses.replace(seen, appearance=changed)).text, model(seen).text, atol=1e-4)


def test_region_0_is_the_mean_of_the_others_in_sight(model, batch):
    whole = model.regions.whole_picture(batch.appearance, batch.region_real, batch.region_hidden)
    close(whole[0, 0], batch.appearance[0, 1:3].mean(dim=0))
    close(whole[1, 0], batch.appearance[1, [1, 3, 4]].mean(dim=0))
    close(whole[2, 0], batch.appearance[2, 0])
    assert torch.equal(whole[:, 1:], batch.appearance[:, 1:])
    nothing_in_sight = torch.ones_like(batch.region_hidden)
    whole = model.regions.whole_picture(batch.appearance, batch.region_real, nothing_in_sight)
    close(whole[0, 0], model.regions.hidden_appearance)


def test_without_a_learned_appearance_nothing_is_replaced(batch):
    embed = RegionEmbedding(A, 16, D, 0.0, learned_hidden=False)
    assert embed.whole_picture(batch.appearance, batch.region_real, batch.region_hidden) is batch.appearance
    assert torch.equal(embed(batch.appearance, batch.boxes, batch.region_hidden),
                       embed(batch.appearance, batch.boxes, torch.zeros_like(batch.region_hidden)))


def test_text_only_rows_do_not_see_their_padding_regions(model, batch):
    changed = dataclasses.replace(batch, appearance=batch.appearance + batch.region_real.logical_not()[..., None])
    assert torch.equal(model(changed).text[3], model(batch).text[3])


def test_a_batch_without_any_region_is_text_only(model, batch):
    row = slice(3, 4)
    none = Batch(batch.piece_ids[row], batch.segments[row], batch.text_real[row], torch.zeros(1, 0, A),
                 torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.bool), torch.zeros(1, 0, dtype=torch.bool))
    close(model(none).text[0], model(batch).text[3])


def test_each_word_can_have_a_visual_part_of_its_own(model, batch):
    obj_rep = model.obj_rep(batch)
    shared = model.embeddings.text_visual(obj_rep, batch.region_real)
    own = shared.expand(B, T, D).clone()
    close(model.encode(batch, obj_rep, own).text, model(batch).text)
    own[0, 2] = obj_rep[0, 1]
    assert not torch.allclose(model.encode(batch, obj_rep, own).text[0], model(batch).text[0], atol=1e-4)


def test_what_is_asked_for_does_not_depend_on_what_is_not(model, batch):
    """The same states and gradients as of a whole pass, and nothing where nothing was asked."""
    asked = Asked.of(batch, [[3, 5], [], [1], [4]], regions=False)
    assert asked.text.nonzero().tolist() == [[0, 3], [0, 5], [2, 1], [3, 4]] and not asked.regions.any()
    for own in (asked, Asked(torch.zeros_like(batch.text_real), batch.region_real)):
        gradients = []
        for encoded in (model(batch, own), model(batch)):
            read = torch.cat([encoded.text[own.text], encoded.regions[own.regions], encoded.pooled])
            gradients.append((read, *torch.autograd.grad(read.square().sum(), [
                model.embeddings.words.weight, *model.encoder.parameters()])))
        for part, whole in zip(*gradients, strict=True):
            close(part / whole.abs().max(), whole / whole.abs().max())
        part = model(batch, own)
        assert not part.text[:, 1:][~own.text[:, 1:]].any() and not part.regions[~own.regions].any()


def test_too_long_a_text_is_refused(model):
    ids = torch.ones(1, 23, dtype=torch.long)
    batch = Batch(ids, ids * 0, ids > 0, torch.zeros(1, 1, A), torch.rand(1, 1, 4), torch.ones(1, 1, dtype=torch.bool),
                  torch.zeros(1, 1, dtype=torch.bool))
    with pytest.raises(CaptionError, match="takes 25 positions; the model knows 24"):
        model(batch)


def test_training_in_bfloat16_gives_finite_gradients_to_every_parameter(model, batch):
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        encoded = model(batch)
        words = model.heads.mlm(encoded.text[batch.text_real])
        regions = model.heads.mvrc(encoded.regions[batch.region_real])
        related = model.heads.relationship(encoded.pooled)
        aligned = model.heads.alignment(encoded.text[:, 1], encoded.regions)
        loss = sum(x.float().square().mean() for x in (words, regions, related, aligned))
    assert encoded.text.dtype == torch.float32
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_training_starts_from_pure_text():
    torch.manual_seed(0)
    fresh = VLBert(RegionEmbedding(A, 16, D, 0.0, learned_hidden=True), Embeddings(50, D, 24, 3, 0.0),
                   Encoder(1, D, 4, 64, 0.0, 0.0), classes=9)
    assert not fresh.embeddings.visual_text_norm(torch.rand(3, D)).any()
    assert not fresh.embeddings.visual_region_norm(torch.rand(3, D)).any()
    assert not fresh.regions.hidden_appearance.any()
