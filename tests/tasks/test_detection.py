"""Losses of the detector on data sets that annotate different things, against sums of probabilities."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.config import DetectorConfig
from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto, Coverage, Phrase
from engine.data.nouns import RegionClasses
from engine.detector.detector import Detector
from engine.detector.fast_rcnn import FeatureMaps
from engine.tasks.detection import DetectionTask

CLASSES = RegionClasses(("background", "person", "man", "dog", "shirt"), {"person": "person", "dog": "dog"},
                        {"person": ("man",)})
PERSON, MAN, DOG, SHIRT = 1, 2, 3, 4
EVERYTHING = Coverage()
LOW, HIGH = (0.0, 0.0, 0.25, 0.25), (0.5, 0.5, 1.0, 1.0)


def photo(*labels: str, coverage: Coverage = EVERYTHING, phrase: str = "") -> AnnotatedPhoto:
    captions = (AnnotatedCaption(phrase, (Phrase(phrase, 0, len(phrase), ("people",), (0,)),)),) if phrase else ()
    return AnnotatedPhoto(Path("none.jpg"), 64, 64, (HIGH, LOW)[:max(1, len(labels))], captions, labels=labels,
                          coverage=coverage)


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    config = DetectorConfig(depth=50, stage5="map", classes=5, mean_side=64, proposals=True)
    return Detector.from_config(config).eval()


def noun_loss(detector: Detector, own: AnnotatedPhoto, region: torch.Tensor, monkeypatch) -> tuple[float, torch.Tensor]:
    """The class loss of one region of a photo, and the probabilities of its classes."""
    task = DetectionTask(detector, [own], CLASSES, ())
    maps = FeatureMaps(torch.randn(1, 1024, 4, 4), torch.randn(1, 2048, 2, 2))
    monkeypatch.setattr(task, "_sample", lambda *arguments: region)
    loss = task.losses_on(maps, [task.targets(own, 64, 64)], torch.Generator().manual_seed(0))["noun"]
    features = detector.fast_rcnn.features(maps, [region])
    return float(loss.detach()), detector.heads.classify(features).softmax(dim=1)[0].detach()


ON_THE_BOX, ELSEWHERE = torch.tensor([[32.0, 32, 64, 64]]), torch.tensor([[32.0, 0, 64, 20]])


def test_a_labelled_box_may_show_any_kind_of_its_label(detector, monkeypatch) -> None:
    loss, p = noun_loss(detector, photo("person"), ON_THE_BOX, monkeypatch)
    assert loss == pytest.approx(-float((p[PERSON] + p[MAN]).log()), rel=1e-5)
    loss, p = noun_loss(detector, photo("dog"), ON_THE_BOX, monkeypatch)
    assert loss == pytest.approx(-float(p[DOG].log()), rel=1e-5)


def test_a_phrase_says_more_than_the_label_but_never_against_it(detector, monkeypatch) -> None:
    aliases = RegionClasses(CLASSES.names, CLASSES.aliases | {"man": "man", "shirt": "shirt"}, CLASSES.kinds)
    monkeypatch.setattr("tests.tasks.test_detection.CLASSES", aliases)
    loss, p = noun_loss(detector, photo("person", phrase="a man"), ON_THE_BOX, monkeypatch)
    assert loss == pytest.approx(-float(p[MAN].log()), rel=1e-5)
    loss, p = noun_loss(detector, photo("person", phrase="a shirt"), ON_THE_BOX, monkeypatch)
    assert loss == pytest.approx(-float((p[PERSON] + p[MAN]).log()), rel=1e-5)


@pytest.mark.parametrize(("coverage", "excluded"), [
    (Coverage(), (PERSON, MAN, DOG, SHIRT)),
    (Coverage(frozenset({"person"})), (PERSON, MAN)),
    (Coverage(frozenset({"person", "dog"})), (PERSON, MAN, DOG)),
    (Coverage(frozenset({"person"}), complete=False), ())])
def test_a_region_without_a_box_shows_nothing_that_its_data_set_annotates(detector, monkeypatch, coverage,
                                                                           excluded) -> None:
    loss, p = noun_loss(detector, photo("person", coverage=coverage), ELSEWHERE, monkeypatch)
    assert loss == pytest.approx(-float((1 - p[list(excluded)].sum()).log()), rel=1e-4, abs=1e-6)


def test_anchors_without_a_box_are_no_objects_only_where_every_thing_has_its_box(detector, monkeypatch) -> None:
    """An anchor's score moves down exactly where the data set says that nothing is there."""
    def falling(coverage: Coverage) -> torch.Tensor:
        task = DetectionTask(detector, [photo("person", coverage=coverage)], CLASSES, ())
        stage4 = torch.randn(1, 1024, 4, 4, generator=torch.Generator().manual_seed(1))
        maps = FeatureMaps(stage4, torch.zeros(1, 2048, 2, 2))
        objectness, deltas = (t.detach().requires_grad_() for t in detector.proposals(maps.stage4))
        monkeypatch.setattr(detector.proposals, "forward", lambda stage4: (objectness, deltas))
        monkeypatch.setattr("engine.tasks.detection.SAMPLED_ANCHORS", 10_000)
        loss = task.losses_on(maps, [task.targets(task.photos[0], 64, 64)], torch.Generator().manual_seed(0))
        gradient, = torch.autograd.grad(loss["objectness"], objectness)
        return gradient[0] > 0

    everything, labelled, unsure = (falling(c) for c in (
        Coverage(), Coverage(frozenset({"person"})), Coverage(frozenset({"person"}), complete=False)))
    assert not unsure.any() and labelled.any()
    assert (labelled & ~everything).sum() == 0 and everything.sum() > labelled.sum()  # parts of the box are left out


def test_each_picture_of_a_step_counts_alike_whatever_its_shape(detector, tmp_path, monkeypatch) -> None:
    photos = []
    for number, (width, height) in enumerate([(128, 64), (64, 128), (128, 64)]):
        Image.effect_noise((width, height), 60).convert("RGB").save(tmp_path / f"{number}.png")
        photos.append(replace(photo("person"), path=tmp_path / f"{number}.png", width=width, height=height))
    task = DetectionTask(detector, photos, CLASSES, (), sides=(96,))
    monkeypatch.setattr(task, "losses_on", lambda maps, targets, generator: {
        "width": torch.tensor(float(maps.stage4.shape[-1])), "together": torch.tensor(float(len(targets)))})
    losses = task.losses([0, 1, 2], torch.Generator().manual_seed(0))
    assert float(losses["width"]) == pytest.approx((8 + 4 + 8) / 3)
    assert float(losses["together"]) == pytest.approx((2 + 1 + 2) / 3)
