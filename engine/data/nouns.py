"""Region classes: the head nouns by which people name boxes, and the labels that data sets give them.

A phrase of Flickr30k Entities ("a black dog") ends in its head noun, unless the noun is left out ("the man in
black", where the box of the clothes is called "black"). Colours, numbers and pronouns are therefore no classes.
Singular and plural are one class where both occur and mean one thing: a box of "two dogs" shows a dog.

A label ("dining table") is a class under its noun ("table", `engine.data.coco_labels`). A box that has a label and no
phrase may show any kind of it: the label "person" includes "man" and "player".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.data.coco_labels import CLASS_OF, KINDS, LABELS, PEOPLE, SYNONYMS
from engine.data.flickr8k import AnnotatedPhoto

BACKGROUND = "background"
PAIRS = frozenset(label for label in LABELS if " " in label)  # nouns of two words where data sets have labels
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


def head_noun(phrase: str, pairs: Collection[str] = ()) -> str | None:
    """Find what a phrase names.

    Args:
        phrase: As a caption has it.
        pairs: Nouns of two words, such as "hot dog".

    Returns:
        The last word in lower case, or the last two where they or their singular are one of `pairs`; None where the
        phrase names no object.
    """
    words = re.findall(r"[a-z][a-z'-]*", phrase.lower())
    words = [w.removesuffix("'s").strip("'-") for w in words]
    pair = " ".join(words[-2:])
    for label in (pair, pair.removesuffix("s"), pair.removesuffix("es")):
        if label in pairs:
            return label
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
    """names[0] is the background; aliases maps every merged spelling ("dogs") to its class ("dog").

    kinds: for the class of a label, the other classes that a box of this label may show.
    """

    names: tuple[str, ...]
    aliases: dict[str, str]
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_photos(cls, photos: Sequence[AnnotatedPhoto], count: int) -> RegionClasses:
        """Choose the classes of some photos.

        Args:
            photos: Their phrases and labels are counted.
            count: How many classes, the background included.

        Returns:
            The background, the class of every label that occurs (the most frequent ones if `count` is too small for
            all), and the nouns that name the most boxes.
        """
        labels = {label for photo in photos for label in photo.labels if label}
        wanted = {CLASS_OF.get(label, label) for label in labels}
        pairs, synonyms = (PAIRS, SYNONYMS) if labels else (frozenset[str](), {})
        spellings: Counter[str] = Counter()
        for nouns in _nouns_of_boxes(photos, pairs):
            spellings.update(set(nouns))

        def merge(noun: str) -> str:
            one = CLASS_OF.get(noun, noun) if noun in pairs else singular(noun, spellings)
            return synonyms.get(one, synonyms.get(noun, one))

        merged: Counter[str] = Counter()
        for nouns in _nouns_of_boxes(photos, pairs):
            merged.update({merge(n) for n in nouns})
        for photo in photos:
            merged.update(CLASS_OF.get(label, label) for label in photo.labels if label)
        names = sorted(merged, key=lambda n: (n not in wanted, -merged[n], n))[: count - 1]
        names.sort(key=lambda n: (-merged[n], n))
        chosen = set(names)
        aliases = {s: merge(s) for s in sorted(spellings) if merge(s) in chosen}
        for label in sorted(labels):
            if (noun := CLASS_OF.get(label, label)) in chosen:
                aliases[label] = aliases[noun] = noun
        aliases |= {synonym: noun for synonym, noun in sorted(synonyms.items()) if noun in chosen}
        return cls((BACKGROUND, *names), aliases, _kinds(photos, wanted & chosen, chosen, merge) if labels else {})

    def index(self, phrase: str) -> int | None:
        """The class of a phrase, or None where its head noun has none."""
        noun = head_noun(phrase, PAIRS if self.kinds else ())
        name = self.aliases.get(noun) if noun else None
        return self._numbers[name] if name else None

    def allowed(self, label: str) -> list[int]:
        """The classes that a box with this label may show: the label's own first; none for an unknown label."""
        name = self.aliases.get(label)
        return [self._numbers[n] for n in (name, *self.kinds.get(name, ()))] if name else []

    @property
    def _numbers(self) -> dict[str, int]:
        if "_cache" not in self.__dict__:
            object.__setattr__(self, "_cache", {n: i for i, n in enumerate(self.names)})
        return self.__dict__["_cache"]

    def counts(self, photo: AnnotatedPhoto, box: int) -> Counter[int]:
        """How often each class names this box over all captions, in order of first mention.

        Of a labelled box only what its label allows: COCO's phrases are tied to their boxes by a program.
        """
        found = [self.index(p.text) for p in photo.phrases_of(box)]
        allowed = self.allowed(photo.label_of(box)) or found
        return Counter(i for i in found if i is not None and i in allowed)

    def label(self, photo: AnnotatedPhoto, box: int) -> int | None:
        """The class that names the box most often (the first of equals), else that of its label, or None."""
        if counts := self.counts(photo, box):
            return max(counts, key=lambda i: counts[i])
        own = self.allowed(photo.label_of(box))
        return own[0] if own else None


def _kinds(photos: Sequence[AnnotatedPhoto], wanted: set[str], names: set[str],
           merge: Callable[[str], str]) -> dict[str, tuple[str, ...]]:
    """For the class of each label the other classes of `names` that are a kind of it."""
    all_uses, people = Counter[str](), Counter[str]()
    for photo in photos:
        for phrase in (p for c in photo.captions for p in c.phrases if p.boxes):
            if noun := head_noun(phrase.text, PAIRS):
                all_uses[merge(noun)] += 1
                people[merge(noun)] += "people" in phrase.types
    human = tuple(sorted(n for n in names - wanted if 2 * people[n] > all_uses[n]))
    return {name: human if PEOPLE in KINDS.get(name, ()) else tuple(k for k in KINDS.get(name, ()) if k in names)
            for name in sorted(wanted)}


def _nouns_of_boxes(photos: Sequence[AnnotatedPhoto], pairs: Collection[str]) -> Iterable[list[str]]:
    for photo in photos:
        for box in range(len(photo.boxes)):
            nouns = [head_noun(p.text, pairs) for p in photo.phrases_of(box)]
            yield [n for n in nouns if n]
