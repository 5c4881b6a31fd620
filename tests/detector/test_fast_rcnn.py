"""Fast R-CNN features against the published implementation's numbers and against torchvision's RoIAlign."""

import pytest
import torch
from torch import Tensor
from torchvision.ops import roi_align

from engine.detector.backbone import ResNet
from engine.detector.fast_rcnn import FastRCNN, crops, hide_pixels
from engine.errors import BoxError, ConfigError
from engine.model.embeddings import RegionEmbedding
from engine.weights.files import fill
from tests.reference.cases import Case, check, check_gradient_norms

STAGE5 = ("roi_head_feature_extractor.", "head.0.")


def names_of(case: Case, fast_rcnn: FastRCNN) -> dict[str, str]:
    """The case's keys lack the prefix of a whole checkpoint; stage 5 is stored twice."""
    names = {}
    for ours in fast_rcnn.state_dict():
        stage5 = ours.removeprefix("backbone.layer4.")
        names |= {ours: ours} if stage5 == ours else {prefix + stage5: ours for prefix in STAGE5}
    return names


@pytest.fixture(scope="module")
def loaded() -> tuple[Case, FastRCNN, RegionEmbedding]:
    case = Case("fastrcnn_res101")
    state = case.state()
    fast_rcnn = FastRCNN(ResNet(101, dilated=True), whole_map=False)
    fill(fast_rcnn, {ours: state[k] for k, ours in names_of(case, fast_rcnn).items()}, "the case")
    fast_rcnn.backbone.freeze_first_stages()
    embed = RegionEmbedding(2048, 2048, 64, 0.1, learned_hidden=True).eval()
    fill(embed, {"hidden_appearance": case.inputs["mask_visual_embed"], "project.bias": state["obj_downsample.1.bias"],
                 "project.weight": state["obj_downsample.1.weight"]}, "the case")
    return case, fast_rcnn, embed


def boxes_of(case: Case) -> list[Tensor]:
    return [box[real] for box, real in zip(case.inputs["boxes"], case.inputs["box_mask"], strict=True)]


def padded(case: Case, features: Tensor) -> Tensor:
    real = case.inputs["box_mask"]
    return torch.zeros(*real.shape, features.shape[-1]).masked_scatter(real[..., None], features)


def embedded(case: Case, embed: RegionEmbedding, features: Tensor, hidden: Tensor) -> Tensor:
    size = case.inputs["im_info"][:, None, [0, 1, 0, 1]]
    return embed(padded(case, features), case.inputs["boxes"] / size, hidden)


def test_features_with_and_without_masks_agree_with_the_published_ones(loaded):
    case, fast_rcnn, embed = loaded
    real = case.inputs["box_mask"]
    nothing = torch.zeros_like(real)
    with torch.no_grad():
        maps = fast_rcnn.maps(case.inputs["images"])
        check(maps.stage4[:, :16], case.outputs["body4_first16ch"])
        check(crops(maps.stage4, boxes_of(case))[:, :8], case.outputs["roi_align_first8ch"])
        plain = fast_rcnn.features(maps, boxes_of(case))
        masks = [mask[keep] for mask, keep in zip(case.inputs["segms"], real, strict=True)]
        masked = fast_rcnn.features(maps, boxes_of(case), masks)
    check(padded(case, plain), case.outputs["plain_obj_reps_raw"])
    check(padded(case, masked), case.outputs["segms_obj_reps_raw"])
    check(embedded(case, embed, plain, nothing)[real], case.outputs["plain_obj_reps"][real])
    check(embedded(case, embed, masked, nothing)[real], case.outputs["segms_obj_reps"][real])
    hidden = case.inputs["mvrc_ops"] == 1
    check(embedded(case, embed, plain, hidden)[real], case.outputs["masked_obj_reps"][real])


def test_every_gradient_norm_agrees_and_frozen_parts_have_none(loaded):
    case, fast_rcnn, embed = loaded
    features = fast_rcnn.features(fast_rcnn.maps(case.inputs["images"]), boxes_of(case))
    real = case.inputs["box_mask"]
    seen = embedded(case, embed, features, torch.zeros_like(real)) * real[..., None]
    loss = seen.square().mean()
    assert loss.item() == pytest.approx(case.scalars["loss_mean_square_obj_reps"], rel=1e-4)
    loss.backward()
    norms = case.about["grad_norms"]
    projection = {f"obj_downsample.1.{kind}": f"project.{kind}" for kind in ("weight", "bias")}
    checked = check_gradient_norms(fast_rcnn, names_of(case, fast_rcnn), norms)
    assert checked + check_gradient_norms(embed, projection, norms) == len(norms)


def test_stage_5_on_the_whole_map_pools_like_roi_align():
    torch.manual_seed(0)
    fast_rcnn = FastRCNN(ResNet(50, dilated=False), whole_map=True)
    boxes = [torch.tensor([[8.0, 10.0, 90.0, 70.0], [0.0, 0.0, 127.0, 95.0]]), torch.tensor([[30.5, 2.0, 50.0, 91.0]])]
    with torch.no_grad():
        maps = fast_rcnn.maps(torch.randn(2, 3, 96, 128))
        ours = fast_rcnn.features(maps, boxes)
        slow = roi_align(maps.stage5, boxes, 7, spatial_scale=1 / 32, sampling_ratio=2, aligned=True).mean(dim=(2, 3))
    assert maps.stage4.shape == (2, 1024, 6, 8)
    assert maps.stage5.shape == (2, 2048, 3, 4)
    torch.testing.assert_close(ours, slow, rtol=1e-4, atol=1e-4)


def test_stage_5_on_the_whole_map_refuses_masks():
    fast_rcnn = FastRCNN(ResNet(50, dilated=False), whole_map=True)
    with torch.no_grad():
        maps = fast_rcnn.maps(torch.zeros(1, 3, 32, 32))
    with pytest.raises(BoxError, match="stage5 = region"):
        fast_rcnn.features(maps, [torch.zeros(1, 4)], [torch.ones(1, 14, 14)])


def test_normalisation_is_frozen_in_training_mode():
    torch.manual_seed(0)
    backbone = ResNet(50, dilated=False)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(backbone.train().stage4(images), backbone.eval().stage4(images))
    assert not [name for name, _ in backbone.named_parameters() if "bn" in name or "downsample.1" in name]


def test_another_depth_is_refused():
    with pytest.raises(ConfigError, match="not 18"):
        ResNet(18, dilated=False)


def test_hidden_pixels_are_those_the_published_data_hid():
    """The case's pictures already have them; hiding them again changes nothing, and the pixels around stay."""
    case = Case("pretrain_multitask_e2e")
    images, asked = case.inputs["image"], case.inputs["mvrc_ops"] == 1
    boxes = [box[mask] for box, mask in zip(case.inputs["boxes"], asked, strict=True)]
    assert torch.equal(hide_pixels(images, boxes), images)
    x1, y1, x2, y2 = (int(v) for v in boxes[1][0])
    hidden = hide_pixels(torch.ones_like(images), boxes)
    assert not hidden[1, :, y1:y2 + 1, x1:x2 + 1].any()
    assert hidden[1].sum() == hidden[1].numel() - 3 * (y2 - y1 + 1) * (x2 - x1 + 1)
    assert images[1, :, y1 - 1, x1:x2 + 1].abs().min() > 0
