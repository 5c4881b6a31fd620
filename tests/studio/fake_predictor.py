"""A stand-in for the engine's Predictor that needs no weights: same interface, made-up beliefs, always the same."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from engine.errors import CaptionError, MaskError
from engine.explain.question import Asked, Player
from engine.explain.results import Attribution, Hidings
from engine.structures.boxes import Boxes
from engine.structures.photo import Photo
from engine.structures.prediction import Candidate, Clues, PieceAnswer, Prediction, RegionAnswer, WordAnswer
from studio.errors import NotReadyError

if TYPE_CHECKING:
    from engine.explain.question import Question
    from engine.predictor import Inquiry

LABELS = ("dog", "grass", "man", "ball", "tree", "sky", "hat", "woman", "field", "camera", "horse", "cat", "table",
          "cup")
MOST_PIECES = 120


@dataclass(frozen=True)
class FakeWord:
    text: str
    start: int
    end: int
    known: bool = True
    readable: bool = True


@dataclass(frozen=True)
class FakeSeen:
    photo: Photo
    boxes: Boxes
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    novelty: float | None = None


class FakeExplainer:
    """The stand-in's explanations: single hidings and maps that are made up. It proves nothing and has no heads."""

    def __init__(self, predictor: FakePredictor) -> None:
        self.predictor = predictor

    def ask(self, seen: FakeSeen, question: Question) -> Prediction:
        return self.predictor.ask(seen, question.caption, question.hidden_words, question.hidden_regions,
                                  question.masking)

    def hidings(self, seen: FakeSeen, question: Question, stop: object = None) -> Hidings:
        answers = self.ask(seen, question)
        asked = (*(Asked("word", w.index, w.truth or w.best[0].text) for w in answers.words),
                 *(Asked("region", r.index, r.truth) for r in answers.regions))
        base = tuple(a.probability for a in (*answers.words, *answers.regions))
        players = self._players(seen, question)
        return Hidings(asked, base, tuple(a.answer for a in asked), players,
                       tuple(tuple(b * _number(p, a) for a, b in zip(asked, base, strict=True)) for p in players),
                       tuple(tuple(a.answer for a in asked) for _ in players))

    def attribute(self, seen: FakeSeen, question: Question, asked: Asked, method_name: str, progress: object = None,
                  stop: object = None) -> Attribution:
        words, regions = [0.0] * len(self.predictor.words(question.caption)), [0.0] * len(seen.labels)
        for player in self._players(seen, question):
            (words if player.kind == "word" else regions)[player.index] = _number(player, asked, method_name) - 0.3
        return Attribution(method_name, asked.answer or "dog", tuple(words), tuple(regions), 0.9, 0.1, None, None, True)

    def _nothing(self, *_: object) -> None:
        raise NotReadyError("The stand-in model cannot tell.")

    prove = pyramid = rank_heads = leak = _nothing

    def _players(self, seen: FakeSeen, question: Question) -> tuple[Player, ...]:
        words = self.predictor.words(question.caption)
        return (*(Player("word", i) for i, w in enumerate(words) if w.known and i not in question.hidden_words),
                *(Player("region", i) for i in range(1, len(seen.labels)) if i not in question.hidden_regions))


def _number(*parts: object) -> float:
    """Between 0 and 1, the same for the same parts."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


class FakePredictor:
    """see_seconds and pixels_seconds: how long it pretends to need. calls: what it was asked, in order."""

    def __init__(self, see_seconds: float = 0.0, pixels_seconds: float = 0.0, count: int = 20) -> None:
        self.config = SimpleNamespace(name="fake")
        self.see_seconds, self.pixels_seconds, self.count = see_seconds, pixels_seconds, count
        self.calls: list[str] = []

    @classmethod
    def load(cls, folder: Path, detector: str = "", device: str = "auto", seconds: float = 0.0) -> FakePredictor:
        time.sleep(seconds)
        return cls(see_seconds=0.25, pixels_seconds=0.3)

    def words(self, caption: str) -> tuple[FakeWord, ...]:
        if not caption.strip():
            raise CaptionError("The caption is empty. Write a sentence about the picture.")
        found = [FakeWord(m.group(), m.start(), m.end(), m.group() != "[MASK]")
                 for m in re.finditer(r"\[MASK\]|\w+|[^\w\s]", caption)]
        if len(found) > MOST_PIECES:
            raise CaptionError(f"The caption has {len(found)} word pieces; at most {MOST_PIECES} fit. Shorten it.")
        return tuple(found)

    def see(self, photo: Photo, boxes: Sequence[Sequence[float]] | None = None) -> FakeSeen:
        self.calls.append("see")
        time.sleep(self.see_seconds)
        whole = Boxes.whole(photo.width, photo.height)
        if boxes is None:
            boxes = [self._proposal(photo, i) for i in range(self.count)]
        own = Boxes.from_user(boxes, photo.width, photo.height)
        labels = tuple(LABELS[int(_number("label", tuple(round(v, 3) for v in b)) * len(LABELS)) % len(LABELS)]
                       for b in own.fractions.tolist())
        scores = tuple(0.97 - 0.03 * i for i in range(len(labels)))
        return FakeSeen(photo, whole.joined(own), ("whole picture", *labels), (1.0, *scores),
                        (1.0, *(score / 2 for score in scores)))

    def ask(self, seen: FakeSeen, caption: str, hidden_words: Sequence[int] = (), hidden_regions: Sequence[int] = (),
            masking: str = "feature") -> Prediction:
        self.calls.append(masking)
        if masking == "pixels":
            time.sleep(self.pixels_seconds)
        words = self.words(caption)
        for index in hidden_words:
            if not 0 <= index < len(words):
                raise MaskError(f"There is no word {index}; the caption has {len(words)}, counted from 0.")
        for index in hidden_regions:
            if not 1 <= index < len(seen.labels):
                raise MaskError(f"Region {index} cannot be hidden; there are regions 1 to {len(seen.labels) - 1}.")
        return Prediction(
            words=tuple(self._word(i, words[i].text if words[i].known else "", masking)
                        for i in sorted({*hidden_words, *(i for i, w in enumerate(words) if not w.known)})),
            regions=tuple(self._region(i, seen.labels[i], masking) for i in hidden_regions),
            masking=masking,
        )

    def ask_many(self, inquiries: Sequence[Inquiry]) -> list[Prediction]:
        return [self.ask(i.seen, i.caption, i.hidden_words, i.hidden_regions, i.masking) for i in inquiries]

    @staticmethod
    def _proposal(photo: Photo, number: int) -> tuple[float, float, float, float]:
        x, y = _number(photo.digest, number, "x") * 0.7, _number(photo.digest, number, "y") * 0.7
        w, h = 0.1 + _number(photo.digest, number, "w") * 0.35, 0.1 + _number(photo.digest, number, "h") * 0.35
        return x, y, min(1.0, x + w), min(1.0, y + h)

    def _word(self, index: int, truth: str, masking: str) -> WordAnswer:
        belief = self._belief(truth or "dog", masking)
        piece = PieceAnswer(index + 1, truth.lower(), belief["best"])
        return WordAnswer(index, truth, belief["best"], belief["probability"], belief["rank"], belief["clues"],
                          (piece,))

    def _region(self, index: int, truth: str, masking: str) -> RegionAnswer:
        belief = self._belief(truth, masking)
        return RegionAnswer(index, truth, belief["best"], belief["probability"], belief["rank"], belief["clues"])

    @staticmethod
    def _belief(truth: str, masking: str) -> dict:
        p = 0.05 + 0.85 * _number(truth, masking)
        others = [w for w in LABELS if w != truth.lower()][:4]
        rest = [Candidate(w, (1 - p) * 0.4 / 2**i) for i, w in enumerate(others)]
        best = sorted([Candidate(truth.lower(), p), *rest], key=lambda c: -c.probability)
        rank = 1 + [c.text for c in best].index(truth.lower())
        return {"best": tuple(best), "probability": p, "rank": rank,
                "clues": Clues(p, p * _number(truth, "blind"), p * _number(truth, "mute"))}
