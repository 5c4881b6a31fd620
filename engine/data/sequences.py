"""From the text of a task to word pieces, one way for training, evaluation and the studio."""

from __future__ import annotations

from dataclasses import dataclass

from engine.data.tokenizer import MOST_PIECES, WordPieces
from engine.errors import CaptionError
from engine.structures.questions import TaggedText


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
