"""Image-text matching: which pairs are made, and that a model learns to tell them apart."""

import copy
import dataclasses

import pytest
import torch

from engine.data.features import FeatureCache, compute, with_whole_picture
from engine.training.trainer import TrainingConfig, train
from tests.tasks.test_pretraining_task import SWITCHES, task, world  # noqa: F401

MATCHING = dataclasses.replace(SWITCHES, matching=1.0, matching_share=0.5)


@pytest.fixture(scope="module")
def detected(world, tmp_path_factory):  # noqa: F811
    """The same world, whose detector takes the anchors themselves for regions."""
    photos, classes, detector, _ = world
    still = copy.deepcopy(detector)
    for layer in (still.proposals.deltas, still.heads.refine):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    folder = tmp_path_factory.mktemp("detected")
    compute(still, photos, folder)
    return photos, classes, still, FeatureCache(folder, photos)


def test_each_caption_is_read_with_its_photo_another_one_and_changed(detected) -> None:
    own = task(detected, switches=MATCHING)
    positive, negative = own.matching.examples(own.captions, torch.Generator().manual_seed(0))
    assert [e.piece_ids for e in positive] == [c.caption.piece_ids for c in own.captions[:3]]
    assert len(negative) == 6
    for number, example in enumerate(positive):
        other, changed = negative[2 * number:2 * number + 2]
        cache, photo = own.cache, own.captions[number].photo
        boxes = cache.detected_boxes(photo, range(cache.detected(photo)))
        assert torch.equal(example.regions.boxes[1:], boxes[:len(example.regions) - 1])  # the detector's own alone
        assert other.piece_ids == example.piece_ids
        assert not torch.equal(other.regions.appearance[1], example.regions.appearance[1])
        assert changed.regions is example.regions and changed.piece_ids != example.piece_ids
        assert not {*changed.piece_ids} - {p for c in own.captions for p in c.caption.piece_ids}


def test_the_other_photo_is_the_one_whose_caption_shares_the_most_words(detected) -> None:
    own = task(detected, switches=MATCHING)
    content = [frozenset(text.split()) for text in ("dog park ball", "dog park ball", "dog park cat", "car")]
    captions = [dataclasses.replace(own.captions[0], photo=i) for i in range(4)]
    assert own.matching._most_alike(0, captions, content) == 2  # the second says the same: it may be right too
    assert own.matching._most_alike(0, [captions[0], captions[0]], content[:2]) is None


def test_matching_is_learned_from_regions_that_tell_the_photos_apart(detected, monkeypatch) -> None:
    own = task(detected, switches=dataclasses.replace(MATCHING, matching_share=1.0))
    looks = torch.randn(len(own.photos), 2, 2048, generator=torch.Generator().manual_seed(1))
    places = torch.tensor([[0.0, 0.2, 0.5, 0.7], [0.5, 0.3, 1.0, 0.8]])
    monkeypatch.setattr(own.matching, "_regions", lambda photo, _: with_whole_picture(looks[photo], places))
    own.losses = lambda examples, generator: {
        "matching": own.matching.loss([own.captions[i] for i in examples], generator)}
    reports = list(train(own, TrainingConfig(epochs=140, batch_size=6, rate=1e-3, precision="no")))
    early, late = (sum(r.losses["matching"] for r in some) for some in (reports[:10], reports[-10:]))
    assert late < 0.9 * early
