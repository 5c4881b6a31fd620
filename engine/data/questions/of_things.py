"""Questions about things: their colours, their number, where they lie, what there is at all."""

from __future__ import annotations

from collections.abc import Iterable

from engine.data.questions import words as lexicon
from engine.data.questions.captions import NounPhrase, animate
from engine.data.questions.facts import Facts, one_gender
from engine.data.questions.grammar import FORMS, GeneratedQuestion, Votes, filled, made, sure_phrases, thing_of, vote
from engine.data.questions.words import plural_of

MOST_COUNTED = 6
SURFACES = frozenset("table desk plate counter bed couch bench shelf bowl basket tray chair wall tree branch".split())


def colours(facts: Facts) -> list[GeneratedQuestion]:
    """What colour a thing is that is no person, of which there is one or all are alike, and no caption disagrees."""
    votes: dict[tuple[str, bool], Votes] = {}
    for number, phrase in sure_phrases(facts):
        colour = colour_of(phrase)
        if colour and phrase.noun not in lexicon.PEOPLE_OF and phrase.noun not in lexicon.CLOTHES:
            vote(votes.setdefault((phrase.noun, phrase.plural), {}), colour, number)
    found = []
    for (noun, plural), own in votes.items():
        if len(own) != 1 or not (plural or facts.unique(noun)) or noun in lexicon.VAGUE:
            continue
        if plural and not _alike(facts, noun):
            continue
        said = plural_of(noun) if plural else noun
        found.append(made("colour", "colour", noun, filled("colours" if plural else "colour", said), own))
    return found


def _alike(facts: Facts, noun: str) -> bool:
    """Whether every caption speaks of all things of this noun at once."""
    return all(sum(p.noun == noun for p in c.phrases) <= 1 and all(p.plural for p in c.phrases if p.noun == noun)
               for c in facts.captions)


def colour_of(phrase: NounPhrase) -> str:
    """The colour or the two colours of a phrase, "black and white"; nothing for none or more."""
    own = sorted(set(phrase.colours))
    return " and ".join(own) if 1 <= len(own) <= 2 else ""


def clothes(facts: Facts) -> list[GeneratedQuestion]:
    """What colour somebody's clothes are."""
    votes: dict[tuple[str, str], Votes] = {}
    for number, wearer, worn in worn_by(facts):
        if (colour := colour_of(worn)) and not wearer.plural and facts.unique(wearer.noun):
            vote(votes.setdefault((wearer.noun, worn.noun), {}), colour, number)
    found = []
    for (person, noun), own in votes.items():
        if len(own) != 1 or facts.most(noun) > 1:
            continue
        plural = noun in lexicon.PAIRED
        said = plural_of(noun) if plural else noun
        forms = filled("colours" if plural else "colour", f"{person}'s {said}")
        if facts.people == 1 and person in ("man", "woman", "boy", "girl"):
            owner = "his" if person in ("man", "boy") else "her"
            forms += (f"what color {said} is the {person} wearing",
                      f"what color {'are' if plural else 'is'} {owner} {said}",
                      *filled("colours" if plural else "colour", said))
        found.append(made("colour", "clothes", noun, forms, own))
    return found


def worn_by(facts: Facts) -> Iterable[tuple[int, NounPhrase, NounPhrase]]:
    """The caption, who wears, and what."""
    for number, caption in enumerate(facts.captions):
        for clause in caption.clauses:
            if clause.verb == "wearing" and clause.thing and clause.thing.sure and not clause.preposition:
                yield number, clause.subject, clause.thing
        for relation in caption.relations:
            if (relation.preposition in ("in", "with") and relation.subject and relation.place.sure
                    and relation.place.noun in lexicon.CLOTHES and relation.subject.noun in lexicon.PEOPLE_OF):
                yield number, relation.subject, relation.place


def numbers(facts: Facts) -> list[GeneratedQuestion]:
    """How many things of a noun there are."""
    nouns = dict.fromkeys([*facts.boxes, *(p.noun for _, p in sure_phrases(facts) if p.count and animate(p.noun))])
    if not facts.complete and any(noun in lexicon.PEOPLE_OF for noun in nouns):
        nouns["person"] = None
    found = []
    for noun in nouns:
        count = facts.number(noun)
        if 1 <= count <= MOST_COUNTED:
            shown = [i for i, c in enumerate(facts.captions)
                     if any(p.noun == noun and p.count == count for p in c.phrases)]
            forms = filled("number", plural_of(lexicon.SAID.get(noun, noun)))
            found.append(GeneratedQuestion("number", "number", noun, forms, {str(count): 1.0}, tuple(shown)))
    return found


def beside(facts: Facts) -> list[GeneratedQuestion]:
    """What is on the table, in the bowl, under the tree."""
    votes: dict[tuple[str, str], Votes] = {}
    for number, caption in enumerate(facts.captions):
        for relation in caption.relations:
            place, thing = relation.place, thing_of(relation.subject) if relation.subject else ""
            if (thing and place.sure and place.noun in SURFACES and relation.preposition in ("on", "in", "under")
                    and facts.most(place.noun) == 1 and thing not in lexicon.PLACES | set(lexicon.PEOPLE_OF)):
                vote(votes.setdefault((relation.preposition, place.noun), {}), thing, number)
    return [made("object", f"{way} what", place, (f"what is {way} the {place}", f"what do you see {way} the {place}",
                                                  f"what's {way} the {place}"), own)
            for (way, place), own in votes.items()]


def in_mouths(facts: Facts) -> list[GeneratedQuestion]:
    """What the only dog has in its mouth."""
    votes: Votes = {}
    for number, caption in enumerate(facts.captions):
        for relation in caption.relations:
            thing = thing_of(relation.subject) if relation.subject else ""
            mouth = relation.place.noun == "mouth" and relation.preposition == "in"
            if mouth and thing and not animate(thing):
                vote(votes, thing, number)
    if not votes or not facts.unique("dog"):
        return []
    return [made("object", "in mouth", "dog", ("what is in the dog's mouth", "what does the dog have in its mouth",
                                                "what is the dog carrying in its mouth"), votes)]


def kinds_of(facts: Facts) -> list[GeneratedQuestion]:
    """Which animal, vehicle or food is there, where there is one kind."""
    found = []
    for name, nouns in (("animal", lexicon.ANIMALS), ("vehicle", lexicon.VEHICLES), ("food", lexicon.FOODS)):
        there: Votes = {noun: [i for i, c in enumerate(facts.captions) if noun in {p.noun for p in c.phrases}]
                        for noun in nouns if not facts.absent(noun)}
        if len(there) == 1 and len(next(iter(there.values()))) >= 2:
            found.append(made("object", name, "", FORMS[name], there))
    return found


def main(facts: Facts) -> list[GeneratedQuestion]:
    """What the picture shows, where captions name no person first; and who, where there is one person."""
    votes: Votes = {}
    for number, caption in enumerate(facts.captions):
        first = next((p for p in caption.phrases if p.noun not in lexicon.VAGUE), None)
        if first and first.sure and first.start < 5 and first.noun not in lexicon.PLACES:
            vote(votes, first.noun, number)
    found = []
    if votes and max(map(len, votes.values())) > 1:
        asked = made("object", "main", "", FORMS["main"], votes)
        found = [asked] if asked.best not in lexicon.PEOPLE_OF else []
    who = {noun: own for noun, own in votes.items() if noun in lexicon.PEOPLE_OF}
    if who and facts.people == 1 and one_gender(who):
        found.append(made("object", "who", "", FORMS["who"], who))
    return found
