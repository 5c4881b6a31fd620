"""Answers made comparable as the official evaluation of VQA v2 does, and their scores. All data sets share the rule.

Source: the evaluation of the VQA challenge (Antol et al., ICCV 2015; visualqa.org/evaluation).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from engine.data.plain_text import visible

_PUNCTUATION = ";/[]\"{}()=+\\_-><@`,?!"
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = {"none": "0", **{word: str(n) for n, word in enumerate(
    "zero one two three four five six seven eight nine ten".split())}}
_THOUSANDS = re.compile(r"\d,\d")
_LAST_PERIOD = re.compile(r"\.(?!\d)")  # the official pattern also means to look behind, but a slip makes that void
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")  # as phones and word processors write them
_CONTRACTED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
    he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've
    o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
    someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
    there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
    what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
    wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
""".split()
_CONTRACTIONS = {form[:at] + form[at + 1:]: form
                 for form in _CONTRACTED for at, letter in enumerate(form) if letter == "'"}
_CONTRACTIONS["somebody'd"] = "somebodyd"  # the official table has this pair the wrong way round


@lru_cache(maxsize=1 << 18)
def normalised(answer: str) -> str:
    """An answer in lower case without punctuation and articles, numbers up to ten as digits, apostrophes put back.

    "The  two dogs." -> "2 dogs"; "dont know" -> "don't know"; "1,000" -> "1000"; "t-shirt" -> "t shirt". Beyond the
    official rule, invisible characters and typographic quotes do not matter, nor how an accent is written.
    """
    answer = visible(answer).translate(_QUOTES).replace("\n", " ").replace("\t", " ").strip()
    words = [_NUMBERS.get(word, word) for word in _without_punctuation(answer).lower().split()]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def _without_punctuation(answer: str) -> str:
    """A sign beside a space vanishes, one between letters becomes a space; all vanish where a number has a comma."""
    thousands = _THOUSANDS.search(answer) is not None
    stripped = answer
    for sign in _PUNCTUATION:
        alone = thousands or sign + " " in answer or " " + sign in answer
        stripped = stripped.replace(sign, "" if alone else " ")
    return _LAST_PERIOD.sub("", stripped)


def comparable(answer: str) -> str:
    """Normalise one answer, so that equal answers become one class.

    Args:
        answer: as a person typed it

    Returns:
        The normalised answer. Where nothing is left of it, its articles stay, as of "A."; else its signs, as of "?".
    """
    plain = visible(answer).lower()
    return normalised(answer) or " ".join(_without_punctuation(plain).split()) or " ".join(plain.split())


def numbers_of(answers: Iterable[str]) -> dict[str, int]:
    """Number the answers of a vocabulary, under their own text and under their comparable one.

    Args:
        answers: in the order of a classifier's outputs

    Returns:
        The number of each text. An answer's own text wins over another's comparable one, then the first wins.
    """
    numbers: dict[str, int] = {}
    own = {answer: number for number, answer in enumerate(answers)}
    for answer, number in own.items():
        numbers.setdefault(comparable(answer), number)
    return numbers | own


def number_in(numbers: Mapping[str, int], answer: str) -> int | None:
    """Look up an answer in what `numbers_of` returned.

    Args:
        numbers: of a vocabulary
        answer: as a person or a data set writes it

    Returns:
        Its number, or None where the vocabulary lacks it.
    """
    return numbers.get(answer, numbers.get(comparable(answer)))


def score_of(given: str, right: Mapping[str, float]) -> float:
    """Score an answer.

    Args:
        given: by a model
        right: the right answers of a question, each with its score

    Returns:
        The score of the right answer that equals the given one, 0 where none does.
    """
    if given in right:
        return right[given]
    own = comparable(given)
    return max((score for text, score in right.items() if comparable(text) == own), default=0.0)


def soft_scores(answers: Iterable[str]) -> dict[str, float]:
    """Each normalised answer with min(0.3 x people who gave it, 1), in the order they were first given.

    With ten people this is the official accuracy, averaged over leaving each of them out in turn.
    The official evaluation leaves unanimous answers as they were typed; here all are normalised, like the vocabulary.
    """
    return {answer: min(3 * count, 10) / 10 for answer, count in Counter(map(normalised, answers)).items()}


def vocabulary() -> tuple[str, ...]:
    """The 3,129 answers of the published model, in the order of its classifier's outputs; the first is empty."""
    return tuple(json.loads((Path(__file__).parent / "answers" / "vqa_v2.json").read_text(encoding="utf-8")))
