"""What pre-training taught: words and regions hidden one at a time, with each clue and without it.

On a folder shaped like `engine.data.flickr8k` reads: caption 0 of each photo, and as its regions the annotated boxes
that a caption names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.grounded_captions import GroundedCaption, grounded_captions
from engine.errors import ConfigError
from engine.measure.hidden_words import hidden_words
from engine.measure.proposals import recall
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions
from engine.structures.photo import Photo

BATCH = 64


@dataclass
class Tally:
    """Running counts of one condition."""

    first: list[bool] = field(default_factory=list)
    five: list[bool] = field(default_factory=list)
    nouns: list[bool] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def words(self) -> dict[str, float]:
        return {"top1": _mean(self.first), "top5": _mean(self.five),
                "perplexity": math.exp(_mean(self.losses)) if self.losses else float("nan"),
                "noun_top1": _mean(self.nouns), "n": len(self.first), "n_noun": len(self.nouns)}

    def regions(self) -> dict[str, float]:
        return {"top1": _mean(self.first), "top5": _mean(self.five), "n": len(self.first)}


@torch.inference_mode()
def measure(predictor: Predictor, photos: Sequence[AnnotatedPhoto], masking: str = "feature") -> dict[str, Any]:
    """All figures of the three parts. masking: how regions are hidden, "feature" or "pixels". Photos without a caption
    count for the proposals only. Raises ConfigError.
    """
    if masking not in ("feature", "pixels"):
        raise ConfigError(f"masking is {masking!r}; choose feature or pixels.")
    captioned = [photo.named() for photo in photos if photo.captions]
    captions = grounded_captions(captioned, predictor.pieces, captions=1)  # one of each
    words = {name: Tally() for name in ("image", "no_image", "other_image")}
    regions = {name: Tally() for name in ("caption", "no_caption", "other_caption")}
    pictures: list[Regions] = []  # all of a photo that the next one needs
    for i, photo in enumerate(counted(captioned, "hidden regions")):
        seen = predictor.see(Photo.open(photo.path), photo.boxes)
        pictures.append(seen.regions)
        labels = {r + 1: label for r in range(len(photo.boxes))
                  if (label := predictor.classes.label(photo, r)) is not None}
        hidden = {r: predictor.hidden_pixels(seen, (r,)) if masking == "pixels" else seen.regions for r in labels}
        for name, caption in (("caption", captions[i].caption), ("no_caption", predictor.pieces.without_words()),
                              ("other_caption", captions[(i + 1) % len(captions)].caption)):
            _ask_regions(predictor, labels, hidden, caption, regions[name])
    nothing = Regions.none(predictor.config.appearance)
    for i, grounded in enumerate(counted(captions, "hidden words")):
        for name, clue in (("image", pictures[i]), ("no_image", nothing),
                           ("other_image", pictures[(i + 1) % len(pictures)])):
            _ask_words(predictor, grounded, clue, words[name])
    return {"words": {name: tally.words() for name, tally in words.items()},
            "regions": {name: tally.regions() for name, tally in regions.items()},
            "proposals": recall(predictor, photos).overall(), "n_images": len(photos)}


def _ask_words(predictor: Predictor, grounded: GroundedCaption, clue: Regions, tally: Tally) -> None:
    """Each word alone, all its pieces hidden."""
    nouns = {word for word, _ in grounded.phrases}
    for hidden in hidden_words(predictor, [(grounded.caption, clue)]):
        first, five = _hits(hidden.logits, hidden.truth)
        tally.first.append(first)
        tally.five.append(five)
        tally.losses.extend(hidden.losses.tolist())
        if hidden.word in nouns:
            tally.nouns.append(first)


def _ask_regions(predictor: Predictor, labels: dict[int, int], hidden: dict[int, Regions], clue: Caption,
                 tally: Tally) -> None:
    """Each annotated region that has a class alone. hidden: the photo's regions while this one is hidden."""
    examples = [Example(clue.piece_ids, hidden[region], [region]) for region in labels]
    for region, (_, states) in zip(labels, _states(predictor, examples), strict=True):
        logits = predictor.model.heads.mvrc.calibrated(states[region:region + 1]).float()
        first, five = _hits(logits, torch.tensor([labels[region]]))
        tally.first.append(first)
        tally.five.append(five)


def _states(predictor: Predictor, examples: Sequence[Example]) -> list[tuple[Tensor, Tensor]]:
    """Per example the states of its text [T, D] and of its regions [R, D]."""
    found: list[tuple[Tensor, Tensor]] = []
    for i in range(0, len(examples), BATCH):
        encoded = predictor.encode(examples[i:i + BATCH])
        found.extend(zip(encoded.text, encoded.regions, strict=True))
    return found


def _hits(logits: Tensor, truth: Tensor) -> tuple[bool, bool]:
    """Whether all K truths are the most probable, and whether all are among the five. logits [K, V]."""
    rank = (logits > logits[torch.arange(len(truth)), truth][:, None]).sum(dim=1)
    return bool((rank == 0).all()), bool((rank < 5).all())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
