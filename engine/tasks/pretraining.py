"""Pre-training: masked language modeling with visual clues, masked RoI classification with linguistic clues.

Paper, section 3.3; specification, tasks 1 and 2. Text-only sequences are mixed in. What `mini` adds is switched on in
`PretrainingConfig`: every region classified, grounded nouns hidden more often, phrases aligned with their regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import PretrainingConfig
from engine.data.features import FeatureCache
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.grounded_captions import GroundedCaption, grounded_captions
from engine.data.hard_captions import HardCaptions
from engine.data.masking import HiddenRegions, RegionMasking, WordMasking
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.model.losses import (
    cross_entropy,
    cross_entropy_of_each,
    mean_of_means,
    mean_or_zero,
    soft_cross_entropy,
)
from engine.model.vlbert import Encoded, VLBert
from engine.precision import autocast
from engine.structures.batch import Asked
from engine.structures.boxes import Boxes
from engine.structures.caption import Caption
from engine.structures.example import Example, Regions, collate
from engine.tasks.chunks import chunked
from engine.tasks.matching import Matching

Phrase = tuple[int, Tensor, Tensor]
MOST_REGIONS = 24  # annotated regions of one example; the rest is left out
UNRELATED = 0.5  # share of captions with another photo's regions, where the relationship is learned
SAME_PLACE = 0.5  # IoU from which a detection shows the same thing as an annotated box


@dataclass(frozen=True)
class Question:
    """A prepared example and what is asked of it.

    places, truth: of hidden pieces; asked: the regions of MVRC; region_targets: region -> soft label [C]; phrases:
    (place of the phrase's last piece, target [R] summing to 1, candidates [R] bool); belongs: whether the caption is
    one of the photo's own.
    """

    example: Example
    places: list[int]
    truth: list[int]
    asked: list[int]
    region_targets: dict[int, Tensor]
    phrases: list[Phrase]
    belongs: bool = True


class PretrainingTask:
    """Trains a VL-BERT on cached region features (see `engine.training.trainer.Trainable`).

    texts: the text-only corpus, or nothing. views: more looks at the same photos (`engine.data.views`); each example
    draws one of all. classify: the detector's own classifier, [K, 2048] -> logits [K, C],
    which labels detected regions; None where none are added. times: how often each photo counts in an epoch; once
    where it is None.
    """

    def __init__(self, model: VLBert, config: PretrainingConfig, pieces: WordPieces, photos: Sequence[AnnotatedPhoto],
                 cache: FeatureCache, classes: RegionClasses, classify: nn.Linear | None, texts: Sequence[Caption],
                 new_scale: float = 3.0, views: Sequence[FeatureCache] = (),
                 times: Sequence[int] | None = None) -> None:
        self.model: nn.Module = model
        self.vlbert = model
        self.config = config
        self.photos, self.cache, self.classes = photos, cache, classes
        self.looks = (cache, *views)
        captions = grounded_captions(photos, pieces)
        self.captions = [c for c in captions for _ in range(times[c.photo])] if times else captions
        self.matching = Matching(model, pieces, self.looks, HardCaptions(photos, captions, classes),
                                 config.matching_share) if config.matching else None
        self.texts = texts if config.text_only else ()
        self.new_scale = new_scale
        self.hide_words = WordMasking(config.word_probability, config.grounded_noun_probability, pieces.mask,
                                      len(pieces.pieces), config.described_word_probability)
        self.hide_text = WordMasking(config.word_probability, 0.0, pieces.mask, len(pieces.pieces))
        self.hide_regions = RegionMasking(config.region_probability if config.mvrc else 0.0, config.region_masked)
        self.labels = [self._labels(p) for p in photos]
        self.width = cache.width
        self.detected_labels = self._detected_labels(classify) if classify and config.extra_regions else None

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def device(self) -> torch.device:
        """Where the model is; examples are drawn on the CPU and moved there."""
        return self.vlbert.device

    def groups(self) -> list[dict]:
        """What BERT brought learns slower than what is new."""
        new: list[nn.Parameter] = []
        old: list[nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            known = name.startswith(("encoder.", "embeddings.words", "embeddings.positions", "embeddings.norm"))
            (old if known else new).append(parameter)
        return [{"params": old, "scale": 1.0}, {"params": new, "scale": self.new_scale}]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        captions = [self.captions[i] for i in examples]
        losses = self.losses_of([self.question(c, generator) for c in captions])
        if self.matching:
            losses["matching"] = self.config.matching * self.matching.loss(captions, generator)
        return losses | self.text_loss(len(examples), generator)

    def losses_of(self, questions: Sequence[Question]) -> dict[str, Tensor]:
        """The weighted losses of captions with their regions."""
        words: list[Tensor] = []
        regions: list[Tensor] = []
        aligned: list[Tensor] = []
        truth: list[int] = []
        targets: list[Tensor] = []
        asked: list[bool] = []
        word_owners: list[int] = []
        region_owners: list[int] = []
        related: list[Tensor] = []
        belongs: list[bool] = []
        for numbers in chunked([q.example for q in questions]):
            chunk = [questions[k] for k in numbers]
            batch = collate([q.example for q in chunk]).to(self.device)
            read = [[*q.places, *(place for place, _, _ in q.phrases)] for q in chunk]
            encoded = self.vlbert(batch, Asked.of(batch, read, regions=True))
            words.append(encoded.text[_rows([q.places for q in chunk])])
            regions.append(encoded.regions[_rows([list(q.region_targets) for q in chunk])])
            aligned.append(self._alignment(encoded, [q.phrases for q in chunk]))
            related.append(encoded.pooled)
            belongs.extend(q.belongs for q in chunk)
            for number, q in zip(numbers, chunk, strict=True):
                truth.extend(q.truth)
                word_owners.extend(number for _ in q.truth)
                targets.extend(q.region_targets.values())
                region_owners.extend(number for _ in q.region_targets)
                asked.extend(r in q.asked for r in q.region_targets)
        pieces = torch.tensor(truth, dtype=torch.long, device=self.device)
        losses = {"words": self._mean(cross_entropy_of_each(self.vlbert.heads.mlm(torch.cat(words)), pieces),
                                      torch.tensor(word_owners, device=self.device))}
        if targets:
            each = soft_cross_entropy(self.vlbert.heads.mvrc(torch.cat(regions)), torch.stack(targets).to(self.device))
            chosen = torch.tensor(asked, device=self.device)
            owners = torch.tensor(region_owners, device=self.device)
            losses["regions"] = self._mean(each[chosen], owners[chosen])
            if self.config.classify_all_regions:
                losses["seen_regions"] = self.config.classify_all_regions * self._mean(each[~chosen], owners[~chosen])
        if self.config.relationship:
            losses["relationship"] = cross_entropy(self.vlbert.heads.relationship(torch.cat(related)),
                                                   torch.tensor(belongs, dtype=torch.long, device=self.device))
        if self.config.alignment:
            losses["alignment"] = self.config.alignment * mean_or_zero(torch.cat(aligned))
        return losses

    def _mean(self, each: Tensor, owners: Tensor) -> Tensor:
        """Of [K] losses that belong to these examples, [K]."""
        return mean_of_means(each, owners) if self.config.examples_first else mean_or_zero(each)

    def _alignment(self, encoded: Encoded, phrases: Sequence[list[Phrase]]) -> Tensor:
        """The loss of each of P phrases in a chunk, [P]."""
        flat = [(row, *phrase) for row, own in enumerate(phrases) for phrase in own]
        if not flat or self.vlbert.heads.alignment is None:
            return encoded.text.new_zeros(0)
        rows, places, targets, candidates = zip(*flat, strict=True)
        most = encoded.regions.shape[1]
        target = torch.stack([F.pad(t, (0, most - len(t))) for t in targets]).to(self.device)
        candidate = torch.stack([F.pad(c, (0, most - len(c))) for c in candidates]).to(self.device)
        logits = self.vlbert.heads.alignment(encoded.text[list(rows), list(places)], encoded.regions[list(rows)])
        return -(target * logits.masked_fill(~candidate, -1e4).log_softmax(dim=1)).sum(dim=1)

    def text_loss(self, captions: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The words of texts without a picture, where there are any: `text_share` beside each caption, at least one."""
        if not self.texts:
            return {}
        count = max(1, round(self.config.text_share * captions))
        numbers = torch.randint(len(self.texts), (count,), generator=generator).tolist()
        hidden = [self.hide_text(self.texts[i], (), generator) for i in numbers]
        nothing = Regions.none(self.width)
        asked = [Question(Example(h.piece_ids, nothing), h.places, h.truth, [], {}, []) for h in hidden]
        return {"text": self.losses_of(asked)["words"]}

    def question(self, grounded: GroundedCaption, generator: torch.Generator) -> Question:
        """Draw detections to add and regions to hide, then ask; where the relationship is learned, half of the time
        of another photo: words and regions are hidden there as well (as published), or that would tell the two apart.
        """
        if self.config.relationship and torch.rand((), generator=generator) < UNRELATED:
            other = int(torch.randint(len(self.photos), (), generator=generator))
            grounded = grounded if other == grounded.photo else grounded.told_of(other)
        detections = self.drawn_detections(grounded.photo, generator)
        look = int(torch.randint(len(self.looks), (), generator=generator)) if len(self.looks) > 1 else 0
        regions = self.looks[look].regions(grounded.photo, detections)
        annotated = self.cache.annotated(grounded.photo)
        if annotated > MOST_REGIONS:
            regions = regions[[*range(MOST_REGIONS + 1), *range(annotated + 1, len(regions))]]
            annotated = MOST_REGIONS
        return self.ask(grounded, regions, detections, self.hide_regions(annotated + 1, generator), generator)

    def ask(self, grounded: GroundedCaption, regions: Regions, detections: Sequence[int], hidden: HiddenRegions,
            generator: torch.Generator) -> Question:
        """Draw the words to hide and look up what all answers are.

        Regions: 0, the annotated ones, then these detections of the photo (their numbers in the cache).
        """
        annotated = len(regions) - 1 - len(detections)
        places = Boxes(regions.boxes, 1.0, 1.0)
        overlap = places.iou(places)  # [R, R]
        told = {w for w, boxes in grounded.phrases if self.config.apart and {b + 1 for b in boxes} & {*hidden.hidden}}
        words = self.hide_words(grounded.caption, {w for w, _ in grounded.phrases}, generator, told)
        # A visible detection of a hidden thing would give it away.
        also = [r for r in range(annotated + 1, len(regions)) if (overlap[r, hidden.hidden] > SAME_PLACE).any()]
        every = self.config.mvrc and self.config.classify_all_regions > 0
        targets = {r: label for r, label in enumerate(self.labels[grounded.photo][:annotated], 1)
                   if label is not None and (r in hidden.asked or every)}
        if every and self.detected_labels is not None:
            labels = self.detected_labels[self.cache.rows(grounded.photo, detections)].float()
            targets |= {r: label for r, label in enumerate(labels, annotated + 1) if r not in also}
        return Question(Example(words.piece_ids, regions, [*hidden.hidden, *also]), words.places, words.truth,
                        hidden.asked, targets,
                        self._phrases(grounded, annotated, overlap) if self.config.alignment else [], grounded.belongs)

    def drawn_detections(self, photo: int, generator: torch.Generator) -> list[int]:
        """Half of the examples get some of the photo's own detections beside the annotated boxes; a photo without an
        annotated box always gets some."""
        if not self.config.extra_regions:
            return []
        least = 0.0 if self.cache.annotated(photo) else 0.5
        share = max(least, 2 * float(torch.rand((), generator=generator)) - 1)
        count = min(round(share * self.config.extra_regions), self.cache.detected(photo))
        return torch.randperm(self.cache.detected(photo), generator=generator)[:count].tolist()

    @staticmethod
    def _phrases(grounded: GroundedCaption, annotated: int, overlap: Tensor) -> list[Phrase]:
        found = []
        for word, boxes in grounded.phrases:
            own = [b + 1 for b in boxes if b < annotated]
            if not own:
                continue
            target = torch.zeros(len(overlap))
            target[own] = 1 / len(own)
            candidates = torch.ones(len(overlap), dtype=torch.bool)
            candidates[0] = False
            # A detection of the same thing is neither right nor wrong.
            candidates[annotated + 1:] = (overlap[annotated + 1:, own] < SAME_PLACE).all(dim=1)
            found.append((grounded.caption.words[word].stop - 1, target, candidates))
        return found

    @torch.no_grad()
    def _detected_labels(self, classify: nn.Linear) -> Tensor:
        """[rows of the cache, C] float16: the detector's own class distribution of every region (the paper's label)."""
        with autocast():
            parts = [classify(features.float()).float().softmax(dim=1).to(torch.float16)
                     for features in self.cache.all_features(4096)]
        return torch.cat(parts)

    def _labels(self, photo: AnnotatedPhoto) -> list[Tensor | None]:
        """Per annotated box the soft label [C] of the nouns by which people name it, or None."""
        labels: list[Tensor | None] = []
        for box in range(len(photo.boxes)):
            counts = self.classes.counts(photo, box)
            label = torch.zeros(len(self.classes.names))
            for number, times in counts.items():
                label[number] = times / sum(counts.values())
            labels.append(label if counts else None)
        return labels


def _rows(places: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Row and column indices of these places, row after row."""
    rows = [row for row, own in enumerate(places) for _ in own]
    return torch.tensor(rows, dtype=torch.long), torch.tensor([p for own in places for p in own], dtype=torch.long)
