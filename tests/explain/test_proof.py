"""Proofs against a slow count, and work that stops when it is told to."""

import dataclasses
import gc
import itertools
from types import SimpleNamespace

import pytest
import torch
from scipy.stats import spearmanr

from engine.errors import StoppedError
from engine.explain.explainer import Explainer
from engine.explain.proof import own_steps, prove, random_orders, random_steps, rank_correlation
from engine.explain.question import Asked, Player, Question
from engine.explain.results import Attribution
from engine.structures.photo import Photo
from tests.conftest import ROOT
from tests.explain.conftest import BOXES, ROUNDING, value
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
    assert proof.orders == 20


def test_the_random_orders_belong_to_the_question(explainer, seen, question, word) -> None:
    attribution = explainer.attribute(seen, question, word, "attention")
    proof = explainer.prove(seen, question, word, attribution)
    assert explainer.prove(seen, question, word, attribution) == proof
    assert proof.seed == question.seed("word", 2) != question.seed("region", 2)
    other = dataclasses.replace(question, caption="a brown dog on the sand")
    assert other.seed("word", 2) != proof.seed
    assert random_orders(7, other.seed("word", 2)) != random_orders(7, proof.seed) == random_orders(7, proof.seed)
    off = [dataclasses.replace(question, heads_off=frozenset(pairs)) for pairs in ([(0, 1), (3, 2)], [(3, 2), (0, 1)])]
    assert off[0].seed("word", 2) == off[1].seed("word", 2) != proof.seed


@pytest.mark.parametrize(("first", "by_deletion", "by_insertion", "verdict"), [
    ([0, 1, 2, 3, 4, 5], "better than attention", "better than attention", "better than attention"),
    ([0, 1, 2], "better than attention", "no better than random", "the curves disagree"),
    ([], "no better than random", "no better than random", "no better than random"),
])
def test_a_map_is_believed_where_both_curves_say_so(monkeypatch, first, by_deletion, by_insertion, verdict) -> None:
    """Six players of sixty count, and only together: without three of them little is left."""
    players, group = 60, range(6)
    monkeypatch.setattr("engine.explain.proof.raw_attention", lambda *_: [float(-abs(p - 30)) for p in range(players)])
    passes = SimpleNamespace(
        game=SimpleNamespace(players=range(players), question=Question("six of sixty", (0,), ()),
                             gather=lambda words, regions: torch.tensor(words)),
        values=lambda present, target, counted=False: present[:, list(group)].float().mean(dim=1) ** 6)
    last = [p for p in group if p not in first]
    values = [2.0 if p in first else 0.0 if p in last else 1.0 for p in range(players)]
    proof = prove(passes, Asked("word", 0), Attribution("made up", "", tuple(values), (), 1, 0, None, None, False))
    assert (proof.by_deletion, proof.by_insertion, proof.verdict) == (by_deletion, by_insertion, verdict)
    assert proof.believable == (verdict == "better than attention")
    assert proof.points == players + 1


def test_long_orders_are_measured_at_fewer_steps() -> None:
    assert own_steps(64) == list(range(65)) and random_steps(7) == list(range(8))
    own, random = own_steps(156), random_steps(156)
    assert own[:33] == list(range(33)) and len(own) == 65 and len(random) == 21
    for steps in (own, random):
        assert (steps[0], steps[-1]) == (0, 156) and all(a < b for a, b in itertools.pairwise(steps))


def test_another_map_of_a_question_is_proved_by_its_own_orders_alone(predictor, question, word, monkeypatch) -> None:
    explainer, photo = Explainer(predictor), Photo.open(ROOT / "assets" / "examples" / "cat.jpg")
    seen = [predictor.see(photo, BOXES)]
    rows: list[int] = []
    encode = predictor.encode
    monkeypatch.setattr(predictor, "encode", lambda e: rows.append(len(e)) or encode(e))

    def prove_by(method) -> int:
        rows.clear()
        explainer.prove(seen[0], question, word, explainer.attribute(seen[0], question, word, method))
        return sum(rows)

    first, second = prove_by("relevance"), prove_by("rollout")
    assert second <= 2 * (len(PLAYERS) - 1) < first
    assert prove_by("leave_one_out") <= 2 * (len(PLAYERS) - 1)  # the single hidings are known, too
    assert len(explainer._known._of) == 1
    seen.clear()
    gc.collect()
    assert len(explainer._known._of) == 0

def test_a_map_turned_upside_down_is_no_better_than_random(explainer, seen, question, word) -> None:
    good = explainer.attribute(seen, question, word, "shapley")
    bad = dataclasses.replace(good, words=tuple(-v for v in good.words), regions=tuple(-v for v in good.regions))
    proofs = [explainer.prove(seen, question, word, a) for a in (good, bad)]
    assert proofs[1].verdict == "no better than random" and proofs[0].by_deletion != "no better than random"
    assert proofs[0].deletion.area < proofs[0].random_deletion.area < proofs[1].deletion.area
    assert proofs[0].insertion.area > proofs[1].insertion.area


def test_the_rank_correlation_is_spearmans() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        a, b = (torch.randint(0, 6, (12,), generator=generator).float() for _ in range(2))
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(torch.ones(4), torch.rand(4)) == 0


@pytest.mark.parametrize("method", ["leave_one_out", "shapley", "integrated_gradients", "gradient_x_input"])
def test_work_that_is_told_to_stop_stops_and_leaves_nothing_behind(predictor, seen, question, word, method) -> None:
    explainer = Explainer(predictor)
    with pytest.raises(StoppedError, match="stopped"):
        explainer.attribute(seen, question, word, method, stop=lambda: True)
    assert not any(module._forward_hooks for module in explainer.predictor.model.modules())


def test_long_work_asks_before_every_batch_whether_it_should_stop(predictor, seen, monkeypatch) -> None:
    explainer = Explainer(predictor)
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
def test_work_ends_within_one_pass_of_being_told_to(predictor, seen, monkeypatch, work) -> None:
    monkeypatch.setattr("engine.explain.passes.WORK", 1e9)  # many short passes
    monkeypatch.setattr("engine.explain.perturbation.SAMPLED_SETS", 128)
    question = Question("a brown dog is running over the green grass in the bright sun", (2,), ())
    asked, attribution = Asked("word", 2), None
    if work == "proof":
        attribution = Explainer(predictor).attribute(seen, question, asked, "attention")
    passes, told_at = [], 3
    counting = predictor.model.encoder.register_forward_pre_hook(lambda *_: passes.append(1))
    ways = {"heads": lambda stop: Explainer(predictor).rank_heads(seen, question, asked, stop=stop),
            "proof": lambda stop: Explainer(predictor).prove(seen, question, asked, attribution, stop=stop)}
    do = ways.get(work, lambda stop: Explainer(predictor).attribute(seen, question, asked, work, stop=stop))
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
