"""Hard negatives for image-text matching: a caption with one change that makes it wrong for its photograph.

A word is replaced by another one of its kind, two words of a kind are exchanged, or a colour is added (the kinds of
change of SugarCrepe, Hsieh et al. 2023, arXiv 2306.14610, made here by rules from the training captions alone).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.grounded_captions import GroundedCaption
from engine.data.nouns import RegionClasses
from engine.data.word_kinds import kind_of
from engine.structures.caption import Caption

NOUN = "noun"
CHANGES = ("noun", "other", "exchange", "colour")
TRIES = 8  # draws of a word that may turn out to be right


@dataclass(frozen=True)
class Edit:
    """The characters from `start` to `end` of a caption become `text`."""

    start: int
    end: int
    text: str


class HardCaptions:
    """Changes captions of `photos` so that they become wrong.

    captions: all captions, from which the new words are drawn as often as they occur.
    """

    def __init__(self, photos: Sequence[AnnotatedPhoto], captions: Sequence[GroundedCaption],
                 classes: RegionClasses) -> None:
        self.classes = classes
        self.written: list[set[str]] = [set() for _ in photos]  # all words of a photo's captions
        self.shown: list[set[int]] = [set() for _ in photos]  # the classes that its captions name
        self.pool: dict[str, list[str]] = {}
        for grounded in captions:
            for index, word in enumerate(grounded.caption.words):
                text = word.text.lower()
                self.written[grounded.photo].add(text)
                if kind := self._kind(grounded, index):
                    self.pool.setdefault(kind, []).append(text)
                if (number := classes.index(text)) is not None:
                    self.shown[grounded.photo].add(number)

    def changed(self, grounded: GroundedCaption, generator: torch.Generator) -> str | None:
        """Change one thing of a caption.

        Args:
            grounded: The caption, with a photo for which it is right.
            generator: Of every random choice.

        Returns:
            The text after the change, or None where no change applies.
        """
        for number in torch.randperm(len(CHANGES), generator=generator).tolist():
            if edits := getattr(self, f"_{CHANGES[number]}")(grounded, generator):
                return applied(grounded.caption.text, edits)
        return None

    def _kind(self, grounded: GroundedCaption, index: int) -> str | None:
        """NOUN for the last word of a phrase, singular and plural apart; else the word's kind."""
        if index in grounded.nouns:
            text = grounded.caption.words[index].text.lower()
            return f"{NOUN} {'plural' if text.endswith('s') else 'singular'}" if text.isalpha() else None
        return kind_of(grounded.caption.words[index].text)

    def _noun(self, grounded: GroundedCaption, generator: torch.Generator) -> list[Edit]:
        return self._replaced(grounded, [i for i in sorted(grounded.nouns) if self._kind(grounded, i)], generator)

    def _other(self, grounded: GroundedCaption, generator: torch.Generator) -> list[Edit]:
        return self._replaced(grounded, [i for i in range(len(grounded.caption.words))
                                         if i not in grounded.nouns and self._kind(grounded, i)], generator)

    def _replaced(self, grounded: GroundedCaption, words: Sequence[int], generator: torch.Generator) -> list[Edit]:
        if not words:
            return []
        index = words[_draw(len(words), generator)]
        kind = self._kind(grounded, index) or ""
        new = self._drawn(grounded, kind, generator)
        return [_edit(grounded.caption, index, new)] if new else []

    def _exchange(self, grounded: GroundedCaption, generator: torch.Generator) -> list[Edit]:
        """Two nouns or two colours change places."""
        words = grounded.caption.words
        kinds = [(self._kind(grounded, i) or "").split(" ")[0] for i in range(len(words))]
        pairs = [(a, b) for a in range(len(words)) for b in range(a + 1, len(words))
                 if kinds[a] == kinds[b] and kinds[a] in (NOUN, "colour") and self._differ(words[a].text, words[b].text)
                 and not any(w.text.lower() == "and" for w in words[a:b])]  # "a man and a dog" stays as right
        if not pairs:
            return []
        a, b = pairs[_draw(len(pairs), generator)]
        return [_edit(grounded.caption, a, words[b].text), _edit(grounded.caption, b, words[a].text)]

    def _colour(self, grounded: GroundedCaption, generator: torch.Generator) -> list[Edit]:
        """A colour is put before a noun that has none."""
        words = grounded.caption.words
        free = [i for i in sorted(grounded.nouns) if not i or kind_of(words[i - 1].text) != "colour"]
        new = self._drawn(grounded, "colour", generator) if free else None
        if new is None:
            return []
        index = free[_draw(len(free), generator)]
        return [_edit(grounded.caption, index, f"{new} {words[index].text}")]

    def _drawn(self, grounded: GroundedCaption, kind: str, generator: torch.Generator) -> str | None:
        """A word of a kind that no caption of the photo has, nor names otherwise."""
        pool = self.pool.get(kind, [])
        for _ in range(TRIES if pool else 0):
            word = pool[_draw(len(pool), generator)]
            if word not in self.written[grounded.photo] and not self._named(word, grounded.photo):
                return word
        return None

    def _named(self, word: str, photo: int) -> bool:
        """Whether a caption of the photo names the class of this word, a kind of it, or what it is a kind of."""
        number = self.classes.index(word)
        if number is None:
            return False
        return any(number == own or number in self._kinds(own) or own in self._kinds(number)
                   for own in self.shown[photo])

    def _kinds(self, number: int) -> list[int]:
        return self.classes.allowed(self.classes.names[number])

    def _differ(self, first: str, second: str) -> bool:
        """Whether two words name different things."""
        one, other = self.classes.index(first), self.classes.index(second)
        return first.lower() != second.lower() and (one is None or one != other)


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text after edits that do not overlap."""
    for edit in sorted(edits, key=lambda e: -e.start):
        text = text[:edit.start] + edit.text + text[edit.end:]
    return text


def _edit(caption: Caption, index: int, new: str) -> Edit:
    """Put `new` in the place of a word; an indefinite article before it is made to fit."""
    word, start = caption.words[index], caption.words[index].start
    before = caption.words[index - 1] if index else None
    if before and before.text.lower() in ("a", "an"):
        article = before.text[0] + ("n" if new[0].lower() in "aeiou" else "")
        return Edit(before.start, word.end, f"{article}{caption.text[before.end:start]}{new}")
    return Edit(start, word.end, new)


def _draw(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
