"""One photo, one caption, few regions: everything can be counted out by asking one by one."""

import pytest

from engine.explain.explainer import Explainer
from engine.explain.question import Asked, Question
from engine.structures.photo import Photo
from tests.conftest import ROOT

BOXES = [(0.1, 0.1, 0.5, 0.6), (0.4, 0.3, 0.9, 0.9), (0.0, 0.5, 1.0, 1.0)]
ROUNDING = 1e-2  # of a probability, where bfloat16 computes batches of unlike size


@pytest.fixture(scope="session")
def explainer(predictor) -> Explainer:
    return Explainer(predictor)


@pytest.fixture(scope="session")
def seen(predictor):
    return predictor.see(Photo.open(ROOT / "assets" / "examples" / "dog.jpg"), BOXES)


@pytest.fixture(scope="session")
def question() -> Question:
    """Hides "dog" and region 2, so that five words and two regions are left."""
    return Question("a brown dog on the grass", (2,), (2,))


@pytest.fixture(scope="session")
def word() -> Asked:
    return Asked("word", 2)


@pytest.fixture(scope="session")
def region() -> Asked:
    return Asked("region", 2)


def value(predictor, seen, question, asked, out=()) -> float:
    """The truth's probability by asking the predictor itself, with these players hidden too."""
    words = [*question.hidden_words, *(p.index for p in out if p.kind == "word")]
    regions = [*question.hidden_regions, *(p.index for p in out if p.kind == "region")]
    found = predictor.ask(seen, question.caption, words, regions)
    answers = found.words if asked.kind == "word" else found.regions
    return next(a.probability for a in answers if a.index == asked.index)
