"""Captions as words, with the annotated boxes that each phrase names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.tokenizer import WordPieces
from engine.structures.caption import Caption


@dataclass(frozen=True)
class GroundedCaption:
    """A caption with photo number `photo`.

    phrases: (index of the phrase's last word, the annotated boxes it names, from 0). belongs: whether the caption is
    one of the photo's own.
    """

    photo: int
    caption: Caption
    phrases: tuple[tuple[int, tuple[int, ...]], ...]
    belongs: bool = True

    def told_of(self, photo: int) -> GroundedCaption:
        """The same caption with another photo, where its phrases name no box."""
        return GroundedCaption(photo, self.caption, tuple((word, ()) for word, _ in self.phrases), belongs=False)

    @property
    def nouns(self) -> frozenset[int]:
        """The last words of the phrases."""
        return frozenset(word for word, _ in self.phrases)


def grounded_captions(photos: Sequence[AnnotatedPhoto], pieces: WordPieces,
                      captions: int | None = None) -> list[GroundedCaption]:
    """Every caption (or the first `captions`) of every photo, its phrases reduced to their last words."""
    chosen = [(i, c) for i, photo in enumerate(photos) for c in photo.captions[:captions]]
    tokenized = pieces.captions([c.text for _, c in chosen])
    found = []
    for (photo, annotated), caption in zip(chosen, tokenized, strict=True):
        phrases = []
        for phrase in annotated.phrases:
            words = [i for i in caption.words_in(phrase.start, phrase.end) if not caption.words[i].is_punctuation]
            if words and phrase.boxes:
                phrases.append((words[-1], phrase.boxes))
        found.append(GroundedCaption(photo, caption, tuple(phrases)))
    return found
