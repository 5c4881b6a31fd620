"""From the text of a task to word pieces, one way for training, evaluation and the studio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from engine.data.tokenizer import MOST_PIECES, WordPieces
from engine.errors import CaptionError
from engine.structures.questions import (
    ChoiceQuestion,
    DataSet,
    OpenQuestion,
    ReferringExpression,
    Skipped,
    TaggedText,
)

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)


@dataclass(frozen=True)
class Sequence:
    """piece_ids: [CLS] … [SEP] (… [SEP]). second: where segment B begins, or None. asked: the place of the answer's
    [MASK], or None. tags: the region whose feature each piece carries, or nothing. words: where each word has its
    pieces, (first, stop), for `choice` and `answered`."""

    piece_ids: tuple[int, ...]
    second: int | None = None
    asked: int | None = None
    tags: tuple[int, ...] = ()
    words: tuple[tuple[int, int], ...] = ()


def open_question(pieces: WordPieces, text: str) -> Sequence:
    """[CLS] question [SEP] [MASK] [SEP]: the answer is one [MASK] in segment B. Raises CaptionError."""
    first = pieces.caption(text, "question").piece_ids
    return Sequence((*first, pieces.mask, pieces.sep), second=len(first), asked=len(first))


def answered(pieces: WordPieces, text: str, answer: str) -> Sequence:
    """[CLS] question [SEP] answer [SEP], the answer in segment B, in words. Raises CaptionError."""
    first, second = pieces.caption(text, "question"), pieces.caption(answer, "answer")
    start = len(first.piece_ids)
    words = [(w.first, w.stop) for w in first.words if w.known]
    words += [(start + w.first - 1, start + w.stop - 1) for w in second.words if w.known]
    return Sequence((*first.piece_ids, *second.piece_ids[1:]), second=start, words=tuple(words))


def expression(pieces: WordPieces, text: str, context: str = "") -> Sequence:
    """[CLS] expression [SEP], and in segment B the sentence it stands in, where that is known. Raises CaptionError."""
    first = pieces.caption(text, "phrase").piece_ids
    if not context.strip():
        return Sequence(first)
    return Sequence((*first, *pieces.caption(context).piece_ids[1:]), second=len(first))


def choice(pieces: WordPieces, question: TaggedText, answer: TaggedText) -> Sequence:
    """[CLS] question [SEP] choice [SEP]; words that name a box carry its feature. Raises CaptionError."""
    ids, tags = [pieces.cls], [0]
    words: list[tuple[int, int]] = []
    second = 0
    for text in (question, answer):
        for word, tag in zip(text.words, text.tags, strict=True):
            own = pieces.of_word(word)
            words.append((len(ids), len(ids) + len(own)))
            ids.extend(own)
            tags.extend([tag] * len(own))
        ids.append(pieces.sep)
        tags.append(0)
        second = second or len(ids)
    if len(ids) > 2 * MOST_PIECES:
        raise CaptionError(f"Question and answer have {len(ids)} word pieces; at most {2 * MOST_PIECES} fit. "
                           "Shorten them.")
    return Sequence(tuple(ids), second=second, tags=tuple(tags), words=tuple(words))


def joined(question: TaggedText, answer: TaggedText) -> TaggedText:
    """Question and answer as one text, as QA -> R has them in segment A."""
    return TaggedText((*question.words, *answer.words), (*question.tags, *answer.tags))


def readable(data: DataSet[Q], pieces: WordPieces, *, answers: bool = False) -> DataSet[Q]:
    """The questions whose texts a task can take; the others are counted in `skipped` and named by picture and words.

    answers: whether open questions are read with their best answers, too. Raises DataError where nothing is left.
    """
    kept: list[Q] = []
    skipped = Skipped(data.skipped.count, [*data.skipped.named])
    for question in data.questions:
        try:
            _check(question, pieces, answers, data.labelled)
            kept.append(question)
        except CaptionError as error:
            says = question.question.text if isinstance(question, ChoiceQuestion) else question.text
            skipped.add(f"{data.pictures[question.picture].path.name}, {says[:60]!r}: {error}")
    return data if len(kept) == len(data.questions) else replace(data, questions=tuple(kept), skipped=skipped)


def _check(question: OpenQuestion | ChoiceQuestion | ReferringExpression, pieces: WordPieces, answers: bool,
           labelled: bool) -> None:
    """Raises CaptionError. Word pieces are made only of what could be too long or hold no word."""
    if isinstance(question, ChoiceQuestion):
        given = (question.answers[question.answer],) if labelled else question.answers
        reasoned = [joined(question.question, answer) for answer in given]
        for first, second in (*((question.question, own) for own in question.answers),
                              *((first, own) for first in reasoned for own in question.rationales)):
            if not _short(f"{first.text} {second.text}", 2 * MOST_PIECES - 3):
                choice(pieces, first, second)
    elif isinstance(question, ReferringExpression):
        if not (_short(question.text) and _short(question.context or question.text)):
            expression(pieces, question.text, question.context)
    else:
        best = max(question.answers, key=question.answers.__getitem__) if answers else "yes"
        if not (_short(question.text) and _short(best)):
            answered(pieces, question.text, best)


def _short(text: str, most: int = MOST_PIECES) -> bool:
    """Whether a text surely holds a word and no more than so many pieces: in plain ASCII none is less than a
    character."""
    return text.isascii() and text.isprintable() and not text.isspace() and 0 < len(text) <= most
