"""Image-text matching: which pairs are made, and that a model learns to tell them apart."""

import dataclasses

import torch

from engine.training.trainer import TrainingConfig, train
from tests.tasks.test_pretraining_task import PIECES, SWITCHES, task, world  # noqa: F401

MATCHING = dataclasses.replace(SWITCHES, matching=1.0, matching_share=0.5)


def test_each_caption_is_read_with_its_photo_another_one_and_changed(world) -> None:  # noqa: F811
    own = task(world, switches=MATCHING)
    positive, negative = own.matching.examples(own.captions, torch.Generator().manual_seed(0))
    assert [e.piece_ids for e in positive] == [c.caption.piece_ids for c in own.captions[:3]]
    assert len(negative) == 6
    for number, example in enumerate(positive):
        other, changed = negative[2 * number:2 * number + 2]
        cache, photo = own.cache, own.captions[number].photo
        boxes = torch.from_numpy(cache.detected_boxes(photo, range(cache.detected(photo))).numpy())
        assert torch.equal(example.regions.boxes[1:], boxes[:len(example.regions) - 1])  # the detector's own alone
        assert other.piece_ids == example.piece_ids and not any(
            torch.equal(other.regions.boxes[1:2], c.boxes[1:2]) for c in (example.regions,))
        assert changed.regions is example.regions and changed.piece_ids != example.piece_ids
        assert not {*changed.piece_ids} - {p for c in own.captions for p in c.caption.piece_ids}


def test_the_other_photo_is_the_one_whose_caption_shares_the_most_words(world) -> None:  # noqa: F811
    own = task(world, switches=MATCHING)
    content = [frozenset(text.split()) for text in ("dog park ball", "dog park ball", "dog park cat", "car")]
    captions = [dataclasses.replace(own.captions[0], photo=i) for i in range(4)]
    assert own.matching._most_alike(0, captions, content) == 2  # the second says the same: it may be right too
    assert own.matching._most_alike(0, [captions[0], captions[0]], content[:2]) is None


def test_matching_is_learned(world) -> None:  # noqa: F811
    own = task(world, switches=MATCHING)
    reports = list(train(own, TrainingConfig(epochs=150, batch_size=6, rate=3e-3, precision="no")))
    early, late = (sum(r.losses["matching"] for r in some) for some in (reports[:10], reports[-10:]))
    assert late < 0.8 * early
    assert len(PIECES.pieces)
