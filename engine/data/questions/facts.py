"""What the captions and boxes of one photograph say together, and what they leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.data.coco_labels import CLASS_OF
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.questions import words as lexicon
from engine.data.questions.captions import Caption, Clause, NounPhrase, parse
from engine.data.questions.words import may_name

VISIBLE = 0.01  # of the picture: the smallest box that a person surely sees
MANY = 99  # where a caption says "several", or nothing of how many


@dataclass(frozen=True)
class Facts:
    """One photograph.

    captions: parsed. boxes: of each annotated class how many boxes. large: classes of which a box is surely seen; tiny:
    those of which one is too small to be counted. complete: classes of which every thing has a box.
    """

    captions: tuple[Caption, ...]
    boxes: Mapping[str, int] = field(default_factory=dict)
    large: frozenset[str] = frozenset()
    tiny: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()

    @classmethod
    def of(cls, photo: AnnotatedPhoto) -> Facts:
        """From an annotated photo. Only the labels that its data set annotates completely are counted."""
        labelled = [(CLASS_OF.get(label, label), (x2 - x1) * (y2 - y1))
                    for label, (x1, y1, x2, y2) in zip(photo.labels, photo.boxes, strict=False) if label]
        covered = photo.coverage.labels if photo.coverage.complete else None
        return cls(tuple(parse(caption.text) for caption in photo.captions), Counter(noun for noun, _ in labelled),
                   frozenset(noun for noun, area in labelled if area >= VISIBLE),
                   frozenset(noun for noun, area in labelled if area < VISIBLE),
                   frozenset(CLASS_OF.get(label, label) for label in covered or ()))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every noun of the captions, in the singular."""
        return frozenset().union(*(caption.mentions for caption in self.captions))

    def absent(self, noun: str) -> bool:
        """Whether nothing of this noun is there: no box, and no word in any caption that may name it."""
        return not self.boxes.get(noun) and not self.mentions & may_name(noun)

    def most(self, noun: str) -> int:
        """The largest number of things of this noun in one caption, `MANY` where one leaves it open."""
        return max((self._in(caption, (noun,)) for caption in self.captions), default=0)

    @cached_property
    def people(self) -> int:
        """The largest number of people in one caption, `MANY` where one leaves it open."""
        return max((self._in(caption, tuple(lexicon.PEOPLE_OF)) for caption in self.captions), default=0)

    def number(self, noun: str) -> int:
        """How many things of this noun there are; 0 where that is not certain.

        Of an annotated class the boxes count, where none is tiny and no caption says another number. Else two captions
        must give the largest number, three for a single thing, and none may leave it open.
        """
        nouns = tuple(lexicon.PEOPLE_OF) if noun == "person" else (noun,)
        said = [self._in(caption, nouns) for caption in self.captions]
        certain = max((count for count in said if count != MANY), default=0)
        if noun in self.complete:
            boxes = 0 if noun in self.tiny or noun in lexicon.UNCOUNTED else self.boxes.get(noun, 0)
            several = MANY in said and (boxes < 2 or self._groups())
            return 0 if several or certain not in (0, boxes) else boxes
        if MANY in said or not certain or said.count(certain) < (3 if certain == 1 else 2):
            return 0
        return certain

    def unique(self, noun: str) -> bool:
        """Whether "the man" means one thing of the photograph."""
        if self.most(noun) != 1:
            return False
        if noun not in lexicon.PEOPLE_OF or self.people == 1:
            return True
        if self.people == MANY:
            return False
        listed = [[p.noun for p in caption.phrases if p.noun in lexicon.PEOPLE_OF] for caption in self.captions]
        return any(len(own) == self.people and own.count(noun) == 1 for own in listed)

    def clauses(self, subject: NounPhrase) -> list[tuple[int, Clause]]:
        """What the captions say that this one does, each with the caption's number. The only person of a photograph
        is the same one whatever a caption calls them."""
        alone = self.people == 1 and subject.noun in lexicon.PEOPLE_OF
        return [(number, clause) for number, caption in enumerate(self.captions) for clause in caption.clauses
                if clause.subject.plural == subject.plural
                and (clause.subject.noun == subject.noun or (alone and clause.subject.noun in lexicon.PEOPLE_OF))]

    def subjects(self) -> list[NounPhrase]:
        """The people and animals about whom something is said, of each noun the first phrase; one for an only person,
        and none where captions do not agree whether that is a man or a woman."""
        found: dict[tuple[str, bool], NounPhrase] = {}
        for caption in self.captions:
            for clause in caption.clauses:
                if clause.subject.sure:
                    found.setdefault((clause.subject.noun, clause.subject.plural), clause.subject)
        meant = [own for own in found.values() if (self._all(own) if own.plural else self.unique(own.noun))]
        if self.people != 1:
            return meant
        named = Counter(p.noun for c in self.captions for p in c.phrases if p.noun in lexicon.PEOPLE_OF)
        usual = max(named, key=lambda noun: (noun != "person", named[noun]))
        agreed = one_gender(named)
        return [own for own in meant if own.noun not in lexicon.PEOPLE_OF or (agreed and own.noun == usual)]

    def _all(self, plural: NounPhrase) -> bool:
        """Whether a plural means everyone of its kind: no caption speaks of one of them alone, or of others."""
        kin = tuple(lexicon.PEOPLE_OF) if plural.noun in lexicon.PEOPLE_OF else (plural.noun,)
        return all(len([p for p in c.phrases if p.noun in kin]) <= 1 and not _others(c.words)
                   and all(p.plural or p.count != 1 for p in c.phrases if p.noun in kin) for c in self.captions)

    def _in(self, caption: Caption, nouns: tuple[str, ...]) -> int:
        own = [p for p in caption.phrases if p.noun in nouns]
        if own and (_others(caption.words) or any(p.count is None for p in own)):
            return MANY
        return sum(p.count or 0 for p in own)

    def _groups(self) -> bool:
        return any(word in lexicon.GROUPS for caption in self.captions for word in caption.words)


def one_gender(nouns: Iterable[str]) -> bool:
    """Whether these nouns for people can mean one person."""
    own = set(nouns)
    return not (own & {"man", "boy"} and own & {"woman", "girl"})


def _others(words: Iterable[str]) -> bool:
    return not {"another", "other", "others", "each"}.isdisjoint(words)
