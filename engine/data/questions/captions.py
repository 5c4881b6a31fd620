"""What a caption says, parsed shallowly: its noun phrases, who does what, and what is where.

A noun phrase is a determiner, numbers and adjectives, then nouns, all of which the lexicon knows. A phrase with an
unknown word beside it yields no fact, so a caption that is not understood asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.questions import words as lexicon
from engine.data.questions.words import canonical, is_plural, nouns, singular_of

WORDS = re.compile(r"[a-z]+(?:[-'][a-z]+)*|\d+|[.,;:!?\"]")


@dataclass(frozen=True)
class NounPhrase:
    """head: the noun as written, of one or two words. noun: the one noun for all that mean the same thing.

    count: of a number or a singular, or None where it is open. sure: whether no unknown word stands beside it.
    """

    start: int
    stop: int
    head: str
    noun: str
    plural: bool
    count: int | None
    colours: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    sure: bool = True

    @property
    def said(self) -> str:
        """The noun with the nouns before it: "tennis racket"."""
        return " ".join((*self.modifiers, self.head))


@dataclass(frozen=True)
class Clause:
    """Somebody does something. verb: its -ing form. thing: the object, or what follows `preposition`."""

    subject: NounPhrase
    verb: str
    thing: NounPhrase | None = None
    preposition: str = ""


@dataclass(frozen=True)
class Relation:
    """One thing stands in, on or beside another; `subject` is None where that is open."""

    subject: NounPhrase | None
    preposition: str
    place: NounPhrase


@dataclass(frozen=True)
class Caption:
    """words: in lower case. mentions: every noun that occurs, in the singular, and every pair of words."""

    text: str
    words: tuple[str, ...]
    phrases: tuple[NounPhrase, ...]
    clauses: tuple[Clause, ...]
    relations: tuple[Relation, ...]

    @property
    def mentions(self) -> frozenset[str]:
        ones = [singular_of(word) for word in self.words]
        pairs = [f"{a} {b}" for a, b in zip(self.words, ones[1:], strict=False)]
        return frozenset({*ones, *pairs, *self.words})


def parse(text: str) -> Caption:
    """Parse a caption.

    Args:
        text: as a person wrote it

    Returns:
        What could be understood of it, maybe nothing.
    """
    words = tuple(WORDS.findall(text.lower()))
    phrases = _phrases(words)
    starts = {phrase.start: phrase for phrase in phrases}
    clauses = _clauses(words, phrases, starts)
    return Caption(text, words, phrases, clauses, _relations(words, phrases, starts))


def _phrases(words: Sequence[str]) -> tuple[NounPhrase, ...]:
    found, place = [], 0
    while place < len(words):
        phrase = _phrase(words, place)
        if phrase:
            found.append(phrase)
        place = phrase.stop if phrase else place + 1
    return tuple(found)


def _phrase(words: Sequence[str], start: int) -> NounPhrase | None:
    """The noun phrase that starts here."""
    place, count, colours, adjectives = start, None, list[str](), list[str]()
    determined = words[place] in lexicon.DETERMINERS
    if determined:
        place += 1
    if place < len(words) and words[place] in lexicon.NUMBERS:
        count = lexicon.NUMBERS[words[place]]
        place += 1
    elif place < len(words) and words[place] == "one":
        place += 1
    while place < len(words) and (step := _describing(words, place, determined, colours, adjectives)):
        place += step
    first = place
    while place < len(words) and _is_noun(words, place, first):
        place += 1
    if place == first:
        return None
    head, before = words[place - 1], list(words[first:place - 1])
    if before and f"{before[-1]} {singular_of(head)}" in nouns():
        head = f"{before.pop()} {head}"
    one = words[start] in ("a", "an", "one")
    plural = is_plural(head.split()[-1]) and not (one and head == "sheep")
    noun = canonical(_singular_pair(head))
    open_end = place < len(words) and not _known(words[place])
    vague = start > 1 and words[start - 1] == "of" and words[start - 2] in lexicon.GROUPS
    grouped = vague or (start > 0 and words[start - 1] in lexicon.GROUPS) or head in lexicon.COLLECTIVES
    shared = start > 1 and words[start - 1] == "and" and _describes(words[start - 2])  # "two black and two white dogs"
    number = None if shared else count if count else None if plural or grouped else 1
    sure = not (open_end or shared) and (determined or bool(count) or plural or start == 0 or words[start - 1] in
                             lexicon.PREPOSITIONS or words[start - 1] in lexicon.ING)
    return NounPhrase(start, place, head, noun, plural, number, tuple(colours), tuple(adjectives), tuple(before), sure)


def _singular_pair(head: str) -> str:
    *before, last = head.split()
    return " ".join((*before, singular_of(last)))


def _describing(words: Sequence[str], place: int, determined: bool, colours: list[str], adjectives: list[str]) -> int:
    """How many words describe the noun that follows; they are added to the lists."""
    word = words[place]
    if place + 1 >= len(words):
        return 0
    if word in lexicon.COLOURS:
        colours.append(lexicon.COLOURS[word])
        return 1
    if word == "and" and colours and words[place + 1] in lexicon.COLOURS:
        return 1
    if word == "," and colours and words[place + 1] in lexicon.COLOURS:
        return 1
    if word in lexicon.ADJECTIVES or word in lexicon.SHADES:
        if _is_noun(words, place, place) and not _goes_on(words, place + 1):
            return 0
        adjectives.append(word)
        return 1
    if determined and word in lexicon.ING and _is_noun(words, place + 1, place + 1) and word not in nouns():
        adjectives.append(word)
        return 1
    return 0


def _describes(word: str) -> bool:
    return word in lexicon.COLOURS or word in lexicon.ADJECTIVES or word in lexicon.NUMBERS


def _goes_on(words: Sequence[str], place: int) -> bool:
    return words[place] in lexicon.COLOURS or words[place] in lexicon.ADJECTIVES or _is_noun(words, place, place)


def _is_noun(words: Sequence[str], place: int, first: int) -> bool:
    """Whether a word goes on the nouns of a phrase. After a noun, a word that is also a verb is taken as one."""
    word = words[place] if place < len(words) else ""
    one = singular_of(word)
    bare = place == first > 0 and words[place - 1] not in lexicon.DETERMINERS and not _describes(words[place - 1])
    if (place > first or bare) and (word in lexicon.THIRD or word in lexicon.BASE or word in lexicon.ING):
        return f"{words[place - 1]} {one}" in nouns()
    if one in nouns() or one in lexicon.VAGUE:
        return True
    following = singular_of(words[place + 1]) if place + 1 < len(words) else ""
    return f"{word} {following}" in nouns()


def _known(word: str) -> bool:
    """Whether a word may follow a noun phrase and leaves its head the head."""
    return (word in lexicon.PREPOSITIONS or word in lexicon.AUXILIARIES or word in lexicon.ING or word in lexicon.SIT
            or word in lexicon.THIRD or word in lexicon.BASE or word in lexicon.ADVERBS or word in lexicon.DETERMINERS
            or not word.isalpha() or word in lexicon.FOLLOWING or (word.endswith("ing") and word not in nouns()))


def _clauses(words: Sequence[str], phrases: Sequence[NounPhrase],
             starts: dict[int, NounPhrase]) -> tuple[Clause, ...]:
    found: list[Clause] = []
    for place, word in enumerate(words):
        verb = lexicon.ING.get(word) or lexicon.SIT.get(word) or lexicon.THIRD.get(word) or lexicon.BASE.get(word)
        if not verb or any(p.start <= place < p.stop for p in phrases):
            continue
        subject = _subject(words, phrases, place)
        if subject is None or not _agrees(words, subject, place):
            continue
        after = place + 1
        while after < len(words) and words[after] in lexicon.ADVERBS and words[after] not in lexicon.PREPOSITIONS:
            after += 1
        if after in starts:
            found.append(Clause(subject, verb, starts[after]))
            continue
        preposition, length = _preposition(words, after)
        if preposition and after + length in starts:
            found.append(Clause(subject, verb, starts[after + length], preposition))
        else:
            found.append(Clause(subject, verb))
    return tuple(found)


def _subject(words: Sequence[str], phrases: Sequence[NounPhrase], place: int) -> NounPhrase | None:
    """Who does what the verb at `place` says: the only animate phrase before it, or the one right before it."""
    before = [p for p in phrases if p.stop <= place]
    if not before:
        return None
    last = before[-1]
    between = words[last.stop:place]
    near = all(w in lexicon.AUXILIARIES or w in lexicon.ADVERBS for w in between)
    if near and animate(last.noun):
        return last if not _joined(words, before) else None
    alive = [p for p in before if animate(p.noun)]
    if len(alive) != 1 or any(w in (".", ";", ":", "who", "that", "as") for w in words[alive[0].stop:place]):
        return None
    return alive[0]


def _joined(words: Sequence[str], before: Sequence[NounPhrase]) -> bool:
    """Whether the last phrase shares its verb with the one before it: "a man and a woman sit"."""
    return len(before) > 1 and words[before[-2].stop:before[-1].start] in (("and",), (",", "and"), (",",))


def _agrees(words: Sequence[str], subject: NounPhrase, place: int) -> bool:
    """Whether the form of the verb fits its subject. A bare verb right after a plural is one; else it may be a noun."""
    word = words[place]
    between = words[subject.stop:place]
    if word in lexicon.ING or word in lexicon.SIT:
        return all(lexicon.AUXILIARIES.get(w, subject.plural) == subject.plural for w in between)
    if word in lexicon.THIRD:
        return not subject.plural and (not between or between[-1] in ("and", "while"))
    return subject.plural and not between


def animate(noun: str) -> bool:
    """Whether a thing of this noun acts."""
    return noun in lexicon.PEOPLE_OF or noun in lexicon.ANIMALS


def _preposition(words: Sequence[str], place: int) -> tuple[str, int]:
    """The preposition here and how many words it has; an empty one for none."""
    for length in (3, 2):
        if found := lexicon.LONG_PREPOSITIONS.get(tuple(words[place:place + length])):  # type: ignore[call-overload]
            return found, length
    if place < len(words) and words[place] in lexicon.PREPOSITIONS:
        return lexicon.PREPOSITIONS[words[place]], 1
    return "", 0


def _relations(words: Sequence[str], phrases: Sequence[NounPhrase],
               starts: dict[int, NounPhrase]) -> tuple[Relation, ...]:
    found: list[Relation] = []
    stops = {phrase.stop: phrase for phrase in phrases}
    place = 0
    while place < len(words):
        preposition, length = _preposition(words, place)
        if length and (target := starts.get(place + length)):
            at = place
            while at > 0 and words[at - 1] in (*lexicon.AUXILIARIES, *lexicon.SIT, "sitting", "standing", "lying",
                                               "laying"):
                at -= 1
            found.append(Relation(stops.get(at), preposition, target))
        place += max(1, length)
    return tuple(found)
