"""What a model that was fine-tuned answers about a photo that was seen once: ask, choose, point.

The photo is seen by the `Predictor`; an adapter adds what fine-tuning changed and shares all other weights with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from engine.data.sequences import choice, expression, open_question
from engine.data.vqa_answers import number_in, numbers_of
from engine.errors import CaptionError, ConfigError, WeightsError
from engine.model.taps import Taps
from engine.model.task_heads import FineTuned
from engine.model.vlbert import Encoded
from engine.precision import autocast
from engine.predictor import Predictor
from engine.structures.example import Example, Regions, collate
from engine.structures.prediction import Candidate
from engine.structures.questions import CHOICES, TaggedText
from engine.structures.seen import Seen
from engine.structures.task_answers import Carried, ChoiceAnswer, Looks, OpenAnswer, PointAnswer, TaskElement
from engine.tasks.chunks import chunked
from engine.weights.adapters import AdapterInfo, base_digests, load_adapter

MOST_WORDS = 40  # whose part in an answer is asked


@dataclass(frozen=True)
class TaskQuestion:
    """text: the question or the phrase. choices: the four answers or rationales, for vcr only.

    In vcr a word may name a region: `TaggedText.tags`. For the rationales `text` is question and answer joined.
    """

    text: TaggedText
    choices: tuple[TaggedText, ...] = ()


@dataclass(frozen=True)
class Form:
    """One sequence. words: of each word its text and its places. asked: the place the answer is read from; for
    grounding none, since every region answers."""

    example: Example
    words: tuple[tuple[str, range], ...]
    asked: int


class TaskPredictor:
    """One adapter on a predictor. Its methods only read what was seen; they raise CaptionError for bad words and
    ConfigError where the adapter was made for another task."""

    def __init__(self, predictor: Predictor, model: FineTuned, info: AdapterInfo) -> None:
        self.predictor, self.model, self.info = predictor, model, info
        self.pieces = predictor.pieces

    @classmethod
    def load(cls, predictor: Predictor, path: Path) -> TaskPredictor:
        """path: an adapter that was trained on the very weights of `predictor`. Raises WeightsError."""
        if predictor.folder is None:
            raise WeightsError("This model was not loaded from a folder of weights, so no adapter can belong to it. "
                               "Load it with Predictor.load.")
        base = _base(predictor.folder)
        return cls(predictor, *load_adapter(path, predictor.model, base, predictor.config))

    @property
    def nbytes(self) -> int:
        """Memory that the adapter takes beside the model it belongs to."""
        shared = {p.data_ptr() for p in self.predictor.model.parameters()}
        return sum(p.nbytes for p in self.model.parameters() if p.data_ptr() not in shared)

    def believing(self) -> Predictor:
        """The same predictor with VL-BERT as fine-tuning moved it: what it believes now of hidden words and regions."""
        moved = copy(self.predictor)
        moved.model = self.model.vlbert
        return moved

    @torch.inference_mode()
    def ask(self, seen: Seen, question: TaskQuestion, best: int = 5) -> OpenAnswer:
        """The best answers, with and without the picture."""
        self._check("vqa")
        forms = [self.forms(regions, question)[0] for regions in (seen.regions, self._nothing(seen))]
        with_picture, without = self._values(forms)
        top = with_picture.argmax()
        return OpenAnswer(self._best(with_picture, best), self._best(without, best), float(without[top]))

    @torch.inference_mode()
    def choose(self, seen: Seen, question: TaskQuestion) -> ChoiceAnswer:
        """Which of the four.

        The head judges each choice by itself (a sigmoid); given that exactly one is right, the probabilities are the
        softmax of its logits.
        """
        self._check("vcr")
        forms = [*self.forms(seen.regions, question), *self.forms(self._nothing(seen), question)]
        with_picture, without = self._values(forms).view(2, -1).softmax(dim=1).tolist()
        return ChoiceAnswer(tuple(with_picture), tuple(without))

    @torch.inference_mode()
    def point(self, seen: Seen, question: TaskQuestion) -> PointAnswer:
        """Which region."""
        self._check("grounding")
        form = self.forms(seen.regions, question)[0]
        mute = replace(form, example=Example(self.pieces.without_words().piece_ids, seen.regions))
        scores, without = self._values([form, mute]).tolist()
        return PointAnswer(tuple(scores), tuple(without))

    @torch.inference_mode()
    def carried(self, seen: Seen, question: TaskQuestion, answer: int) -> Carried:
        """The exact leave-one-out: every word and region hidden alone, the model's own way of hiding, in one batch.

        answer: of ask, the answer's number in `info.answers`; of choose, the choice; of point, the region. Words stay
        where they are in choose, since the four choices have words of their own, and in texts of over 40 words.
        """
        forms = self.forms(seen.regions, question)
        hidden = () if self.info.task == "vcr" or len(forms[0].words) > MOST_WORDS else forms[0].words
        words = [_without_word(forms[0], places, self.pieces.mask) for _, places in hidden]
        regions = [_without_region(form, r) for r in range(1, len(seen.regions)) for form in forms]
        values = self._values([*forms, *words, *regions])
        if self.info.task == "vcr":
            values = values.view(-1, len(forms)).softmax(dim=1)
        full, *alone = values[:, answer].tolist()
        return Carried(full, tuple(text for text, _ in hidden), tuple(alone[:len(words)]), (full, *alone[len(words):]))

    @torch.inference_mode()
    def looks(self, seen: Seen, question: TaskQuestion, answer: int = 0) -> Looks:
        """Who looks at whom. answer: of choose, the choice; of point, the region; else of no meaning."""
        form = self.forms(seen.regions, question)[answer if self.info.task == "vcr" else 0]
        with Taps(self.model.vlbert) as taps:
            self.model.vlbert(collate([form.example]))
        attention = taps.attention[-1][0].float().mean(dim=0)  # [L, L]
        elements, groups = self._elements(form, seen)
        summed = torch.stack([attention[:, list(own)].sum(dim=1) for own in groups], dim=1)  # [L, E]
        rows = torch.stack([summed[list(own)].mean(dim=0) for own in groups])  # [E, E]
        place = len(form.example.piece_ids) + answer if self.info.task == "grounding" else form.asked
        asked = next(i for i, own in enumerate(groups) if place in own)
        return Looks(elements, tuple(map(tuple, rows.tolist())), asked)

    def answer_number(self, text: str) -> int:
        """The number of an answer in the vocabulary. Raises CaptionError."""
        number = number_in(numbers_of(self.info.answers), text)
        if number is None:
            raise CaptionError(f"{text!r} is none of the {len(self.info.answers)} answers of this adapter.")
        return number

    def _check(self, task: str) -> None:
        if self.info.task != task:
            raise ConfigError(f"This adapter was trained for {self.info.task}, not for {task}. Choose another one.")

    def _nothing(self, seen: Seen) -> Regions:
        return Regions.none(seen.regions.appearance.shape[1])

    def forms(self, regions: Regions, question: TaskQuestion) -> list[Form]:
        """The sequences of a question: four for choose, else one. Raises CaptionError."""
        if self.info.task == "vcr":
            if len(question.choices) != CHOICES:
                raise CaptionError(f"There are {len(question.choices)} choices; {CHOICES} are needed.")
            return [self._choice_form(regions, question.text, own) for own in question.choices]
        text = question.text.text
        sequence = (open_question if self.info.task == "vqa" else expression)(self.pieces, text)
        words = tuple((w.text, range(w.first, w.stop)) for w in self.pieces.caption(text).words)
        return [Form(Example(sequence.piece_ids, regions, second=sequence.second), words, sequence.asked or 0)]

    def _choice_form(self, regions: Regions, question: TaggedText, own: TaggedText) -> Form:
        sequence = choice(self.pieces, question, own)
        words, place = [], 1
        for text in (question, own):
            for word in text.words:
                stop = place + len(self.pieces.of_word(word))
                words.append((word, range(place, stop)))
                place = stop
            place += 1  # [SEP]
        tags = sequence.tags if len(regions) else ()
        return Form(Example(sequence.piece_ids, regions, second=sequence.second, tags=tags), tuple(words), 0)

    def _values(self, forms: Sequence[Form]) -> Tensor:
        """[K, A] probabilities of answers, [K, 1] logits of choices as [K], or [K, R] probabilities of regions."""
        rows: list[Tensor] = [torch.empty(0)] * len(forms)
        for chunk in chunked([form.example for form in forms]):
            for k, row in zip(chunk, self._read([forms[k] for k in chunk]), strict=True):
                rows[k] = row
        return torch.stack(rows)

    def _read(self, forms: Sequence[Form]) -> Tensor:
        with autocast():
            encoded: Encoded = self.model.vlbert(collate([form.example for form in forms]))
        if self.info.task == "vqa":
            states = encoded.text[range(len(forms)), [form.asked for form in forms]]
        else:
            states = encoded.pooled if self.info.task == "vcr" else encoded.regions
        values = self.model.head.calibrated(states.float())
        if self.info.task == "vcr":
            return values
        return (values if self.info.task == "vqa" else values[..., 0]).sigmoid()

    def _best(self, probabilities: Tensor, count: int) -> tuple[Candidate, ...]:
        top = probabilities.topk(min(count, len(probabilities)))
        return tuple(Candidate(self.info.answers[i], p)
                     for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True))

    def _elements(self, form: Form, seen: Seen) -> tuple[tuple[TaskElement, ...], list[range]]:
        """Words, each special piece and regions in the order of the sequence, and the places of each."""
        found: list[tuple[range, TaskElement]] = [
            (places, TaskElement("word", i, text)) for i, (text, places) in enumerate(form.words) if places]
        inside = {place for places, _ in found for place in places}
        text = len(form.example.piece_ids)
        found += [(range(p, p + 1), TaskElement("special", p, self.pieces.pieces[piece]))
                  for p, piece in enumerate(form.example.piece_ids) if p not in inside]
        found += [(range(text + r, text + r + 1), TaskElement("region", r, label))
                  for r, label in enumerate(seen.labels)]
        end = text + len(seen.labels)
        found.append((range(end, end + 1), TaskElement("special", end, "[END]")))
        found.sort(key=lambda own: own[0].start)
        return tuple(element for _, element in found), [places for places, _ in found]


def _without_word(form: Form, places: range, mask: int) -> Form:
    pieces = tuple(mask if place in places else piece for place, piece in enumerate(form.example.piece_ids))
    return replace(form, example=replace(form.example, piece_ids=pieces))


def _without_region(form: Form, region: int) -> Form:
    return replace(form, example=replace(form.example, hidden_regions=(region,)))


@cache
def _base(folder: Path) -> tuple[str, str]:
    return base_digests(folder)
