"""The three fine-tuned models, outputs, losses and gradients, against the published implementation's numbers."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.detector.fast_rcnn import FastRCNN
from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.losses import cross_entropy, mean_or_zero
from engine.model.task_heads import AnswerHead, ChoiceHead, FineTuned, RegionScorer
from engine.model.vlbert import Encoded, VLBert
from engine.structures.batch import Batch
from engine.weights.files import fill
from engine.weights.published_names import detector_names
from engine.weights.published_tasks import rename_task, task_names
from tests.reference.cases import Case, check, check_gradient_norms, fast_rcnn_of

D = 64


def small_vlbert() -> VLBert:
    return VLBert(RegionEmbedding(2048, 2048, D, 0.1, learned_hidden=False), Embeddings(200, D, 64, 3, 0.1),
                  Encoder(3, D, 4, 128, 0.1, 0.1), classes=1601)


def small(case: Case, head) -> tuple[FineTuned, FastRCNN | None]:
    tensors, detector = rename_task(case.state())
    model = FineTuned(small_vlbert(), head)
    fresh = [k for k in model.state_dict() if k not in tensors]
    assert all(k.startswith(("vlbert.heads.", "vlbert.pooler.", "vlbert.embeddings.hidden_region_word",
                             "vlbert.embeddings.text_only")) for k in fresh)
    fill(model, tensors, "the case", fresh=fresh)
    model.eval()
    return model, fast_rcnn_of(detector)


def appearance_of(case: Case, fast_rcnn: FastRCNN, real: Tensor, masks: Tensor | None = None) -> Tensor:
    boxes = case.inputs["boxes"][:, :, :4]
    own = [b[r] for b, r in zip(boxes, real, strict=True)]
    cut = None if masks is None else [m[r] for m, r in zip(masks, real, strict=True)]
    features = fast_rcnn.features(fast_rcnn.maps(case.inputs["image"]), own, cut)
    return torch.zeros(*real.shape, 2048).masked_scatter(real[..., None], features)


def encode(model: VLBert, batch: Batch) -> Encoded:
    """With region 0's appearance as the case gives it."""
    obj_rep = model.regions(batch.appearance, batch.boxes, batch.region_hidden)
    return model.encode(batch, obj_rep, model.embeddings.text_visual(obj_rep, batch.region_real, batch.tags))


def check_gradients(case: Case, model: FineTuned, fast_rcnn: FastRCNN | None, loss: Tensor) -> None:
    assert loss.item() == pytest.approx(case.scalars["loss"], rel=1e-4)
    loss.backward()
    keys, norms = case.state(), case.about["grad_norms"]
    checked = check_gradient_norms(model, task_names(keys), norms)
    if fast_rcnn is not None:
        checked += check_gradient_norms(fast_rcnn, detector_names(keys), norms)
    assert checked == len(norms)


def test_question_answering_agrees():
    case = Case("vqa_prec_mlm")
    model, _ = small(case, AnswerHead(D, 37))
    given = case.inputs
    ids, segments = case.outputs["text_input_ids"], case.outputs["text_token_type_ids"]
    place = case.outputs["answer_position"]
    for row, question in enumerate(given["question"]):
        asked = question[question > 0].tolist()
        assert ids[row, : len(asked) + 4].tolist() == [101, *asked, 102, 103, 102]
        assert segments[row, : len(asked) + 4].tolist() == [0] * (len(asked) + 2) + [1, 1]
        assert place[row] == len(asked) + 2
    real = given["boxes"][:, :, 0] > -1.5
    size = given["im_info"][:, None, [0, 1, 0, 1]]
    batch = Batch(ids, segments, case.outputs["text_mask"] > 0, given["boxes"][:, :, 4:],
                  given["boxes"][:, :, :4] / size, real, torch.zeros_like(real))
    logits = model.head(encode(model.vlbert, batch).text[torch.arange(len(ids)), place])
    check(logits, case.outputs["label_logits"])
    check_gradients(case, model, None, F.binary_cross_entropy_with_logits(logits, given["label"]) * 37)


def test_referring_expressions_agree():
    case = Case("refcoco_e2e")
    model, fast_rcnn = small(case, RegionScorer(D))
    given = case.inputs
    rows, longest = given["expression"].shape
    ids = torch.zeros(rows, longest + 2, dtype=torch.long)
    for row, expression in enumerate(given["expression"]):
        words = expression[expression > 0].tolist()
        ids[row, : len(words) + 2] = torch.tensor([101, *words, 102])
    real = given["boxes"][:, :, 0] > -1.5
    size = given["im_info"][:, None, [0, 1, 0, 1]]
    batch = Batch(ids, torch.zeros_like(ids), ids > 0, appearance_of(case, fast_rcnn, real),
                  given["boxes"] / size, real, torch.zeros_like(real))
    logits = model.head(encode(model.vlbert, batch).regions)[..., 0]
    check(logits[real], case.outputs["label_logits"][real])
    best = logits.masked_fill(~real, -1e4).argmax(dim=1)
    meant = given["boxes"][torch.arange(rows), best] / given["im_info"][:, [2, 3, 2, 3]]
    check(meant, case.outputs["pred_boxes"])
    each = F.binary_cross_entropy_with_logits(logits[real], given["label"][real], reduction="none")
    check_gradients(case, model, fast_rcnn, mean_or_zero(each))


def test_choosing_among_four_agrees():
    case = Case("vcr_e2e")
    model, fast_rcnn = small(case, ChoiceHead(D, 81))
    given = case.inputs
    boxes = given["boxes"]
    real = boxes[:, :, 0] > -0.5
    ids, tags = case.outputs["text_input_ids"], case.outputs["text_tags"]
    size = given["im_info"][:, None, [0, 1, 0, 1]]
    appearance = appearance_of(case, fast_rcnn, real, given["masks"])
    choices = ids.shape[1]

    def each(tensor: Tensor) -> Tensor:
        return tensor.repeat_interleave(choices, dim=0)

    batch = Batch(ids.flatten(0, 1), case.outputs["text_token_type_ids"].flatten(0, 1),
                  case.outputs["text_mask"].flatten(0, 1) > 0, each(appearance), each(boxes[:, :, :4] / size),
                  each(real), each(torch.zeros_like(real)), tags.flatten(0, 1).clamp(min=0))
    encoded = encode(model.vlbert, batch)
    scores = model.head(encoded.pooled).view(-1, choices)
    check(scores, case.outputs["label_logits"])
    truth = F.one_hot(given["answer_label"], choices).float()
    answer = F.binary_cross_entropy_with_logits(scores, truth)
    assert answer.item() == pytest.approx(case.scalars["ans_loss"], rel=1e-4)
    labels = each(boxes[:, :, 5].long())
    known = each(real)  # region 0, the whole picture, is of class 0
    classes = cross_entropy(model.head.regions(encoded.regions[known]), labels[known])
    assert classes.item() == pytest.approx(case.scalars["cnn_regularization_loss"], rel=1e-4)
    check_gradients(case, model, fast_rcnn, answer + classes)


@pytest.mark.parametrize(("head", "layer", "source"), [
    (AnswerHead(D, 37), "", "mlm"), (RegionScorer(D), "", "mvrc"), (ChoiceHead(D, 81), "regions.", "mvrc")])
def test_a_new_head_starts_from_a_transform_of_pre_training(head, layer, source):
    vlbert = small_vlbert()
    for parameter in vlbert.heads.parameters():
        torch.nn.init.normal_(parameter)
    names = ("dense.weight", "dense.bias") + (("norm.weight", "norm.bias") if source == "mlm" else ())
    before = vlbert.heads.get_submodule(source).state_dict()
    after = FineTuned(vlbert, head).head.state_dict()
    for name in names:
        assert torch.equal(after[layer + name], before[name]), name
