"""The tasks of training on a small world of coloured squares: targets, hiding, and that the losses fall."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import DetectorConfig, EncoderConfig, ModelConfig, PretrainingConfig
from engine.data.attributes import attributes_from
from engine.data.features import FeatureCache, compute
from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Phrase
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.data.views import compute_view
from engine.detector.detector import ATTRIBUTES, Detector
from engine.detector.fast_rcnn import hide_pixels
from engine.errors import DataError
from engine.model.vlbert import VLBert
from engine.structures.example import Example, Regions, collate
from engine.tasks.detection import DetectionTask
from engine.tasks.end_to_end import EndToEndTask
from engine.tasks.pretraining import PretrainingTask
from engine.training.trainer import TrainingConfig, train
from tests.conftest import ROOT

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}
NOUNS = {"red": "ball", "green": "tree", "blue": "car"}
PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")
SWITCHES = PretrainingConfig(word_probability=0.3, region_probability=0.4, classify_all_regions=0.5, alignment=0.5,
                             grounded_noun_probability=0.5, extra_regions=4)
CONFIG = ModelConfig(
    name="tiny", precomputed=True, encoder=EncoderConfig(hidden=32, layers=2, heads=4, feed_forward=64, dropout=0.0),
    detector=DetectorConfig(depth=50, stage5="map", classes=4, square_side=96, source_side=96, proposals=True),
    pretraining=SWITCHES)


def made(folder: Path, name: str, left: str, right: str) -> AnnotatedPhoto:
    pixels = np.full((96, 96, 3), 128, np.uint8)
    pixels[20:70, 5:45], pixels[30:80, 50:92] = COLOURS[left], COLOURS[right]
    Image.fromarray(pixels).save(folder / f"{name}.png")
    first, second = f"a {left} {NOUNS[left]}", f"a {right} {NOUNS[right]}"
    text = f"{first} is beside {second} ."
    start = len(first) + len(" is beside ")
    caption = AnnotatedCaption(text, (Phrase(first, 0, len(first), ("other",), (0,)),
                                      Phrase(second, start, start + len(second), ("other",), (1,))))
    return AnnotatedPhoto(folder / f"{name}.png", 96, 96, ((5 / 96, 20 / 96, 45 / 96, 70 / 96),
                                                          (50 / 96, 30 / 96, 92 / 96, 80 / 96)), (caption,))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Photos, their classes, an untrained detector and its features."""
    folder = tmp_path_factory.mktemp("world")
    pairs = [(a, b) for a in COLOURS for b in COLOURS if a != b]
    photos = [made(folder, f"{i}", *pair) for i, pair in enumerate(pairs)]
    classes = RegionClasses.from_photos(photos, 4)
    torch.manual_seed(0)
    detector = Detector.from_config(CONFIG.detector).eval()
    compute(detector, photos, folder / "features")
    return photos, classes, detector, FeatureCache(folder / "features", photos)


def task(world, switches: PretrainingConfig = SWITCHES) -> PretrainingTask:
    photos, classes, detector, cache = world
    torch.manual_seed(0)
    return PretrainingTask(VLBert.from_config(CONFIG), switches, PIECES, photos, cache, classes,
                           detector.heads.classify, PIECES.captions(["a red ball .", "a green tree ."]))


def test_examples_are_drawn_from_all_views(world, tmp_path) -> None:
    photos, _, detector, cache = world
    compute_view(detector, photos, cache, 1, tmp_path, mirrored=True)
    other = FeatureCache(tmp_path, photos)
    own = task(world)
    own.looks = (cache, other)
    drawn = [own.question(own.captions[2], torch.Generator().manual_seed(i)).example.regions.appearance[1]
             for i in range(20)]
    looks = [cache.regions(2).appearance[1], other.regions(2).appearance[1]]
    assert [any(torch.equal(d, look) for d in drawn) for look in looks] == [True, True]
    assert all(any(torch.equal(d, look) for look in looks) for d in drawn)


def detection(world, detector: Detector) -> DetectionTask:
    photos, classes, _, _ = world
    attributes = attributes_from(photos, ATTRIBUTES)
    attributes = (*attributes, *(f"none{i}" for i in range(ATTRIBUTES - len(attributes))))
    return DetectionTask(detector, photos, classes, attributes, backbone_scale=1.0)


def test_all_losses_fall_on_six_photos(world) -> None:
    own = task(world)
    reports = list(train(own, TrainingConfig(epochs=200, batch_size=6, rate=3e-3, precision="no")))
    assert set(reports[0].losses) == {"words", "regions", "seen_regions", "alignment", "text"}
    for name, factor in (("words", 0.4), ("regions", 0.9), ("seen_regions", 0.9), ("alignment", 0.9), ("text", 0.4)):
        early = sum(r.losses[name] for r in reports[:5])
        late = sum(r.losses[name] for r in reports[-5:])
        assert late < factor * early, f"{name} fell from {early / 5:.2f} to {late / 5:.2f} only"


def test_published_switches_ask_only_what_the_paper_asks(world) -> None:
    own = task(world, switches=PretrainingConfig())
    losses = own.losses([0, 1, 2, 3], torch.Generator().manual_seed(3))
    assert set(losses) <= {"words", "regions", "text"}
    question = own.question(own.captions[0], torch.Generator().manual_seed(1))
    assert set(question.region_targets) == set(question.asked) and not question.phrases
    assert len(question.example.regions) == 3  # no detection joins


def test_each_setting_of_the_ablation_is_one_switch(world) -> None:
    def losses(**changes: bool) -> dict:
        own = task(world, switches=dataclasses.replace(SWITCHES, **changes))
        return own.losses([0, 1, 2, 3, 4, 5], torch.Generator().manual_seed(2))

    assert not {"regions", "seen_regions"} & set(losses(mvrc=False))
    assert "text" not in losses(text_only=False)
    few = task(world, switches=dataclasses.replace(SWITCHES, text_share=0.3))
    assert "text" in few.losses([0], torch.Generator().manual_seed(2))  # at least one, however small the part
    own = task(world, switches=dataclasses.replace(SWITCHES, relationship=True))
    asked = [own.question(own.captions[0], torch.Generator().manual_seed(i)) for i in range(240)]
    others, belonging = ([q for q in asked if q.belongs is told] for told in (False, True))
    assert 75 < len(others) < 125 and all(len(q.phrases) == 2 for q in belonging)
    assert not any(q.phrases for q in others)  # nothing in the picture is what they name
    for hidden in (lambda q: len(q.places), lambda q: len(q.example.hidden_regions)):  # as much as where it belongs
        assert np.mean([*map(hidden, others)]) == pytest.approx(np.mean([*map(hidden, belonging)]), rel=0.2)
    shown = {tuple(int(q.region_targets[r].argmax()) for r in (1, 2)) for q in others if {1, 2} <= {*q.region_targets}}
    assert shown == {tuple(int(label.argmax()) for label in labels) for labels in own.labels[1:]}
    reports = list(train(own, TrainingConfig(epochs=150, batch_size=6, rate=3e-3, precision="no")))
    early, late = (sum(r.losses["relationship"] for r in some) for some in (reports[:10], reports[-10:]))
    assert late < 0.95 * early


def test_a_hidden_region_is_not_given_away_by_a_detection_of_the_same_place(world) -> None:
    own = task(world)
    regions = own.cache.regions(0)
    twin = regions[[0, 1, 2, 1]]
    hidden = type(own.hide_regions(3, torch.Generator()))([1], [1])
    question = own.ask(own.captions[0], twin, [0], hidden, torch.Generator().manual_seed(0))
    assert set(question.example.hidden_regions) == {1, 3}
    place, target, candidates = question.phrases[0]
    assert target.tolist() == [0, 1, 0, 0] and candidates.tolist() == [False, True, True, False]
    assert PIECES.pieces[own.captions[0].caption.piece_ids[place]] == "ball"


@pytest.mark.parametrize("apart", [True, False])
def test_a_hidden_regions_own_noun_is_hidden_too_unless_they_are_to_be_hidden_apart(world, apart) -> None:
    own = task(world, switches=dataclasses.replace(SWITCHES, apart=apart))
    ball, tree = (caption.words[word].first for caption, word in
                  ((own.captions[0].caption, word) for word, _ in own.captions[0].phrases))
    both, other = 0, 0
    for seed in range(60):
        question = own.question(own.captions[0], torch.Generator().manual_seed(seed))
        both += 1 in question.example.hidden_regions and ball in question.places
        other += 1 in question.example.hidden_regions and tree in question.places
    assert other and bool(both) is not apart


def test_a_label_is_the_share_of_each_noun(world) -> None:
    own = task(world)
    label = own.labels[0][0]
    assert label.sum() == 1 and own.classes.names[int(label.argmax())] == "ball"


def test_end_to_end_moves_the_detector_and_blackens_hidden_pixels(world, monkeypatch) -> None:
    detector = world[2]
    black: list[int] = []

    def spy(images, boxes):
        hidden = hide_pixels(images, boxes)
        black.append(sum(len(b) for b in boxes))
        assert bool((hidden != images).any()) == bool(black[-1])
        return hidden

    monkeypatch.setattr("engine.tasks.end_to_end.hide_pixels", spy)
    fresh = Detector.from_config(CONFIG.detector)
    fresh.load_state_dict(detector.state_dict())
    fresh.fast_rcnn.backbone.freeze_first_stages()
    own = EndToEndTask(task(world), detection(world, fresh))
    before = {k: v.clone() for k, v in fresh.state_dict().items()}
    list(train(own, TrainingConfig(epochs=1, batch_size=2, rate=1e-3, precision="no")))
    moved = {k.split(".")[2] for k, v in fresh.state_dict().items() if k.startswith("fast_rcnn") and
             not torch.equal(v, before[k])}
    assert moved == {"layer2", "layer3", "layer4"}
    assert len(black) == 6 and 0 < sum(black) < 12
    assert not torch.equal(fresh.proposals.state_dict()["objectness.weight"], before["proposals.objectness.weight"])


def test_a_photo_without_a_caption_is_no_example_of_end_to_end_training(world) -> None:
    photos, classes, detector, cache = world
    other = ((dataclasses.replace(photos[0], captions=()), *photos[1:]), classes, detector, cache)
    own = EndToEndTask(task(other), detection(other, detector))
    assert own.photos == [1, 2, 3, 4, 5]
    assert own.losses(list(range(len(own))), torch.Generator().manual_seed(0))["words"] > 0


def test_pictures_of_two_shapes_pass_together_as_each_does_alone(world, tmp_path) -> None:
    photos, classes, _, cache = world
    wide = tmp_path / "wide.png"
    Image.open(photos[1].path).resize((192, 96)).save(wide)
    torch.manual_seed(0)
    kept = Detector.from_config(dataclasses.replace(CONFIG.detector, square_side=0, source_side=0, mean_side=96)).eval()
    mixed = [photos[0], dataclasses.replace(photos[1], path=wide, width=192)]
    own = EndToEndTask(task((mixed, classes, kept, cache)), detection((mixed, classes, kept, cache), kept))
    sights = [own._look(i, torch.Generator().manual_seed(i)) for i in (0, 1)]
    assert [tuple(s.picture.shape[1:]) for s in sights] == [(96, 96), (64, 128)]
    assert torch.allclose(sights[1].fractions[:2, 1::2].sum(dim=1), torch.tensor([90 / 96, 110 / 96]), atol=1e-3)
    losses = own.losses([0, 1], torch.Generator().manual_seed(0))
    assert all(torch.isfinite(loss) for loss in losses.values()) and {"words", "noun", "place"} <= {*losses}
    together = own._features(sights[1:], kept.fast_rcnn.maps(sights[1].picture[None]))[0]
    alone = kept.fast_rcnn.features(kept.fast_rcnn.maps(sights[1].picture[None]), [sights[1].boxes])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_mirrored_picture_takes_its_boxes_and_detections_along(world, monkeypatch) -> None:
    own = EndToEndTask(task(world), detection(world, world[2]))
    monkeypatch.setattr(own.captions, "drawn_detections", lambda photo, generator: [0])
    monkeypatch.setattr(own.captions.cache, "detected_boxes", lambda *_: torch.tensor([[0.0, 0.25, 0.5, 1.0]]))
    seen = [own._look(0, torch.Generator().manual_seed(i)) for i in range(20)]
    plain = next(s for s in seen if not s.targets.mirrored)
    other = next(s for s in seen if s.targets.mirrored)
    for sight, left, found in ((plain, [5, 20, 45, 70], [0, 24, 48, 96]), (other, [51, 20, 91, 70], [48, 24, 96, 96])):
        assert sight.boxes[0].tolist() == pytest.approx(left, abs=1e-3)
        assert sight.boxes[2].tolist() == pytest.approx(found)


def test_detector_training_lowers_its_losses(world) -> None:
    torch.manual_seed(0)
    detector = Detector.from_config(CONFIG.detector)
    own = detection(world, detector)
    reports = list(train(own, TrainingConfig(epochs=12, batch_size=3, rate=3e-4, precision="no")))
    for name in ("objectness", "attribute"):
        assert sum(r.losses[name] for r in reports[-4:]) < 0.9 * sum(r.losses[name] for r in reports[:4])


def test_a_cache_of_other_photos_or_half_a_cache_is_refused(world, tmp_path) -> None:
    photos, _, detector, _ = world
    compute(detector, photos[:2], tmp_path, detections=False)
    with pytest.raises(DataError, match="computed for other photos"):
        FeatureCache(tmp_path, photos)
    whole = (tmp_path / "features.f16").read_bytes()
    (tmp_path / "features.f16").write_bytes(whole[:-1])
    with pytest.raises(DataError, match=rf"{tmp_path} is no complete .*\. Remove that folder to have it computed anew"):
        FeatureCache(tmp_path, photos[:2])
    (tmp_path / "features.f16").write_bytes(whole)
    (tmp_path / "boxes.f32").unlink()
    with pytest.raises(DataError, match="no complete feature cache"):
        FeatureCache(tmp_path, photos[:2])
    with pytest.raises(DataError, match=r"no features in .*nowhere\. .* --stages features` with the same --views"):
        FeatureCache(tmp_path / "nowhere", photos[:2])


def test_collating_pads_text_and_regions_apart() -> None:
    two = Regions(torch.ones(2, 5), torch.ones(2, 4))
    batch = collate([Example([101, 7, 8, 102], Regions.none(5)), Example([101, 102], two, [1])])
    assert batch.text_real.sum(dim=1).tolist() == [4, 2] and batch.region_real.sum(dim=1).tolist() == [0, 2]
    assert batch.region_hidden.tolist() == [[False, False], [False, True]]
