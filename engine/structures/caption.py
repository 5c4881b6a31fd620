"""A caption as words, each made of one or more word pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.errors import MaskError

MOST_QUOTED = 24  # characters of a word in a message


@dataclass(frozen=True)
class Word:
    """text as written; start, end: its characters in the caption; first, stop: its pieces' places in the sequence
    (stop excluded; [CLS] is at 0). `known` is False for a literal [MASK], whose true text nobody knows. `readable` is
    False where the vocabulary has no pieces for the word: the model reads [UNK] in its place."""

    text: str
    start: int
    end: int
    first: int
    stop: int
    known: bool = True
    readable: bool = True

    @property
    def is_punctuation(self) -> bool:
        return not any(c.isalnum() for c in self.text)


@dataclass(frozen=True)
class Caption:
    """text: as given. piece_ids: the whole sequence, [CLS] and [SEP] included. words: in reading order."""

    text: str
    piece_ids: tuple[int, ...]
    words: tuple[Word, ...]

    def places(self, words: Iterable[int]) -> list[int]:
        """Places in the sequence of all pieces of the given words. Raises MaskError for a word that is not there."""
        found: list[int] = []
        for index in words:
            if not 0 <= index < len(self.words):
                raise MaskError(f"There is no word {index}; the caption has {len(self.words)}, counted from 0.")
            found.extend(range(self.words[index].first, self.words[index].stop))
        return found

    def piece_ids_of(self, word: int) -> tuple[int, ...]:
        """The pieces of one word."""
        return self.piece_ids[self.words[word].first:self.words[word].stop]

    def words_in(self, start: int, end: int) -> list[int]:
        """Indices of the words that lie within the characters `start` to `end`."""
        return [i for i, w in enumerate(self.words) if w.start >= start and w.end <= end]

    def with_hidden(self, words: Sequence[int], mask_id: int) -> tuple[int, ...]:
        """The sequence with [MASK] in place of every piece of these words, and of words that are not known."""
        pieces = list(self.piece_ids)
        for place in self.places(words):
            pieces[place] = mask_id
        return tuple(pieces)


def unread(words: Iterable[Word]) -> str:
    """Name the words of which the model sees [UNK] only.

    Args:
        words: Of a caption, a question or a phrase.

    Returns:
        A sentence, or nothing where the vocabulary holds every word.
    """
    named = list(dict.fromkeys(quoted(word.text) for word in words if not word.readable))
    if not named:
        return ""
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    place = "its place" if len(named) == 1 else "their place"
    return f"The model's vocabulary does not hold {listed}: it sees [UNK] in {place}."


def quoted(text: str) -> str:
    """In quotation marks, a long word cut short."""
    return f"“{text}”" if len(text) <= MOST_QUOTED else f"“{text[:MOST_QUOTED]}…”"
