"""Proofs against a slow count, and work that stops when it is told to."""

import dataclasses
import itertools

import pytest
import torch
from scipy.stats import spearmanr

from engine.errors import StoppedError
from engine.explain.proof import rank_correlation
from engine.explain.question import Asked, Player, Question
from tests.explain.conftest import ROUNDING, value
from tests.explain.test_attribution import PLAYERS, values_of


def test_the_curves_are_those_of_hiding_and_showing_one_after_the_other(
        explainer, predictor, seen, question, word) -> None:
    attribution = explainer.attribute(seen, question, word, "leave_one_out")
    proof = explainer.prove(seen, question, word, attribution)
    own = values_of(attribution)
    order = sorted(range(len(PLAYERS)), key=lambda i: -own[i])
    removed = [value(predictor, seen, question, word, [PLAYERS[i] for i in order[:k]]) for k in range(len(order) + 1)]
    shown = [value(predictor, seen, question, word, [PLAYERS[i] for i in order[k:]]) for k in range(len(order) + 1)]
    assert proof.deletion.probability == pytest.approx(removed, abs=ROUNDING)
    assert proof.insertion.probability == pytest.approx(shown, abs=ROUNDING)
    steps = len(order)
    assert proof.deletion.area == pytest.approx(
        sum((removed[k] + removed[k + 1]) / 2 / steps for k in range(steps)), abs=ROUNDING)
    assert proof.rank_correlation == pytest.approx(1)
    assert proof.gap is None


def test_orders_of_chance_have_curves_that_mirror_each_other(explainer, seen, question, word) -> None:
    proof = explainer.prove(seen, question, word, explainer.attribute(seen, question, word, "random"))
    assert proof.random_deletion.probability == pytest.approx(proof.random_insertion.probability[::-1], abs=1e-6)
    assert proof.orders >= 10


def test_a_map_turned_upside_down_is_no_better_than_random(explainer, seen, question, word) -> None:
    good = explainer.attribute(seen, question, word, "shapley")
    bad = dataclasses.replace(good, words=tuple(-v for v in good.words), regions=tuple(-v for v in good.regions))
    proofs = [explainer.prove(seen, question, word, a) for a in (good, bad)]
    assert proofs[1].verdict == "no better than random" and proofs[0].verdict != "no better than random"
    assert proofs[0].deletion.area < proofs[0].random_deletion.area < proofs[1].deletion.area
    assert proofs[0].insertion.area > proofs[1].insertion.area


def test_the_rank_correlation_is_spearmans() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        a, b = (torch.randint(0, 6, (12,), generator=generator).float() for _ in range(2))
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(torch.ones(4), torch.rand(4)) == 0


@pytest.mark.parametrize("method", ["leave_one_out", "shapley", "integrated_gradients", "gradient_x_input"])
def test_work_that_is_told_to_stop_stops_and_leaves_nothing_behind(explainer, seen, question, word, method) -> None:
    with pytest.raises(StoppedError, match="stopped"):
        explainer.attribute(seen, question, word, method, stop=lambda: True)
    assert not any(module._forward_hooks for module in explainer.predictor.model.modules())


def test_long_work_asks_before_every_batch_whether_it_should_stop(explainer, seen, monkeypatch) -> None:
    long = Question("a brown dog is running over the green grass in the bright sun", (2,), ())
    asked: list[int] = []
    batches: list[int] = []
    encode = explainer.predictor.encode
    monkeypatch.setattr(explainer.predictor, "encode", lambda e: batches.append(len(asked)) or encode(e))

    def stop() -> bool:
        asked.append(len(batches))
        return len(batches) >= 5

    with pytest.raises(StoppedError):
        explainer.attribute(seen, long, Asked("word", 2), "shapley", stop=stop)
    assert len(batches) == 5 and all(a < b for a, b in itertools.pairwise(batches))


@pytest.mark.parametrize("work", ["shapley", "integrated_gradients", "proof", "heads"])
def test_work_ends_within_one_pass_of_being_told_to(explainer, seen, monkeypatch, work) -> None:
    monkeypatch.setattr("engine.explain.passes.WORK", 1e9)  # many short passes
    monkeypatch.setattr("engine.explain.perturbation.SAMPLED_SETS", 128)
    question = Question("a brown dog is running over the green grass in the bright sun", (2,), ())
    asked, attribution = Asked("word", 2), None
    if work == "proof":
        attribution = explainer.attribute(seen, question, asked, "attention")
    passes, told_at = [], 3
    counting = explainer.predictor.model.encoder.register_forward_pre_hook(lambda *_: passes.append(1))
    ways = {"heads": lambda stop: explainer.rank_heads(seen, question, asked, stop=stop),
            "proof": lambda stop: explainer.prove(seen, question, asked, attribution, stop=stop)}
    do = ways.get(work, lambda stop: explainer.attribute(seen, question, asked, work, stop=stop))
    try:
        do(lambda: False)
        whole = len(passes)
        passes.clear()
        with pytest.raises(StoppedError):
            do(lambda: len(passes) >= told_at)
    finally:
        counting.remove()
    assert len(passes) <= told_at + 1 < whole


def test_progress_is_counted_up_to_its_end(explainer, seen, question, word) -> None:
    told: list[tuple[int, int]] = []
    explainer.attribute(seen, question, word, "shapley", progress=lambda done, total: told.append((done, total)))
    assert told and [d for d, _ in told] == sorted(d for d, _ in told) and all(d <= t for d, t in told)


def test_the_leak_is_the_answer_by_pixels_beside_the_answer_by_feature(explainer, predictor, seen, question) -> None:
    [leak] = explainer.leak(seen, question)
    for masking, own in (("feature", leak.feature), ("pixels", leak.pixels)):
        answer = predictor.ask(seen, question.caption, [2], [2], masking).regions[0]
        assert own == pytest.approx(answer.probability, abs=ROUNDING) and leak.truth == answer.truth
    inside = (0.9 - 0.4) * (0.9 - 0.5) / ((0.9 - 0.4) * (0.9 - 0.3))
    assert leak.region == 2 and leak.overlap == pytest.approx(inside, abs=0.01)


def test_a_player_is_a_visible_word_or_region(explainer, seen, question) -> None:
    players = explainer.hidings(seen, question).players
    assert Player("region", 0) not in players and Player("word", 2) not in players and len(players) == 7
