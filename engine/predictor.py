"""See a photo once, ask about it many times.

`see` is the heavy half: the detector finds regions and computes their features. `ask` is the light half: the encoder
runs on what is left visible, and the heads on what is asked. Hiding a region's pixels needs the heavy half again: that
is the faithful answer, asked for by name ("pixels").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.data.features import with_whole_picture
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import WordPieces
from engine.detector.detector import RegionDetector
from engine.detector.fast_rcnn import hide_pixels
from engine.errors import MaskError
from engine.model.vlbert import Encoded, VLBert
from engine.novelty import Novelty
from engine.precision import autocast
from engine.structures.boxes import Boxes
from engine.structures.caption import Caption, Word
from engine.structures.example import Example, Regions, collate
from engine.structures.photo import Photo
from engine.structures.prediction import Candidate, Clues, PieceAnswer, Prediction, RegionAnswer, WordAnswer
from engine.structures.seen import Inquiry, Seen
from engine.wording import numbered

WHOLE_PICTURE = "whole picture"
KEPT_HIDINGS = 2  # sets of hidden pixels whose features a Seen remembers


@dataclass(frozen=True)
class Answers:
    """Probabilities of one view of a question: words [P, V] of the asked pieces, regions [K, C]."""

    words: Tensor
    regions: Tensor


@dataclass(frozen=True, eq=False)
class _Prepared:
    """An inquiry, its caption read and checked. places: of all hidden pieces. views: the inquiry by what is left."""

    inquiry: Inquiry
    caption: Caption
    hidden_words: list[int]
    hidden_regions: list[int]
    places: list[int]
    views: dict[str, Example]


class Predictor:
    """The loaded model.

    detector: in inference mode; class_temperature calibrates its classes (`engine.weights.calibration`).
    classes: what the model tells apart; labels: what the detector does, if not the same.
    novelty: the measure that was fitted to the training photographs, or None. folder: where its weights came from, or
    None; adapters belong to them.

    `ask` and `ask_many` with "feature" only read, so they may run beside one other call; `see` and "pixels" are for one
    thread at a time: callers take turns.
    """

    def __init__(self, config: ModelConfig, detector: RegionDetector, model: VLBert, pieces: WordPieces,
                 classes: RegionClasses, labels: RegionClasses | None = None) -> None:
        self.config = config
        self.detector = detector
        self.model = model.eval()
        self.pieces = pieces
        self.classes = classes
        self.labels = labels or classes
        self.class_temperature = 1.0
        self.novelty: Novelty | None = None
        self.folder: Path | None = None

    @classmethod
    def load(cls, folder: str | Path, detector: str = "", device: str = "auto", *,
             calibrated: bool = True) -> Predictor:
        """From a folder of weights as the project ships it.

        detector: "" is the one in the folder; else see `engine.weights.detectors`, as for its device. calibrated:
        whether probabilities have the temperatures of the folder, not 1. Raises WeightsError and ConfigError.
        """
        from engine.weights.calibration import read_temperatures
        from engine.weights.detectors import load_detector  # the importers are not needed to use a built predictor
        from engine.weights.novelty import load_novelty
        from engine.weights.shipped import load_all, load_model

        if detector:
            config, model, pieces, classes = load_model(Path(folder))
            chosen, labels = load_detector(detector, device)
            loaded = cls(config, chosen, model, pieces, classes, labels)
        else:
            loaded = cls(*load_all(Path(folder)))
        loaded.novelty = load_novelty(Path(folder))
        loaded.folder = Path(folder)
        if calibrated:
            found, heads = read_temperatures(loaded.folder), loaded.model.heads
            heads.mlm.temperature, heads.mvrc.temperature = found.words, found.regions
            loaded.class_temperature = 1.0 if detector else found.classes
        return loaded

    def words(self, caption: str) -> tuple[Word, ...]:
        """The caption's words in reading order. Raises CaptionError."""
        return self.pieces.masked_caption(caption).words

    @torch.inference_mode()
    def see(self, photo: Photo, boxes: Sequence[Sequence[float]] | None = None) -> Seen:
        """Find regions, or take `boxes` (x1, y1, x2, y2 as fractions; [] is none). Raises BoxError."""
        picture = self.detector.transform.picture(photo)
        height, width = picture.shape[1:]
        with autocast():
            maps = self.detector.fast_rcnn.maps(picture[None])
            if boxes is None:
                found = self.detector.regions(maps, height, width)
                own, scores = Boxes(found.boxes, width, height), found.scores.tolist()
            else:
                own, scores = Boxes.from_user(boxes, photo.width, photo.height).resized(width, height), None
            whole = Boxes.whole(width, height)
            features, whole_feature = self.detector.fast_rcnn.features(
                maps, [own.joined(whole).xyxy]).split([len(own), 1])
            nouns = self.class_logits(features).softmax(dim=1)
        sure, classes = nouns[:, 1:].max(dim=1)
        labels = [self.labels.names[i + 1] for i in classes.tolist()]
        if scores is None:
            scores = (1 - nouns[:, 0]).tolist()
        regions = with_whole_picture(features, own.fractions, whole_feature)
        in_photo = Boxes.whole(photo.width, photo.height).joined(own.resized(photo.width, photo.height))
        return Seen(photo, in_photo, (WHOLE_PICTURE, *labels), (1.0, *scores), regions, picture,
                    (1.0, *sure.tolist()), self.novelty.of(photo) if self.novelty else None)

    def class_logits(self, features: Tensor) -> Tensor:
        """Calibrated logits of the detector's classes, background first: features [K, 2048] -> [K, C] float32."""
        return self.detector.heads.classify(features).float() / self.class_temperature

    def ask(self, seen: Seen, caption: str, hidden_words: Sequence[int], hidden_regions: Sequence[int],
            masking: str = "feature", best: int = 5) -> Prediction:
        """What is believed of everything hidden; the fields are an `Inquiry`'s. Raises CaptionError and MaskError."""
        return self.ask_many([Inquiry(seen, caption, tuple(hidden_words), tuple(hidden_regions), masking)], best)[0]

    @torch.inference_mode()
    def ask_many(self, inquiries: Sequence[Inquiry], best: int = 5) -> list[Prediction]:
        """Several inquiries, about any photos, through the encoder together. Raises CaptionError and MaskError, of
        whichever is at fault first; then none is answered."""
        prepared = [self._prepare(inquiry) for inquiry in inquiries]
        predictions = []
        for one, answers in zip(prepared, self._answers(prepared), strict=True):
            predictions.append(Prediction(
                self._word_answers(one.caption, one.hidden_words, answers, best),
                self._region_answers(one.inquiry.seen, one.hidden_regions, answers, best), one.inquiry.masking))
        return predictions

    def _prepare(self, inquiry: Inquiry) -> _Prepared:
        """Raises CaptionError and MaskError."""
        words = self.pieces.masked_caption(inquiry.caption)
        hidden_words = self.hidden_words(words, inquiry.hidden_words)
        hidden_regions = self.hidden_regions(inquiry.seen, inquiry.hidden_regions, inquiry.masking)
        places = words.places(hidden_words)
        regions = (self.hidden_pixels(inquiry.seen, tuple(hidden_regions)) if inquiry.masking == "pixels"
                   else inquiry.seen.regions)
        views = self._views(words, regions, hidden_words, hidden_regions)
        return _Prepared(inquiry, words, hidden_words, hidden_regions, places, views)

    def hidden_pixels(self, seen: Seen, hidden: tuple[int, ...]) -> Regions:
        """The regions' features when the pixels of the hidden ones are blackened before the detector."""
        if not hidden:
            return seen.regions
        if hidden not in seen.hidden:
            picture = seen.picture
            own = seen.boxes.resized(picture.shape[2], picture.shape[1]).xyxy
            with autocast():
                maps = self.detector.fast_rcnn.maps(hide_pixels(picture[None], [own[list(hidden)]]))
                features = self.detector.fast_rcnn.features(maps, [own[1:]])
            if len(seen.hidden) >= KEPT_HIDINGS:
                seen.hidden.pop(next(iter(seen.hidden)))
            seen.hidden[hidden] = with_whole_picture(features, seen.regions.boxes[1:])
        return seen.hidden[hidden]

    @staticmethod
    def hidden_words(caption: Caption, chosen: Sequence[int]) -> list[int]:
        """The chosen words and those that are not known, sorted. Raises MaskError for a word that is not there."""
        caption.places(chosen)
        return sorted({*chosen, *(i for i, w in enumerate(caption.words) if not w.known)})

    @staticmethod
    def hidden_regions(seen: Seen, chosen: Sequence[int], masking: str) -> list[int]:
        """The chosen regions, sorted. Raises MaskError for what cannot be hidden, or not in this way."""
        if masking not in ("feature", "pixels"):
            raise MaskError(f"Regions are hidden by 'feature' or by 'pixels', not by {masking!r}.")
        for region in chosen:
            if region == 0:
                raise MaskError("Region 0 is the whole picture and cannot be hidden. Hide another region.")
            if not 0 < region < len(seen.boxes):
                raise MaskError(f"There is no region {region}; the photo has "
                                f"{numbered('region', len(seen.boxes) - 1)}.")
        return sorted(set(chosen))

    def _views(self, caption: Caption, regions: Regions, hidden_words: Sequence[int],
               hidden_regions: Sequence[int]) -> dict[str, Example]:
        """The same question with all clues and with each kind of clue taken away."""
        mask = self.pieces.mask
        asked = caption.with_hidden(hidden_words, mask)
        views = {"everything": Example(asked, regions, hidden_regions)}
        if hidden_words:
            views["words without picture"] = Example(asked, Regions.none(regions.appearance.shape[1]))
            views["words without words"] = Example(
                caption.with_hidden(range(len(caption.words)), mask), regions, hidden_regions)
        if hidden_regions:
            views["regions without picture"] = Example(asked, regions, range(1, len(regions)))
            views["regions without words"] = Example(self.pieces.without_words().piece_ids, regions, hidden_regions)
        return views

    def _answers(self, prepared: Sequence[_Prepared]) -> list[dict[str, Answers]]:
        """Run the encoder on all views at once and the heads once, on the asked elements only. By inquiry and view."""
        rows = [(one, view) for one in prepared for view in one.views.values()]
        encoded = self.encode([view for _, view in rows])
        text, own = [], []
        for row, (one, view) in enumerate(rows):
            inside = bool(one.places) and max(one.places) < len(view.piece_ids)
            text.append(encoded.text[row, one.places] if inside else encoded.text[row, :0])
            own.append(encoded.regions[row, one.hidden_regions] if len(view.regions) else encoded.regions[row, :0])
        words = self.model.heads.mlm.calibrated(torch.cat(text)).softmax(dim=-1).split([len(t) for t in text])
        classes = self.model.heads.mvrc.calibrated(torch.cat(own)).softmax(dim=-1).split([len(o) for o in own])
        answers = iter([Answers(w, c) for w, c in zip(words, classes, strict=True)])
        return [{view: next(answers) for view in one.views} for one in prepared]

    @torch.inference_mode()
    def encode(self, examples: Sequence[Example]) -> Encoded:
        """The states of these examples, in float32; computed in bfloat16, as in training, where that is faster."""
        with autocast():
            encoded = self.model(collate(examples))
        return Encoded(encoded.text.float(), encoded.regions.float(), encoded.pooled.float())

    def _word_answers(self, caption: Caption, hidden: Sequence[int], answers: dict[str, Answers],
                      best: int) -> tuple[WordAnswer, ...]:
        found, row, names = [], 0, self.pieces.pieces
        for index in hidden:
            word = caption.words[index]
            rows = range(row, row + word.stop - word.first)
            row = rows.stop
            truth = caption.piece_ids_of(index)
            known = word.known and word.readable
            every = answers["everything"].words
            pieces = tuple(
                PieceAnswer(word.first + i, names[truth[i]], self._best(every[r], names, best))
                for i, r in enumerate(rows))
            clues = Clues(*(self._product(answers[view].words, rows, truth) if known else 0.0 for view in
                            ("everything", "words without picture", "words without words")))
            rank = max(_rank(every[r], t) for r, t in zip(rows, truth, strict=True)) if known else 0
            found.append(WordAnswer(index, word.text if known else "", pieces[-1].best, clues.everything, rank,
                                    clues, pieces, word.text, word.readable))
        return tuple(found)

    def _region_answers(self, seen: Seen, hidden: Sequence[int], answers: dict[str, Answers],
                        best: int) -> tuple[RegionAnswer, ...]:
        found = []
        for row, index in enumerate(hidden):
            truth = self.class_of(seen.labels[index])
            known = truth is not None
            clues = Clues(*(float(answers[view].regions[row, truth]) if known else 0.0 for view in
                            ("everything", "regions without picture", "regions without words")))
            every = answers["everything"].regions[row]
            found.append(RegionAnswer(
                index, "" if truth is None else self.classes.names[truth],
                self._best(every, self.classes.names, best), clues.everything,
                0 if truth is None else _rank(every, truth), clues))
        return tuple(found)

    def class_of(self, label: str) -> int | None:
        """The model's class of a detector's label ("traffic light" is a "light"), or None where it has none."""
        names = self.classes.names
        # Visual Genome has objects that are called "background"; class 0 is no object.
        return names.index(label, 1) if label in names[1:] else self.classes.index(label)

    @staticmethod
    def _best(probabilities: Tensor, names: Sequence[str], count: int) -> tuple[Candidate, ...]:
        top = probabilities.topk(min(count, len(probabilities)))
        return tuple(Candidate(names[i], p) for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True))

    @staticmethod
    def _product(probabilities: Tensor, rows: Sequence[int], truth: Sequence[int]) -> float:
        """Probability of a whole word: the product over its pieces."""
        return float(torch.stack([probabilities[r, t] for r, t in zip(rows, truth, strict=True)]).prod())


def _rank(probabilities: Tensor, truth: int) -> int:
    """1 for the most probable."""
    return int((probabilities > probabilities[truth]).sum()) + 1

