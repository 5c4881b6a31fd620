"""Our Faster R-CNN C4 against detectron2 with the same weights, and what choosing detectron2 wrongly says."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.c4_config import C4Config, bottom_up_attention
from engine.cli import main
from engine.config import FineTuneConfig
from engine.data import scenes
from engine.data.features import FeatureCache
from engine.data.several import sources_of
from engine.data.vocabulary import classes_of
from engine.detector import detectron2 as wrapper
from engine.detector.c4 import C4, C4Transform, anchor_shapes
from engine.detector.detectron2 import Detectron2, build
from engine.detector.elsewhere import Elsewhere, device_named
from engine.detector.proposals import anchor_grid
from engine.errors import ConfigError, WeightsError
from engine.predictor import Predictor
from engine.structures.photo import Photo
from engine.training import checkpoint
from engine.training.finetune import questions
from engine.training.materials import features_folder
from engine.weights.adapters import read_info
from engine.weights.detectors import identity, load_detector
from engine.weights.detectron2 import convert
from engine.weights.files import fill
from engine.weights.store import save
from tests.conftest import ROOT
from tests.detector.detectron2_models import COCO, GENOME, PROPOSALS, library, picture
from tests.tiny import write_tiny

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def ours_of(theirs: Detectron2, **changes) -> C4:
    """Our detector with the library's weights."""
    config, tensors = convert(theirs.model.state_dict())
    ours = C4.from_config(replace(config, proposals=PROPOSALS, **changes)).eval()
    fill(ours, tensors, "the library")
    return ours


def agree(theirs: Detectron2, ours: C4) -> torch.Tensor:
    """Both see the same maps, detections, features and classes; the classes found."""
    image = picture()
    height, width = image.shape[2:]
    with torch.inference_mode():
        map_, own_map = theirs.maps(image), ours.fast_rcnn.maps(image)
        torch.testing.assert_close(own_map.stage4, map_.stage4, **CLOSE)
        found, own = theirs.detect(map_, height, width), ours.detect(own_map, height, width)
        size = torch.tensor([width, height, width, height])
        torch.testing.assert_close(own.boxes / size, found.boxes / size, **CLOSE)
        torch.testing.assert_close(own.scores, found.scores, **CLOSE)
        assert own.classes.tolist() == found.classes.tolist()
        boxes = found.boxes[:12]
        features, own_features = theirs.features(map_, [boxes]), ours.fast_rcnn.features(own_map, [boxes])
        torch.testing.assert_close(own_features, features, **CLOSE)
        torch.testing.assert_close(ours.heads.classify(own_features).softmax(dim=1),
                                   theirs.classify(features).softmax(dim=1), **CLOSE)
    assert features.shape == (len(boxes), 2048)
    assert len(found.scores) > 20 and found.scores.max() - found.scores.min() > 0.1
    return found.classes


def test_coco_layout_finds_the_same_boxes_scores_and_features():
    theirs = library()
    assert len(set(agree(theirs, ours_of(theirs)).tolist())) > 2  # not one class for all


def test_visual_genome_layout_finds_the_same_and_describes_it(tmp_path):
    """The library does not know this layout's stem, stage 5 and attributes; the wrapper adds them to it."""
    path = tmp_path / "genome.yaml"
    path.write_text(GENOME)
    theirs = library(str(path))
    ours = ours_of(theirs)
    assert theirs.transform == ours.transform
    agree(theirs, ours)
    head = theirs.model.roi_heads.box_predictor
    features = torch.randn(5, 2048, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        known = head.cls_embedding(head.cls_score(features).argmax(dim=1))
        expected = head.attr_score(torch.relu(head.fc_attr(torch.cat([features, known], dim=1))))
        found = ours.heads.attributes(features, ours.heads.classify(features).argmax(dim=1))
    assert expected.shape == (5, 401)
    torch.testing.assert_close(found, expected, **CLOSE)


def test_pictures_get_the_size_that_the_library_gives_them():
    transforms = pytest.importorskip("detectron2.data.transforms", reason="detectron2 is not installed")
    ours = C4.from_config(C4Config()).transform
    for width, height in ((640, 480), (2401, 1600), (500, 375), (333, 1000), (4000, 500), (801, 1335)):
        theirs = transforms.ResizeShortestEdge.get_output_shape(height, width, 800, 1333)
        assert ours.size(width, height) == theirs[::-1]


def test_anchors_have_their_areas_and_start_at_the_corner():
    shapes = torch.tensor(anchor_shapes(C4Config()))
    torch.testing.assert_close(shapes.prod(dim=1), torch.tensor([32., 64, 128, 256, 512]).repeat_interleave(3) ** 2)
    found = anchor_grid(shapes, 2, 3, offset=0.0).reshape(2, 3, 15, 4)
    centres = (found[..., :2] + found[..., 2:]) / 2
    torch.testing.assert_close(centres[1, 2], torch.tensor([[32.0, 16.0]]).expand(15, 2))


def test_a_detector_elsewhere_answers_like_the_one_inside():
    config = replace(C4Config(), proposals=8, threshold=0.0, most=4)
    inside = C4.from_config(config).eval()
    outside = Elsewhere(inside, device_named("cpu"))
    photo = Photo(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    assert outside.transform is inside.transform and outside.transform.size(80, 60) == (1067, 800)
    image = C4Transform(96, 128, 0, 0, (0.0, 0.0, 0.0), "BGR").picture(photo)[None]
    with torch.inference_mode():
        inside.proposals.deltas.weight.mul_(1e-6)  # proposals are the anchors
        maps = outside.fast_rcnn.maps(image)
        found = outside.regions(maps, 96, 128)
        features = outside.fast_rcnn.features(maps, [found.boxes])
        assert found.boxes.shape == (4, 4) and features.shape == (4, 2048)
        assert torch.equal(outside.heads.classify(features), inside.heads.classify(features))


def test_a_picture_without_proposals_has_no_detections():
    ours = C4.from_config(C4Config()).eval()
    with torch.no_grad():
        ours.proposals.deltas.bias.fill_(1e6)  # every box lies outside
        found = ours.regions(ours.fast_rcnn.maps(torch.zeros(1, 3, 64, 64)), 64, 64)
    assert found.boxes.shape == (0, 4) and found.scores.shape == found.classes.shape == (0,)


def test_a_predictor_looks_with_a_converted_detector(tmp_path):
    torch.manual_seed(0)
    config = C4Config(proposals=12, threshold=0.0, most=12, short_side=96, long_side=128)
    detector = C4.from_config(config)
    with torch.no_grad():
        detector.proposals.deltas.weight.mul_(1e-6)
        detector.heads.classify.weight.mul_(1e-4)
    save(detector, tmp_path / "c4.safetensors", config, kind="c4")
    predictor = Predictor.load(ROOT / "assets" / "weights", str(tmp_path / "c4.safetensors"), "cpu")
    seen = predictor.see(Photo.open(sorted((ROOT / "assets" / "examples").glob("*.jpg"))[0]))
    assert 2 <= len(seen.boxes) <= 13 and set(seen.labels[1:]) <= set(classes_of(80).names[1:])
    assert seen.regions.appearance.shape == (len(seen.boxes), 2048)
    for masking in ("feature", "pixels"):
        (answer,) = predictor.ask(seen, "a dog on the grass", [], [1], masking).regions
        assert (answer.rank > 0) == bool(answer.truth) and len(answer.best) == 5


def test_a_model_is_fine_tuned_on_what_a_converted_detector_sees(tmp_path, capsys):
    weights, data = write_tiny(tmp_path / "weights"), tmp_path / "scenes"
    scenes.write(data, 1, seed=1)
    config = C4Config(proposals=4, threshold=0.0, most=3, short_side=32, long_side=32)
    torch.manual_seed(0)
    detector = C4.from_config(config)
    with torch.no_grad():
        detector.proposals.deltas.weight.mul_(1e-6)
        detector.heads.classify.weight.mul_(1e-4)
    looking = tmp_path / "c4.safetensors"
    save(detector, looking, config, kind="c4")
    blind = tmp_path / "blind"
    shutil.copytree(weights, blind, ignore=shutil.ignore_patterns("*-detector.safetensors"))
    learn = ["finetune", "grounding", "--data", str(data), "--init", str(blind), "--limit", "2", "--tune", "head",
             "--steps", "1", "--views", "1", "--out"]
    assert main([*learn, str(tmp_path / "none")]) == 2
    assert main([*learn, str(tmp_path / "run"), "--detector", str(looking), "--detector-device", "cpu"]) == 0
    assert read_info(tmp_path / "run" / "tiny-grounding.safetensors").task == "grounding"
    pictures = questions(FineTuneConfig(task="grounding", limit=2), sources_of(data, "train")).pictures
    own, other = (features_folder(tmp_path / "run", pictures, identity(choice, weights), detections=True)
                  for choice in ("", str(looking)))
    assert not own.exists()
    seen = Predictor.load(blind, str(looking), "cpu").see(Photo.open(pictures[0].path))
    for folder in (other, other.with_name(f"{other.name}-unmirrored-view-1")):
        cache = FeatureCache(folder, pictures)
        found = cache.regions(0, range(cache.detected(0)))[-len(seen.boxes) + 1:]
        assert cache.detected(0) == len(seen.boxes) - 1 > 0
        if folder == other:
            torch.testing.assert_close(found.boxes, seen.regions.boxes[1:], rtol=0, atol=1e-4)
            torch.testing.assert_close(found.appearance, seen.regions.appearance[1:], rtol=2e-2, atol=1e-3)
    state, go_on = tmp_path / "run" / "state.pt", [*learn, str(tmp_path / "run"), "--init", str(weights)]
    assert main(go_on) == 2  # with the detector of the weights
    assert "state.pt was made with detector " in capsys.readouterr().err
    told = checkpoint.load(state)
    told["origin"] = {name: value for name, value in told["origin"].items() if name != "detector"}
    checkpoint.save(told, state)  # of an older version
    assert main(go_on) == 0


def test_labels_are_answered_by_the_classes_of_the_model(predictor):
    for label, truth in (("person", "person"), ("traffic light", "light"), ("hair drier", None)):
        found = predictor.class_of(label)
        assert (None if found is None else predictor.classes.names[found]) == truth


@pytest.mark.parametrize("weights", ["", ":model_final.pkl"])
def test_a_missing_library_says_how_to_get_it(monkeypatch, weights):
    monkeypatch.setattr(wrapper.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"detectron2 is not installed.*pip install 'git\+https.*or convert"):
        load_detector(f"detectron2:{COCO}{weights}", "cpu")


def test_a_choice_without_weights_is_refused():
    with pytest.raises(WeightsError, match=r"There is no file nowhere\.safetensors"):
        load_detector("nowhere.safetensors", "cpu")
    pytest.importorskip("detectron2", reason="detectron2 is not installed")
    with pytest.raises(ConfigError, match=r"names no weights, and nothing is fetched.*Write detectron2:some.yaml:FILE"):
        load_detector("detectron2:some.yaml", "cpu")
    with pytest.raises(WeightsError, match=r"There is no file nowhere\.pth"):
        load_detector("detectron2:some.yaml:nowhere.pth", "cpu")


def test_weights_that_a_configuration_names_are_taken_where_they_are_on_this_disk(tmp_path):
    config, weights = tmp_path / "own.yaml", tmp_path / "model.pth"
    base = Path(pytest.importorskip("detectron2", reason="detectron2 is not installed").__file__).parent
    config.write_text(f"_BASE_: {base}/model_zoo/configs/COCO-Detection/faster_rcnn_R_50_C4_1x.yaml\n"
                      f"MODEL:\n  WEIGHTS: {weights}\n")
    with pytest.raises(ConfigError, match=r"own.yaml names no weights"):
        load_detector(f"detectron2:{config}", "cpu")
    weights.write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"model.pth cannot be read"):
        load_detector(f"detectron2:{config}", "cpu")
    assert identity(f"detectron2:{config}", tmp_path) == identity(f"detectron2:{config}:{weights}", tmp_path)


def test_an_unknown_device_is_refused():
    with pytest.raises(ConfigError, match=r"'toaster' cannot be used here.*Choose auto or cpu"):
        device_named("toaster")


@pytest.mark.parametrize(("config", "message"), [
    ("COCO-Detection/nothing.yaml", "neither a name in detectron2's model zoo nor a file"),
    ("COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml", "not a Faster R-CNN C4.*StandardROIHeads"),
])
def test_another_configuration_is_refused(config, message):
    pytest.importorskip("detectron2", reason="detectron2 is not installed")
    with pytest.raises(ConfigError, match=message):
        build(config, torch.device("cpu"))


def test_a_yaml_file_cannot_run_code_or_fetch(tmp_path):
    pytest.importorskip("detectron2", reason="detectron2 is not installed")
    path = tmp_path / "hostile.yaml"
    path.write_text(f"MODEL: !!python/object/apply:pathlib.Path.touch ['{tmp_path / 'ran'}']\n")
    with pytest.raises(ConfigError, match=r"not a configuration of detectron2"):
        build(str(path), torch.device("cpu"))
    assert not Path(tmp_path / "ran").exists()
    path.write_text('_BASE_: "https://example.org/base.yaml"\n')
    with pytest.raises(ConfigError, match=r"based on a file of the network"):
        build(str(path), torch.device("cpu"))


def test_the_wrapper_is_no_burden_while_unused():
    """Importing it does not import the library."""
    assert wrapper.__name__ in sys.modules and bottom_up_attention().classes == 1600
    source = Path(wrapper.__file__).read_text()
    assert "\nimport detectron2" not in source and "\nfrom detectron2" not in source
