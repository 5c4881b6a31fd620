"""Pre-training as a whole, losses and gradients, against the published implementation's numbers."""

import pytest
import torch
from torch import Tensor

from engine.detector.fast_rcnn import FastRCNN
from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.losses import (
    cross_entropy,
    cross_entropy_of_each,
    mean_of_means,
    mean_or_zero,
    soft_cross_entropy,
)
from engine.model.vlbert import VLBert
from engine.structures.batch import Batch
from engine.weights.files import fill
from engine.weights.published import FRESH, rename
from engine.weights.published_names import detector_names, vlbert_names
from tests.reference.cases import Case, check, check_gradient_norms, fast_rcnn_of

D = 64


def small_model(case: Case) -> tuple[VLBert, FastRCNN | None]:
    state = case.state()
    state.setdefault("aux_text_visual_embedding.weight", torch.zeros(1, D))  # the captions-only model has none
    tensors, detector = rename(state)
    model = VLBert(RegionEmbedding(2048, 2048, D, 0.1, learned_hidden=detector is None),
                   Embeddings(200, D, 64, 3, 0.1), Encoder(3, D, 4, 128, 0.1, 0.1), classes=1601).eval()
    fill(model, tensors, "the case", fresh=FRESH)
    return model, fast_rcnn_of(detector)


def batch_of(case: Case, fast_rcnn: FastRCNN | None) -> Batch:
    """Caption rows, then text-only rows."""
    given = case.inputs
    aux = given.get("aux_text", torch.zeros(0, given["text"].shape[1], dtype=torch.long))
    rows, extra, places = len(given["text"]), len(aux), max(given["text"].shape[1], aux.shape[1])
    ids = torch.zeros(rows + extra, places, dtype=torch.long)
    ids[:rows, :given["text"].shape[1]] = given["text"]
    ids[rows:, :aux.shape[1]] = aux
    boxes = given["boxes"][:, :, :4]
    real = boxes[:, :, 0] > -1.5
    if fast_rcnn is None:
        appearance = given["boxes"][:, :, 4:]
    else:
        own = [box[mask] for box, mask in zip(boxes, real, strict=True)]
        appearance = torch.zeros(*real.shape, 2048).masked_scatter(
            real[..., None], fast_rcnn.features(fast_rcnn.maps(given["image"]), own))
    size = given["im_info"][:, None, [0, 1, 0, 1]]
    more = (0, 0, 0, 0, 0, extra)
    pad = torch.nn.functional.pad
    return Batch(ids, torch.zeros_like(ids), ids > 0, pad(appearance, more), pad(boxes / size, more),
                 pad(real, more[2:]), pad(given["mvrc_ops"] == 1, more[2:]))


def run(case: Case, *, examples_first: bool = False) -> tuple[
        VLBert, FastRCNN | None, dict[str, Tensor], dict[str, Tensor]]:
    """The model, its outputs and its losses. The cases give region 0's appearance, so it is not made from the others;
    that is a duty of the published data reader, and of `VLBert.obj_rep` here."""
    model, fast_rcnn = small_model(case)
    batch = batch_of(case, fast_rcnn)
    obj_rep = model.regions(batch.appearance, batch.boxes, batch.region_hidden)
    encoded = model.encode(batch, obj_rep, model.embeddings.text_visual(obj_rep, batch.region_real))
    rows = len(case.inputs["text"])
    labels = torch.full(batch.piece_ids.shape, -1)
    labels[:rows, :case.inputs["mlm_labels"].shape[1]] = case.inputs["mlm_labels"]
    if "aux_text" in case.inputs:
        labels[rows:, :case.inputs["aux_text_mlm_labels"].shape[1]] = case.inputs["aux_text_mlm_labels"]
    words = model.heads.mlm(encoded.text)
    asked = labels >= 0
    targets = case.inputs["mvrc_labels"]
    chosen = targets.sum(dim=-1) > 0
    if examples_first:
        return model, fast_rcnn, {"words": words}, {
            "caption": mean_of_means(cross_entropy_of_each(words[asked], labels[asked]), asked.nonzero()[:, 0]),
            "mvrc": mean_of_means(soft_cross_entropy(model.heads.mvrc(encoded.regions[chosen]), targets[chosen]),
                                  chosen.nonzero()[:, 0])}
    losses = {
        "caption": cross_entropy(words[:rows][asked[:rows]], labels[:rows][asked[:rows]]),
        "text": cross_entropy(words[rows:][asked[rows:]], labels[rows:][asked[rows:]]),
        "mvrc": mean_or_zero(soft_cross_entropy(model.heads.mvrc(encoded.regions[:rows][chosen]), targets[chosen]))}
    outputs = {"words": words, "regions": model.heads.mvrc(encoded.regions[:rows]), "obj_rep": obj_rep[:rows]}
    return model, fast_rcnn, outputs, losses


def compare(case: Case, logits: dict[str, str], losses: dict[str, str]) -> None:
    model, fast_rcnn, outputs, own_losses = run(case)
    rows = len(case.inputs["text"])
    text = case.inputs["text"] > 0
    check(outputs["words"][:rows, :text.shape[1]][text], case.outputs[logits["caption"]][:, :text.shape[1]][text])
    if "text" in logits:
        text = case.inputs["aux_text"] > 0
        check(outputs["words"][rows:, :text.shape[1]][text], case.outputs[logits["text"]][text])
    real = case.inputs["boxes"][:, :, 0] > -1.5
    check(outputs["regions"][real], case.outputs["mvrc_logits"][real])
    if "obj_reps" in case.outputs:
        real = real[:, :case.outputs["obj_reps"].shape[1]]
        check(outputs["obj_rep"][:, :real.shape[1]][real], case.outputs["obj_reps"][real])
    for own, theirs in losses.items():
        assert own_losses[own].item() == pytest.approx(case.scalars[theirs], rel=1e-4)
    loss = sum(own_losses.values())
    assert loss.item() == pytest.approx(case.scalars["loss"], rel=1e-4)
    loss.backward()
    keys = case.state()
    norms = case.about["grad_norms"]
    checked = check_gradient_norms(model, vlbert_names(keys), norms)
    if fast_rcnn is not None:
        checked += check_gradient_norms(fast_rcnn, detector_names(keys), norms)
    assert checked == len(norms)


def test_captions_on_precomputed_features_agree():
    compare(Case("pretrain_prec"), {"caption": "mlm_logits"}, {"caption": "mlm_loss", "mvrc": "mvrc_loss"})


def test_means_within_each_example_first_agree():
    case = Case("pretrain_prec")
    model, _, outputs, losses = run(case, examples_first=True)
    text = case.inputs["text"] > 0
    check(outputs["words"][:, :text.shape[1]][text], case.outputs["norm_first_mlm_logits"][:, :text.shape[1]][text])
    for own in ("caption", "mvrc"):
        theirs = case.scalars["norm_first_" + {"caption": "mlm_loss", "mvrc": "mvrc_loss"}[own]]
        assert losses[own].item() == pytest.approx(theirs, rel=1e-4)
    sum(losses.values()).backward()
    norms = case.about["norm_first_grad_norms"]
    assert check_gradient_norms(model, vlbert_names(case.state()), norms) == len(norms)


@pytest.mark.parametrize("name", ["pretrain_multitask_prec", "pretrain_multitask_e2e"])
def test_captions_and_text_only_rows_in_one_batch_agree(name):
    compare(Case(name), {"caption": "mlm_logits_wvc", "text": "mlm_logits_aux"},
            {"caption": "mlm_loss_wvc", "text": "mlm_loss_aux", "mvrc": "mvrc_loss"})
