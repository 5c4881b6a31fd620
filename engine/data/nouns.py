"""Region classes: the head nouns by which people name boxes.

A phrase of Flickr30k Entities ("a black dog") ends in its head noun, unless the noun is left out ("the man in
black", where the box of the clothes is called "black"). Colours, numbers and pronouns are therefore no classes.
Singular and plural are one class where both occur and mean one thing: a box of "two dogs" shows a dog.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.data.flickr8k import AnnotatedPhoto

BACKGROUND = "background"
NOT_NOUNS = frozenset(
    "black white red blue green yellow orange pink purple brown gray grey gold golden silver tan beige maroon teal "
    "colors color multicolored camouflage plaid blond blonde denim leather "
    "one two three four five six seven eight nine ten several many some all each both other others another something "
    "someone somebody everyone anything nothing it itself they them themselves he him himself she her herself his "
    "their this that these those who which what each any few lot lots "
    "outside outdoors inside open front back bottom side left right middle center foreground background distance "
    "air midair day night time look large small big little old young".split())
IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "persons": "person", "feet": "foot",
    "teeth": "tooth", "geese": "goose", "leaves": "leaf", "scarves": "scarf", "wolves": "wolf", "knives": "knife",
    "policemen": "policeman", "firemen": "fireman", "groomsmen": "groomsman", "fishermen": "fisherman",
    "snowmen": "snowman", "businessmen": "businessman", "gentlemen": "gentleman", "puppies": "puppy",
    "tshirt": "t-shirt", "tshirts": "t-shirt", "t-shirts": "t-shirt", "bikers": "biker", "skiier": "skier",
    "skiiers": "skier"}
# Plurals that name one thing, or another thing than their singular does.
PLURAL_ONLY = frozenset(
    "glasses sunglasses shorts pants jeans clothes goggles trunks trousers overalls tights pajamas scissors headphones "
    "stairs woods bus dress grass glass moss cross chess tennis canvas gas surroundings "
    "bass mess boss class princess waitress actress hostess harness wilderness business fitness goods sports".split())


def head_noun(phrase: str) -> str | None:
    """The last word of a phrase in lower case, or None where it names no object."""
    words = re.findall(r"[a-z][a-z'-]*", phrase.lower())
    words = [w.removesuffix("'s").strip("'-") for w in words]
    if not words or words[-1] in NOT_NOUNS or len(words[-1]) < 2:
        return None
    return words[-1]


def singular(noun: str, known: Counter[str] | frozenset[str]) -> str:
    """The singular of `noun` if it is regular and `known`, or one of the irregular ones; else `noun` itself."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun in PLURAL_ONLY or not noun.endswith("s"):
        return noun
    stems = [noun[:-1]]
    if noun.endswith(("ches", "shes", "sses", "xes")):
        stems.insert(0, noun[:-2])
    if noun.endswith("ies"):
        stems.insert(0, noun[:-3] + "y")
    return next((s for s in stems if s in known), noun)


@dataclass(frozen=True)
class RegionClasses:
    """names[0] is the background; aliases maps every merged spelling ("dogs") to its class ("dog")."""

    names: tuple[str, ...]
    aliases: dict[str, str]

    @classmethod
    def from_photos(cls, photos: Sequence[AnnotatedPhoto], count: int) -> RegionClasses:
        """The `count - 1` nouns that name the most boxes of these photos, and the background."""
        spellings: Counter[str] = Counter()
        for nouns in _nouns_of_boxes(photos):
            spellings.update(set(nouns))
        merged: Counter[str] = Counter()
        for nouns in _nouns_of_boxes(photos):
            merged.update({singular(n, spellings) for n in nouns})
        names = sorted(merged, key=lambda n: (-merged[n], n))[: count - 1]
        aliases = {s: singular(s, spellings) for s in sorted(spellings) if singular(s, spellings) in set(names)}
        return cls((BACKGROUND, *names), aliases)

    def index(self, phrase: str) -> int | None:
        """The class of a phrase, or None where its head noun has none."""
        noun = head_noun(phrase)
        name = self.aliases.get(noun) if noun else None
        return self._numbers[name] if name else None

    @property
    def _numbers(self) -> dict[str, int]:
        if "_cache" not in self.__dict__:
            object.__setattr__(self, "_cache", {n: i for i, n in enumerate(self.names)})
        return self.__dict__["_cache"]

    def counts(self, photo: AnnotatedPhoto, box: int) -> Counter[int]:
        """How often each class names this box over all captions, in order of first mention."""
        found = (self.index(p.text) for p in photo.phrases_of(box))
        return Counter(i for i in found if i is not None)

    def label(self, photo: AnnotatedPhoto, box: int) -> int | None:
        """The class that names this box most often (the earliest mentioned of equals), or None."""
        counts = self.counts(photo, box)
        return max(counts, key=lambda i: counts[i]) if counts else None


def _nouns_of_boxes(photos: Sequence[AnnotatedPhoto]) -> Iterable[list[str]]:
    for photo in photos:
        for box in range(len(photo.boxes)):
            nouns = [head_noun(p.text) for p in photo.phrases_of(box)]
            yield [n for n in nouns if n]
