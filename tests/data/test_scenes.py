"""A generated world: true to its nouns, true in every sentence, and silent where only the picture may speak."""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.data import flickr8k
from engine.data.scenes import (
    ANSWERS,
    WITHHELD,
    Thing,
    choice_questions,
    open_questions,
    referring,
    scene,
    told,
    write,
)
from engine.data.scenes.draw import INKS, SIDE, picture
from engine.errors import DataError
from engine.structures.photo import Photo
from engine.structures.questions import TaggedText

SEED, COUNT = 7, 1200
VOCABULARY = Path(__file__).parents[2] / "assets" / "weights" / "vocab.txt"
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
PLACES = "left of|right of|above|below"
HOW_MANY_ANSWERS = {"what color": 8, "what shape": 6, "what size": 2, "what pattern": 3, "is": 2}


@pytest.fixture(scope="module")
def world():
    """Every scene with all that is said of it."""
    return [(s, told(s, SEED)) for s in (scene(SEED, i) for i in range(COUNT))]


# What a reader of the texts knows: how to tell whether words fit, written without the code that wrote them.

def fits(words: str, thing: Thing) -> bool:
    return set(words.split()) - {"thing", "things", "a", "an", "the"} <= {
        thing.shape, thing.shape + "s", thing.colour, thing.size, thing.material}


def is_at(thing: Thing, place: str, other: Thing) -> bool:
    (x, y), (u, v) = (((b[0] + b[2]) / 2 * SIDE, (b[1] + b[3]) / 2 * SIDE) for b in (thing.box, other.box))
    ahead = {"left of": u - x, "right of": x - u, "above": v - y, "below": y - v}[place]
    assert abs(ahead) > 0.075 * SIDE, f"{place}: too close to call"
    return ahead > 0


def meant(words: str, things: Sequence[Thing]) -> list[Thing]:
    """The things that an expression fits: "the star", or "the star left of the blue ring"."""
    placed = re.fullmatch(f"the (.+?) ({PLACES}) the (.+)", words)
    if not placed:
        return [t for t in things if fits(words, t)]
    what, place, of = placed.groups()
    (there,) = (t for t in things if fits(of, t))
    return [t for t in things if t is not there and fits(what, t) and is_at(t, place, there)]


def answer(text: str, things: Sequence[Thing]) -> str:
    if m := re.fullmatch(r"how many (.+) are there \?", text):
        return NUMBERS[sum(fits(m[1], t) for t in things)]
    if m := re.fullmatch(r"is there an? (.+) \?", text):
        return "yes" if any(fits(m[1], t) for t in things) else "no"
    if m := re.fullmatch(rf"is (the .+?) ({PLACES}) (the .+) \?", text):
        (one,), (other,) = meant(m[1], things), meant(m[3], things)
        return "yes" if is_at(one, m[2], other) else "no"
    name, words = "(color|shape|size|pattern)", f"(?:(the .+?)|(({PLACES}) the .+?))"
    m = re.fullmatch(rf"what {name} (?:is|does) {words}(?: have)? \?", text)
    assert m, text
    (one,) = meant(m[2] or "the thing " + m[3], things)
    return getattr(one, {"color": "colour", "pattern": "material"}.get(m[1], m[1]))


def showing(text: str, things: Sequence[Thing]) -> list[Thing]:
    """The things that are what the question asks for; none where its answer is no."""
    if m := re.fullmatch(r"(?:how many|is there an?) (.+?)(?: are there)? \?", text):
        return [t for t in things if fits(m[1], t)]
    if m := re.fullmatch(rf"is (the .+?) ({PLACES}) (the .+) \?", text):
        return [t for t in meant(m[1], things) if is_at(t, m[2], *meant(m[3], things))]
    m = re.fullmatch(rf"what \w+ (?:is|does) (?:(the .+?)|(({PLACES}) the .+?))(?: have)? \?", text)
    assert m, text
    return meant(m[1] or "the thing " + m[2], things)


def parts(text: TaggedText, things: Sequence[Thing]) -> tuple[str, list[Thing]]:
    """The text with each thing that it names as "@", and these things; whatever is said of them must be true."""
    named = []
    plain: list[str] = []
    for word, tag in zip(text.words, text.tags, strict=True):
        plain.append(word)
        if tag:
            start = len(plain) - plain[::-1].index("the") - 1
            assert fits(" ".join(plain[start:]), things[tag - 1])
            plain[start:] = ["@"]
            named.append(things[tag - 1])
    return " ".join(plain), named


def holds(question: TaggedText, text: TaggedText, things: Sequence[Thing]) -> bool:
    """Whether an answer or a rationale is true of the picture."""
    asked, (subject,) = parts(question, things)
    said, named = parts(text, things)
    if m := re.fullmatch("it is (above|below) and (left of|right of) @", said):
        return all(is_at(subject, place, named[0]) for place in m.groups())
    if said == "@" and (m := re.fullmatch(rf"what is ({PLACES}) @ \?", asked)):
        return is_at(named[0], m[1], subject)
    if m := re.fullmatch("because it has the same (color|shape) as @", said):
        named = [subject, *named]
        return len({getattr(t, m[1].replace("color", "colour")) for t in named}) == 1
    if said == "@" and (m := re.fullmatch(r"which thing has the same (color|shape) as @ \?", asked)):
        return len({getattr(t, m[1].replace("color", "colour")) for t in (subject, *named)}) == 1
    if m := re.fullmatch("because @ and @ are both (.+)", said):
        return all(fits(m[1], t) for t in named)
    if m := re.fullmatch("because @ is (.+) and @ is (.+)", said):
        return all(fits(words, t) for words, t in zip(m.groups(), named, strict=True))
    assert said.startswith("it is a") and asked == "what is @ ?", (asked, said)
    return fits(said.removeprefix("it is"), subject)


def test_a_scene_is_the_same_whatever_is_drawn_beside_it(tmp_path) -> None:
    assert scene(3, 5) == scene(3, 5) != scene(4, 5)
    assert np.array_equal(scene(3, 5).photo().pixels, scene(3, 5).photo().pixels)
    for count in (2, 4):
        write(tmp_path / str(count), count, 3)
    for name in ("scenes.jsonl", "entities_train.jsonl"):
        few, many = ((tmp_path / str(c) / name).read_text().splitlines() for c in (2, 4))
        assert few == many[:2] and len(many) == 4
    assert len({(tmp_path / c / "images" / "00001.jpg").read_bytes() for c in ("2", "4")}) == 1


def test_a_box_is_exactly_what_is_drawn(world) -> None:
    for drawn, _ in world[:60]:
        empty = picture(drawn.background, [])
        for thing in drawn.things:
            pixels = picture(drawn.background, [thing])
            rows, columns = np.nonzero((pixels != empty).any(2))
            x1, y1, x2, y2 = (v * SIDE for v in thing.box)
            assert 0 < x1 < x2 < SIDE and 0 < y1 < y2 < SIDE
            found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert np.abs(found - [x1, y1, x2, y2]).max() < 1.5
            if thing.material == "plain":
                assert (pixels == INKS[thing.colour]).all(2).sum() > 0.4 * len(rows)


def test_things_hardly_overlap_and_sizes_are_far_apart(world) -> None:
    widths = defaultdict(list)
    for drawn, _ in world[:200]:
        for i, a in enumerate(drawn.things):
            widths[a.size].append(max(a.box[2] - a.box[0], a.box[3] - a.box[1]))
            for b in drawn.things[:i]:
                wide = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
                high = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
                smaller = min((t.box[2] - t.box[0]) * (t.box[3] - t.box[1]) for t in (a, b))
                assert max(wide, 0) * max(high, 0) < 0.12 * smaller
    assert min(widths["large"]) > 1.1 * max(widths["small"])


def test_every_question_has_its_one_true_answer(world) -> None:
    kinds = Counter()
    for drawn, said in world:
        for q in said.open:
            kinds[q.kind] += 1
            assert q.answers == {answer(q.text, drawn.things): 1.0}, q.text
            assert set(q.answers) <= set(ANSWERS)
            assert [drawn.things[b] for b in q.boxes] == showing(q.text, drawn.things), q.text
    assert len(kinds) == 10 and min(kinds.values()) > 0.3 * COUNT and kinds.total() > 6 * COUNT


def test_more_rounds_ask_more_of_the_same_scene_and_nothing_twice(world) -> None:
    for drawn, once in world[:40]:
        said = told(drawn, SEED, rounds=5)
        assert said.captions == once.captions and len(said.open) > 2 * len(once.open)
        for few, many in ((once.open, said.open), (once.choices, said.choices), (once.referring, said.referring)):
            assert many[:len(few)] == few
        for q in said.open:
            assert q.answers == {answer(q.text, drawn.things): 1.0}, q.text
        for texts in ([q.text for q in said.open], [q.text for q in said.referring],
                      [(q.question.marked, q.answers[q.answer].marked) for q in said.choices]):
            assert len(set(texts)) == len(texts)


def test_every_expression_means_one_thing_and_says_no_more_than_it_must(world) -> None:
    words = Counter()
    for drawn, said in world:
        assert 1 <= len(said.referring) <= 3
        for r in said.referring:
            assert meant(r.text, drawn.things) == [drawn.things[r.boxes[0]]], r.text
            spare = [w for w in r.text.split() if w not in ("the", "thing")] if r.kinds == ("look",) else []
            words[len(spare)] += r.kinds == ("look",)
            for word in spare:
                assert len(meant(" ".join(w for w in r.text.split() if w != word), drawn.things)) > 1
    assert words[2] + words[3] + words[4] > 1.5 * words[1]


def test_one_answer_and_one_rationale_in_four_are_true(world) -> None:
    kinds = Counter()
    for drawn, said in world:
        for q in said.choices:
            kinds[q.kind] += 1
            assert [holds(q.question, a, drawn.things) for a in q.answers] == [i == q.answer for i in range(4)]
            assert [holds(q.question, r, drawn.things) for r in q.rationales] == [i == q.rationale for i in range(4)]
            assert len({len(a.words) for a in q.answers}) == len({len(r.words) for r in q.rationales}) == 1
    assert len(kinds) == 4 and min(kinds.values()) > 0.08 * COUNT


def blind(world: list) -> dict[str, float]:
    """By how much the most frequent answer to the same words, or to the same kind, beats chance on unseen scenes."""
    by_text: defaultdict = defaultdict(Counter)
    by_kind: defaultdict = defaultdict(Counter)
    for _, said in world[::2]:
        for q in said.open:
            for counter in (by_text[q.text], by_kind[q.kind]):
                counter.update(q.answers)
    right, chance, asked = Counter(), Counter(), Counter()
    for _, said in world[1::2]:
        for q in said.open:
            (guess, _), = (by_text[q.text] or by_kind[q.kind]).most_common(1)
            right[q.kind] += guess in q.answers
            chance[q.kind] += 1 / (HOW_MANY_ANSWERS.get(" ".join(q.text.split()[:2]))
                                   or HOW_MANY_ANSWERS.get(q.text.split()[0]) or {"count": 5}.get(q.kind, 3))
            asked[q.kind] += 1
    return {kind: (right[kind] - chance[kind]) / asked[kind] for kind in asked}


def test_no_answer_can_be_told_from_the_words_alone(world) -> None:
    known = [(s, told(s, SEED)) for s in (scene(SEED, i, "known") for i in range(COUNT // 2))]
    for pairs, scenes, margin in (("all", world, 0.05), ("known", known, 0.06)):
        for kind, gain in blind(scenes).items():
            assert abs(gain) < margin, (pairs, kind, gain)


def features(before: Sequence[str], text: TaggedText) -> set[str]:
    """Words, pairs of words and boxes of a choice; each word also with whether it was said before; that many were."""
    again = [w for w in text.words if w in before]
    return {*text.words, *map(" ".join, zip(text.words, text.words[1:], strict=False)),
            *(f"{w} again" for w in again), f"{len(again)} again", *(f"[{t}]" for t in text.tags if t)}


def choice_accuracy(sets: list[tuple[Sequence[str], Sequence[TaggedText], int]]) -> dict[str, float]:
    """Of three readers who see no picture: naive Bayes trained on every other set, most and least overlap."""
    counts: tuple[Counter, Counter] = Counter(), Counter()
    for before, four, right in sets[::2]:
        for i, text in enumerate(four):
            counts[i == right].update(features(before, text))
    readers = {
        "bayes": lambda b, t: sum(math.log((counts[True][f] + 1) / (counts[False][f] / 3 + 1)) for f in features(b, t)),
        "most": lambda b, t: sum(w in b for w in t.words), "least": lambda b, t: -sum(w in b for w in t.words)}
    found = {}
    for name, score in readers.items():
        hits = 0.0
        for before, four, right in sets[1::2]:
            scores = [score(before, text) for text in four]
            best = [i for i, s in enumerate(scores) if s > max(scores) - 1e-9]
            hits += (right in best) / len(best)
        found[name] = hits / len(sets[1::2])
    return found


def test_no_choice_can_be_told_from_the_words_alone(world) -> None:
    asked = [q for _, said in world for q in said.choices]
    answers = [(q.question.words, q.answers, q.answer) for q in asked]
    rationales = [((*q.question.words, *q.answers[q.answer].words), q.rationales, q.rationale) for q in asked]
    for sets in (answers, rationales):
        for reader, accuracy in choice_accuracy(sets).items():
            assert abs(accuracy - 0.25) < 0.05, (reader, accuracy)
        assert all(abs(n / len(sets) - 0.25) < 0.05 for n in Counter(right for *_, right in sets).values())


def test_withheld_pairs_never_meet_or_are_always_meant() -> None:
    for i in range(150):
        known, novel = scene(SEED, i, "known"), scene(SEED, i, "novel")
        assert not any((t.colour, t.shape) in WITHHELD for t in known.things)
        texts = [q.text for q in told(known, SEED).open]
        texts += [c.text for q in told(known, SEED).choices for c in (*q.answers, *q.rationales)]
        assert not any(f"{colour} {shape}" in text for colour, shape in WITHHELD for text in texts)
        targets = [novel.things[b] for r in told(novel, SEED).referring for b in r.boxes]
        assert all((t.colour, t.shape) in WITHHELD for t in targets)
    with pytest.raises(DataError, match="Pairs are all, known, novel; not 'some'"):
        scene(0, 0, "some")


def test_every_word_is_one_piece_of_berts_vocabulary(world) -> None:
    pieces = set(VOCABULARY.read_text(encoding="utf-8").splitlines())
    for _, said in world[:300]:
        texts = [c.text for c in said.captions] + [q.text for q in (*said.open, *said.referring)]
        texts += [t.text for q in said.choices for t in (q.question, *q.answers, *q.rationales)]
        assert {w for text in texts for w in text.split()} <= pieces
    assert set(ANSWERS) <= pieces and len(set(ANSWERS)) == len(ANSWERS)


def test_a_folder_gives_back_what_was_written(tmp_path) -> None:
    write(tmp_path, 6, 2, pairs="known", split="dev")
    said = [told(scene(2, i, "known"), 2) for i in range(6)]
    for read, name in ((open_questions, "open"), (choice_questions, "choices"), (referring, "referring")):
        data = read(tmp_path)
        assert data.questions == tuple(q for t in said for q in getattr(t, name))
        for i, pictured in enumerate(data.pictures):
            drawn = scene(2, i, "known")
            assert pictured.boxes == tuple(t.box for t in drawn.things)
            assert pictured.names == tuple(t.shape for t in drawn.things)
            off = Photo.open(pictured.path).pixels.astype(float) - drawn.photo().pixels
            assert np.abs(off).mean() < 4
    for photo, t in zip(flickr8k.read(tmp_path, "dev"), said, strict=True):
        assert photo.path.is_file() and (photo.width, photo.height) == (SIDE, SIDE)
        assert photo.captions == t.captions and all(p.boxes for c in photo.captions for p in c.phrases)


def test_captions_are_true(world) -> None:
    for drawn, said in world[:300]:
        for caption in said.captions:
            for phrase in caption.phrases:
                words = [w for w in phrase.text.split() if w not in NUMBERS]
                assert all(fits(" ".join(words), drawn.things[b]) for b in phrase.boxes)
                assert caption.text[phrase.start:phrase.end] == phrase.text
            if m := re.search(f" is ({PLACES}) ", caption.text):
                one, other = (drawn.things[p.boxes[0]] for p in caption.phrases)
                assert is_at(one, m[1], other)


def test_what_is_broken_or_there_already_is_named(tmp_path, capsys) -> None:
    with pytest.raises(DataError, match=r"There is no .*scenes.jsonl. Draw scenes: python -m engine scenes"):
        open_questions(tmp_path)
    assert main(["scenes", "--out", str(tmp_path), "--count", "3", "--seed", "1", "--pairs", "novel"]) == 0
    assert main(["scenes", "--out", str(tmp_path), "--count", "3"]) == 2
    assert "There are scenes in" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"At least one scene can be drawn.*not 0"):
        write(tmp_path / "none", 0, 1)
    path = tmp_path / "scenes.jsonl"
    lines = path.read_text().splitlines()
    raw = json.loads(lines[1])
    raw["things"][0]["box"] = [0.5, 0.5, 0.4, 0.6]
    for broken, why in ((lines[1][:50], "Unterminated string"), (json.dumps(raw), "is no box"),
                        (lines[1].replace('"colour"', '"hue"'), "lacks colour"), ("[]", "has another form")):
        path.write_text("\n".join([lines[0], broken, lines[2]]) + "\n")
        with pytest.raises(DataError, match=f"Line 2 of .*{why}"):
            referring(tmp_path)


def test_a_seed_or_split_that_cannot_be_is_refused_before_anything_is_written(tmp_path, capsys) -> None:
    for flag, value, why in (("--seed", "-1", "Seeds count from 0; this one is -1"),
                             ("--split", "a/b", "entities_SPLIT.jsonl; 'a/b' cannot be")):
        assert main(["scenes", "--out", str(tmp_path / "new"), "--count", "1", flag, value]) == 2
        assert why in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_a_world_is_whole_or_not_there(tmp_path, monkeypatch) -> None:
    def full(self, *_, **__) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, 2, 0)
    assert not (tmp_path / "scenes.jsonl").exists() and not (tmp_path / "entities_train.jsonl").exists()
