"""Questions about people and animals: what they do, with what, and where."""

from __future__ import annotations

from engine.data.questions import words as lexicon
from engine.data.questions.captions import Caption, Clause, NounPhrase
from engine.data.questions.facts import Facts, one_gender
from engine.data.questions.grammar import FORMS, GeneratedQuestion, Votes, a, filled, made, said, thing_of, vote
from engine.data.questions.of_things import worn_by

DOES = frozenset("holding wearing riding carrying eating throwing catching kicking chasing pulling pushing drinking "
                 "cutting hitting flying climbing brushing using reading driving feeding licking biting painting "
                 "cooking chewing".split())
GOES = frozenset("sitting standing lying laying jumping running walking leaping climbing swimming playing looking "
                 "leaning leaping hanging resting sleeping splashing diving sliding balancing wading racing".split())
WAYS = frozenset(("on", "over", "into", "through", "under", "against", "down", "along", "across", "in"))
IN_PLACE = frozenset(("in", "on", "at", "through", "down", "along", "across", "into", "onto"))
FURNITURE = frozenset("bench couch bed chair table desk boat car bus train motorcycle rock".split())
NO_ACTION = frozenset(map(lexicon.ing, lexicon.NO_ACTION)) | {"talking"}


def actions(facts: Facts) -> list[GeneratedQuestion]:
    """What somebody does, or some do together."""
    found = []
    for subject in facts.subjects():
        if votes := _actions_of(facts, subject):
            name = "doing together" if subject.plural else "doing"
            found.append(made("action", "doing", subject.noun, filled(name, said(subject)), votes))
    return found


def _actions_of(facts: Facts, subject: NounPhrase) -> Votes:
    votes: Votes = {}
    for number, clause in facts.clauses(subject):
        if action := action_of(facts.captions[number], clause):
            vote(votes, action, number)
    if len(votes) > 1 and any(action.startswith("riding ") or action in lexicon.STILL for action in votes):
        votes.pop("riding", None)  # the others say what is ridden
    return votes


def action_of(caption: Caption, clause: Clause) -> str:
    """What somebody does, in the words of an answer; nothing where the verb says little."""
    thing = clause.thing.noun if clause.thing else ""
    if clause.verb == "playing":
        after = caption.words[caption.words.index(clause.subject.head.split()[-1], clause.subject.start) + 1:]
        game = next((word for word in after if word in lexicon.GAMES), "")
        return f"playing {game}" if game else "playing"
    if clause.verb == "reading" and not thing:
        return ""  # "a card reading …"
    named = lexicon.DONE.get((clause.verb, thing)) or lexicon.DONE.get((clause.verb, ""))
    return named or ("" if clause.verb in NO_ACTION else clause.verb)


def done_to(facts: Facts) -> list[GeneratedQuestion]:
    """What somebody holds, rides, wears, or sits on."""
    votes: dict[tuple[str, str, str, bool], Votes] = {}
    for subject in facts.subjects():
        for number, clause in facts.clauses(subject):
            thing = thing_of(clause.thing) if clause.thing else ""
            if thing and _transitive(clause, thing):
                way = clause.preposition
                vote(votes.setdefault((said(subject), clause.verb, way, subject.plural), {}), thing, number)
    for number, person, worn in worn_by(facts):
        if not person.plural and facts.unique(person.noun) and (thing := thing_of(worn)):
            vote(votes.setdefault((person.noun, "wearing", "", False), {}), thing, number)
    found = []
    for (subject_said, verb, way, plural), own in votes.items():
        phrase = f"{verb} {way}".strip()
        be = "are" if plural else "is"
        forms = (f"what {be} the {subject_said} {phrase}", f"what {be} {'these' if plural else 'this'} {subject_said} "
                 f"{phrase}")
        place = all(answer in lexicon.PLACES for answer in own)
        found.append(made("place" if place else "object", phrase, subject_said, forms, own))
    return found


def _transitive(clause: Clause, thing: str) -> bool:
    if thing in lexicon.PEOPLE_OF:
        return False
    if not clause.preposition:
        return clause.verb in DOES
    if clause.preposition == "with":
        return clause.verb == "playing"
    if clause.preposition == "at":
        return clause.verb == "looking" and thing != "camera"
    return clause.verb in GOES and clause.preposition in WAYS and thing not in lexicon.CLOTHES | {"sky"}


def doers(facts: Facts) -> list[GeneratedQuestion]:
    """Who does something with the one thing of a noun."""
    votes: dict[tuple[str, str], Votes] = {}
    for number, caption in enumerate(facts.captions):
        for clause in caption.clauses:
            if clause.verb in DOES and clause.thing and not clause.preposition and not clause.subject.plural:
                thing = thing_of(clause.thing)
                if thing and not clause.thing.plural and facts.most(thing) == 1 and facts.unique(clause.subject.noun):
                    vote(votes.setdefault((clause.verb, thing), {}), clause.subject.noun, number)
    found = []
    for (verb, thing), own in votes.items():
        if one_gender(own) and all(own_subject in lexicon.PEOPLE_OF for own_subject in own):
            forms = (f"who is {verb} the {thing}", f"who is {verb} {a(thing)}")
            found.append(made("object", f"who {verb}", thing, forms, own))
    return found


def places(facts: Facts) -> list[GeneratedQuestion]:
    """Where the photo was taken, and where the one animal or person is."""
    votes = _places(facts)
    found = [made("place", "place", "", FORMS["place"], votes)] if votes else []
    for subject in facts.subjects():
        own: Votes = {place: list(numbers) for place, numbers in votes.items()}
        for number, clause in facts.clauses(subject):
            if clause.preposition in ("in", "on", "at") and clause.thing and clause.thing.noun in FURNITURE:
                vote(own, clause.thing.noun, number)
        if own:
            name = "where are" if subject.plural else "where is"
            found.append(made("place", "where", subject.noun, filled(name, said(subject)), own))
    return found


def _places(facts: Facts) -> Votes:
    votes: Votes = {}
    for number, caption in enumerate(facts.captions):
        for relation in caption.relations:
            if relation.preposition in IN_PLACE and relation.place.sure:
                for place in place_of(relation.place):
                    if place not in lexicon.INDOORS or relation.preposition in ("in", "at"):
                        vote(votes, place, number)
    return votes


def place_of(phrase: NounPhrase) -> list[str]:
    """The places that a phrase names: "a snowy field" is a field and snow."""
    noun = lexicon.PLACE_OF.get(phrase.head, lexicon.PLACE_OF.get(phrase.noun, phrase.noun))
    found = [noun] if noun in lexicon.PLACES else []
    if found or phrase.noun in ("area", "ground"):
        found += [place for word, place in lexicon.ADJECTIVE_PLACE.items() if word in phrase.adjectives]
    return list(dict.fromkeys(found))


def rooms(facts: Facts) -> list[GeneratedQuestion]:
    """Which room it is."""
    votes = {place: own for place, own in _places(facts).items() if place in lexicon.ROOMS}
    return [made("place", "room", "", FORMS["room"], votes)] if len(votes) == 1 else []


def sports(facts: Facts) -> list[GeneratedQuestion]:
    """Which sport it is."""
    votes: Votes = {}
    for number, caption in enumerate(facts.captions):
        following = (*caption.words[1:], "")
        for word in sorted({lexicon.SPORTS[w] for w, after in zip(caption.words, following, strict=True)
                            if w in lexicon.SPORTS and after not in ("ball", "balls")}):
            vote(votes, word, number)
    return [made("action", "sport", "", FORMS["sport"], votes)] if len(votes) == 1 and max(
        map(len, votes.values())) >= 2 else []
