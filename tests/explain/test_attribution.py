"""Attributions against what they promise, each by an independent computation."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues

from engine.errors import AnswerError, ConfigError, MaskError
from engine.explain.explainer import Explainer
from engine.explain.methods import DEFAULT, METHODS
from engine.explain.perturbation import exact_shapley
from engine.explain.proof import rank_correlation
from engine.explain.question import Asked, Player, Question
from tests.explain.conftest import ROUNDING, value

PLAYERS = [*(Player("word", i) for i in (0, 1, 3, 4, 5)), *(Player("region", i) for i in (1, 3))]


def values_of(attribution) -> list[float]:
    return [(attribution.words if p.kind == "word" else attribution.regions)[p.index] for p in PLAYERS]


def test_the_single_hidings_in_batches_are_those_asked_one_by_one(explainer, predictor, seen, question) -> None:
    found = explainer.hidings(seen, question)
    assert list(found.players) == PLAYERS and [(a.kind, a.index) for a in found.asked] == [("word", 2), ("region", 2)]
    for place, asked in enumerate(found.asked):
        assert found.base[place] == pytest.approx(value(predictor, seen, question, asked), abs=ROUNDING)
        for player, row in zip(PLAYERS, found.probability, strict=True):
            assert row[place] == pytest.approx(value(predictor, seen, question, asked, [player]), abs=ROUNDING)
    best = predictor.ask(seen, question.caption, [0, 2], [2])
    assert found.top[0] == (best.words[1].best[0].text, best.regions[0].best[0].text)


@pytest.mark.parametrize("asked", [Asked("word", 2), Asked("region", 2)])
def test_leave_one_out_is_what_single_hidings_take_away(explainer, seen, question, asked) -> None:
    exact = explainer.hidings(seen, question)
    place = [(a.kind, a.index) for a in exact.asked].index((asked.kind, asked.index))
    lost = exact.leave_one_out(place)
    found = explainer.attribute(seen, question, asked, "leave_one_out")
    assert values_of(found) == pytest.approx([lost[p] for p in PLAYERS], abs=ROUNDING)
    assert found.words[2] == found.regions[0] == found.regions[2] == 0


def test_the_consensus_is_three_parts_relevance_and_one_part_leave_one_out(explainer, seen, question, word) -> None:
    relevance, exact = (np.array(values_of(explainer.attribute(seen, question, word, name)))
                        for name in ("relevance", "leave_one_out"))
    expected = 0.75 * relevance / np.abs(relevance).sum() + 0.25 * exact / np.abs(exact).sum()
    assert values_of(explainer.attribute(seen, question, word, "consensus")) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("asked", [Asked("word", 2), Asked("region", 2)])
def test_integrated_gradients_sum_to_the_difference(explainer, predictor, seen, question, asked) -> None:
    found = explainer.attribute(seen, question, asked, "integrated_gradients")
    assert found.gap is not None and found.gap <= 0.01
    full, empty = value(predictor, seen, question, asked), value(predictor, seen, question, asked, PLAYERS)
    assert (found.full, found.empty) == pytest.approx((full, empty), abs=ROUNDING)
    assert sum(found.words) + sum(found.regions) == pytest.approx(full - empty, abs=2 * ROUNDING + 0.01 * full)


def test_shapley_values_are_the_mean_over_all_orders(explainer, predictor, seen) -> None:
    question, asked = Question("brown dog on grass", (1, 2), (2,)), Asked("word", 1)
    players = [Player("word", 0), Player("word", 3), Player("region", 1), Player("region", 3)]
    known = {kept: value(predictor, seen, question, asked, [p for p in players if p not in kept])
             for size in range(5) for kept in map(frozenset, itertools.combinations(players, size))}
    mean = dict.fromkeys(players, 0.0)
    for order in itertools.permutations(players):
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            mean[player] += (known[before | {player}] - known[before]) / math.factorial(4)
    found = explainer.attribute(seen, question, asked, "shapley")
    assert found.error is None and found.gap == pytest.approx(0, abs=1e-4)
    own = [(found.words if p.kind == "word" else found.regions)[p.index] for p in players]
    assert own == pytest.approx(list(mean.values()), abs=2 * ROUNDING)


def test_exact_shapley_values_agree_with_captums_on_any_game() -> None:
    values = torch.rand(2**5, generator=torch.Generator().manual_seed(3))
    number = 2 ** torch.arange(5)
    theirs = ShapleyValues(lambda present: values[(present * number).sum(dim=1).long()]).attribute(
        torch.ones(1, 5), baselines=0)
    torch.testing.assert_close(exact_shapley(values, 5), theirs[0], rtol=0, atol=1e-5)


def test_sampled_shapley_values_sum_and_lie_within_their_error(explainer, seen, question, word, monkeypatch) -> None:
    exact = explainer.attribute(seen, question, word, "shapley")
    monkeypatch.setattr("engine.explain.perturbation.EXACT_PLAYERS", 2)
    sampled = explainer.attribute(seen, question, word, "shapley")
    assert exact.error is None and sampled.error is not None and sampled.error > 0
    assert sampled.gap == pytest.approx(0, abs=1e-3)
    assert values_of(sampled) == pytest.approx(values_of(exact), abs=6 * sampled.error + ROUNDING)


def test_the_slope_is_the_limit_of_a_small_fading(explainer, predictor, seen, question, word) -> None:
    from engine.explain.game import Game
    from engine.explain.gradients import Faded
    from engine.explain.hidings import resolve
    from engine.explain.passes import Clock, Passes

    passes = Passes(predictor, Game.of(predictor, seen, question), Clock())
    faded = Faded(passes, resolve(passes, seen, word))
    ones, step = torch.ones(1, len(PLAYERS)), 0.003
    found = explainer.attribute(seen, question, word, "gradient_x_input")
    with torch.no_grad():
        slopes = [float(faded(ones + step * one) - faded(ones - step * one)) / (2 * step)
                  for one in torch.eye(len(PLAYERS))]
    assert values_of(found) == pytest.approx(slopes, abs=0.02 * max(map(abs, slopes)) + 1e-4)


def test_relevance_of_a_model_with_random_weights_tells_nothing_of_the_trained_ones(predictor, seen) -> None:
    questions = [Question("a brown dog is running over the green grass in the sun", (i,), ()) for i in (1, 2, 4, 7, 8)]
    trained = [explained(Explainer(predictor), seen, q) for q in questions]
    alike = [rank_correlation(own, explained(Explainer(predictor), seen, q))
             for q, own in zip(questions, trained, strict=True)]
    assert min(alike) > 0.99
    unlike = []
    for seed in range(4):
        other = copy.copy(predictor)
        other.model = copy.deepcopy(predictor.model)
        torch.manual_seed(seed)
        other.model._initialise()
        for norm in (other.model.embeddings.visual_text_norm, other.model.embeddings.visual_region_norm):
            torch.nn.init.ones_(norm.weight)
        unlike += [rank_correlation(own, explained(Explainer(other), seen, q))
                   for q, own in zip(questions, trained, strict=True)]
    assert abs(sum(unlike) / len(unlike)) < 0.25


def explained(explainer: Explainer, seen, question: Question) -> torch.Tensor:
    found = explainer.attribute(seen, question, Asked("word", question.hidden_words[0]), "relevance")
    own = [v for i, v in enumerate(found.words) if i not in question.hidden_words]
    return torch.tensor([*own, *found.regions[1:]])


def test_an_answer_of_ones_own_is_explained_in_place_of_the_true_one(explainer, predictor, seen, question) -> None:
    other = explainer.attribute(seen, question, Asked("word", 2, "cat"), "leave_one_out")
    best = predictor.ask(seen, question.caption, [2], [2], best=30522).words[0].best
    assert other.answer == "cat"
    assert other.full == pytest.approx(next(c.probability for c in best if c.text == "cat"), abs=ROUNDING)
    unknown = explainer.attribute(seen, Question("a brown [MASK] on the grass", (), ()), Asked("word", 2), "attention")
    assert unknown.answer == predictor.ask(seen, "a brown [MASK] on the grass", [], []).words[0].best[0].text


def test_what_cannot_be_explained_is_refused_by_name(explainer, seen, question) -> None:
    for asked, method, error, message in (
            (Asked("word", 1), DEFAULT, MaskError, "The word 1 is not hidden. Hide it first"),
            (Asked("region", 1), DEFAULT, MaskError, "The region 1 is not hidden"),
            (Asked("word", 2, "dachshunds"), DEFAULT, AnswerError,
             "has 1 word piece and “dachshunds” has 4 word pieces"),
            (Asked("word", 2, "🔴"), DEFAULT, AnswerError, "“🔴” is not in the model's vocabulary"),
            (Asked("word", 2, "\u200b"), DEFAULT, AnswerError, "is not in the model's vocabulary"),
            (Asked("region", 2, "qwerty"), DEFAULT, AnswerError, "no region class 'qwerty'"),
            (Asked("word", 2), "lime", ConfigError, "There is no method 'lime'; choose one of consensus, relevance")):
        with pytest.raises(error, match=message):
            explainer.attribute(seen, question, asked, method)
    with pytest.raises(MaskError, match="Everything is hidden"):
        explainer.attribute(seen, Question("dog", (0,), (1, 2, 3)), Asked("word", 0), DEFAULT)


def test_every_method_says_what_it_shows_and_where_it_comes_from() -> None:
    assert DEFAULT in METHODS and METHODS["random"].source == ""
    assert all(m.sentence.endswith(".") and (m.source or name == "random") for name, m in METHODS.items())
