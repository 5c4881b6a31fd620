"""Image-text matching with hard negatives: does a caption belong to the photo?

Each caption is passed three times: with its own photo, with the photo of the step whose captions share the most words
with it, and with its own photo after a change of one thing (`engine.data.hard_captions`). The regions are the
detector's own, as for a photo that nobody annotated. Hard negatives out of the same batch follow ALBEF (Li et al. 2021,
arXiv 2107.07651, section 3.2); VL-BERT's own sentence-image relationship draws the other photo at random.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.data.features import FeatureCache
from engine.data.grounded_captions import GroundedCaption
from engine.data.hard_captions import HardCaptions
from engine.data.tokenizer import WordPieces
from engine.data.word_kinds import kind_of
from engine.model.losses import cross_entropy_of_each
from engine.model.vlbert import VLBert
from engine.structures.batch import Asked
from engine.structures.example import Example, Regions, collate
from engine.tasks.chunks import chunked

FEWEST_REGIONS, MOST_REGIONS = 8, 24  # of the detector's best
SHORTEST = 4  # letters of a word that counts when captions are compared
SAME = 0.9  # captions that share so many of their words may both be right


class Matching:
    """The matching loss of some of a step's captions.

    looks: features of the same photos, one of which is drawn for each example. share: of a step's captions, at least
    one.
    """

    def __init__(self, vlbert: VLBert, pieces: WordPieces, looks: Sequence[FeatureCache], hard: HardCaptions,
                 share: float) -> None:
        self.vlbert, self.pieces, self.looks, self.hard, self.share = vlbert, pieces, looks, hard, share

    def loss(self, captions: Sequence[GroundedCaption], generator: torch.Generator) -> Tensor:
        """The mean over captions with their own photo and over all others, half and half; 0 where no photo has a
        region."""
        positive, negative = self.examples(captions, generator)
        examples = [*positive, *negative]
        if not positive or not negative:
            return 0.0 * self.vlbert.heads.relationship.weight.sum()
        logits: list[Tensor] = []
        order: list[int] = []
        for numbers in chunked(examples):
            batch = collate([examples[k] for k in numbers]).to(self.vlbert.device)
            nothing: list[list[int]] = [[] for _ in numbers]
            encoded = self.vlbert(batch, Asked.of(batch, nothing, regions=False))
            logits.append(self.vlbert.heads.relationship(encoded.pooled))
            order.extend(numbers)
        own = torch.tensor([k < len(positive) for k in order], device=self.vlbert.device)
        each = cross_entropy_of_each(torch.cat(logits), own.long())
        return (each[own].mean() + each[~own].mean()) / 2

    def examples(self, captions: Sequence[GroundedCaption],
                 generator: torch.Generator) -> tuple[list[Example], list[Example]]:
        """Captions with their own photo, and the hard negatives."""
        usable = [c for c in captions if self.looks[0].detected(c.photo)]
        content = [_content(c) for c in usable]
        positive: list[Example] = []
        negative: list[Example] = []
        for number, grounded in enumerate(usable[:max(1, round(self.share * len(captions)))]):
            regions = self._regions(grounded.photo, generator)
            positive.append(Example(grounded.caption.piece_ids, regions))
            other = self._most_alike(number, usable, content)
            if other is not None:
                negative.append(Example(grounded.caption.piece_ids, self._regions(usable[other].photo, generator)))
            changed = self.hard.changed(grounded, generator)
            if changed is not None:
                negative.append(Example(self.pieces.captions([changed])[0].piece_ids, regions))
        return positive, negative

    @staticmethod
    def _most_alike(own: int, captions: Sequence[GroundedCaption], content: Sequence[frozenset[str]]) -> int | None:
        """The caption of another photo that shares the most words with caption `own`, but not nearly all."""
        best, most = None, -1.0
        for number, words in enumerate(content):
            if captions[number].photo == captions[own].photo:
                continue
            shared = len(words & content[own]) / max(len(words | content[own]), 1)
            if most < shared < SAME:
                best, most = number, shared
        return best

    def _regions(self, photo: int, generator: torch.Generator) -> Regions:
        """The detector's best regions of a photo, between 8 and 24 of them."""
        look = self.looks[int(torch.randint(len(self.looks), (), generator=generator))]
        count = int(torch.randint(FEWEST_REGIONS, MOST_REGIONS + 1, (), generator=generator))
        return look.detections(photo, range(min(count, look.detected(photo))))


def _content(grounded: GroundedCaption) -> frozenset[str]:
    words = [word.text.lower() for word in grounded.caption.words]
    return frozenset(w for w in words if len(w) >= SHORTEST or kind_of(w))
