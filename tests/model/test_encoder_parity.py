"""Embeddings, encoder, pooler and heads against the published implementation's numbers."""

import pytest
import torch
from torch import Tensor

from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.layout import Layout
from engine.model.taps import Taps
from engine.model.vlbert import VLBert
from engine.weights.files import fill
from engine.weights.published_names import vlbert_names
from tests.reference.cases import Case, check, check_gradient_norms

D = 64


def small_model(*, learned_hidden: bool = False) -> VLBert:
    """The sizes of the small cases."""
    return VLBert(RegionEmbedding(2048, 2048, D, 0.1, learned_hidden=learned_hidden),
                  Embeddings(200, D, 64, 3, 0.1), Encoder(3, D, 4, 128, 0.1, 0.1), classes=1601).eval()


def names_of(case: Case) -> dict[str, str]:
    """The case's own keys, which lack the prefix `vlbert.`, and ours."""
    names = vlbert_names({f"vlbert.{k}" for k in case.state()})
    return {k.removeprefix("vlbert."): v for k, v in names.items() if k.startswith("vlbert.")}


def loaded(case: Case) -> VLBert:
    model, names = small_model(), names_of(case)
    tensors = {names[k]: v.squeeze(0) if k == "end_embedding.weight" else v for k, v in case.state().items()}
    fill(model, tensors, "the case", fresh=[k for k in model.state_dict() if k not in tensors])
    return model


def embedded(model: VLBert, case: Case) -> tuple[Layout, Tensor]:
    """These cases give each region's word embedding beside its visual feature."""
    given = case.inputs
    visual, word = given["object_vl_embeddings"].split(D, dim=-1)
    own = model.embeddings
    layout = Layout.of(given["text_mask"], given["object_mask"])
    text = own.words(given["text_input_ids"]) + own.visual_text_norm(given["text_visual_embeddings"])
    regions = word + own.visual_region_norm(visual)
    return layout, own.assemble(layout, text, regions, given["text_token_type_ids"])


@pytest.fixture(scope="module")
def core() -> tuple[Case, VLBert, Layout, dict[str, Tensor]]:
    case = Case("vlbert_core")
    model = loaded(case)
    layout, states = embedded(model, case)
    seen = {"embeddings": states}
    with Taps(model) as taps:
        last = model.encoder(states, layout.real)
        seen["pooled"] = model.pooler(last)
    return case, model, layout, seen | taps.states | {"attention": torch.stack(taps.attention)}


def test_the_packed_places_are_the_published_ones(core):
    case, _, layout, _ = core
    assert torch.equal(layout.real, case.outputs["attention_mask"])
    for own, real, key in ((layout.text_places, layout.text_real, "text_position_mask"),
                           (layout.region_places, layout.region_real, "object_position_mask")):
        mask = torch.zeros_like(layout.real)
        for row in range(len(mask)):
            mask[row, own[row][real[row]]] = True
        assert torch.equal(mask, case.outputs[key])


def test_embeddings_and_every_layer_agree_with_the_published_ones(core):
    case, _, layout, seen = core
    check(seen["embeddings"][layout.real], case.outputs["embedding"][layout.real])
    for n in range(3):
        check(seen[f"layer.{n}"][layout.real], case.outputs["all_layers"][n][layout.real])
    check(seen["pooled"], case.outputs["pooled"])


def test_attention_agrees_with_the_published_one(core):
    case, _, layout, seen = core
    rows = layout.real[None, :, None, :, None]
    check(seen["attention"] * rows, case.outputs["attention_probs"] * rows)


def test_states_return_to_text_and_regions(core):
    case, _, layout, seen = core
    text, regions = layout.unpack(seen["layer.2"])
    check(text[layout.text_real], case.outputs["text_states"][layout.text_real])
    check(regions, case.outputs["object_states"])


def test_every_gradient_norm_of_the_core_agrees():
    case = Case("vlbert_core")
    model = loaded(case)
    layout, states = embedded(model, case)
    last = model.encoder(states, layout.real)
    loss = (last * case.inputs["loss_weight"])[layout.real].sum() + model.pooler(last).square().sum()
    assert loss.item() == pytest.approx(case.scalars["loss"], rel=1e-4)
    loss.backward()
    assert check_gradient_norms(model, names_of(case), case.about["grad_norms"]) == len(case.about["grad_norms"])
    check(model.encoder.layers[0].attention.query.weight.grad,
          case.gradients["encoder.layer.0.attention.self.query.weight"])


def test_the_three_heads_and_every_gradient_norm_agree():
    case = Case("vlbert_pretraining_heads")
    model = loaded(case)
    layout, states = embedded(model, case)
    states = model.encoder(states, layout.real)
    text, regions = layout.unpack(states)
    relationship = model.heads.relationship(model.pooler(states))
    words, classes = model.heads.mlm(text[layout.text_real]), model.heads.mvrc(regions[layout.region_real])
    check(relationship, case.outputs["relationship_logits"])
    check(words, case.outputs["mlm_logits"][layout.text_real])
    check(classes, case.outputs["mvrc_logits"][layout.region_real])
    loss = relationship.square().sum() + words.square().sum() / case.outputs["mlm_logits"].numel()
    loss = loss + classes.square().sum() / case.outputs["mvrc_logits"].numel()
    assert loss.item() == pytest.approx(case.scalars["loss"], rel=1e-4)
    loss.backward()
    assert check_gradient_norms(model, names_of(case), case.about["grad_norms"]) == len(case.about["grad_norms"])
