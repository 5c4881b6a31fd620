"""Why an adapter answers as it does: the same methods and proofs as everywhere, on its own head."""

import pytest
import torch

from engine.data import scenes
from engine.errors import ConfigError, StoppedError
from engine.explain.methods import METHODS
from engine.explain.task_explainer import TaskExplainer
from engine.predictor import Predictor
from engine.structures.example import Example, collate
from engine.structures.photo import Photo
from engine.structures.questions import TaggedText
from engine.task_predictor import TaskPredictor, TaskQuestion
from tests.adapters import write_choosing
from tests.conftest import ROOT

WEIGHTS = ROOT / "assets" / "weights"
NEAR = 0.03  # of a probability: bfloat16 in batches of other lengths
QUESTION = TaskQuestion(TaggedText.plain("what color is the cup ?"))
PHRASE = TaskQuestion(TaggedText.plain("a large dog"))


@pytest.fixture(scope="module")
def asked(predictor: Predictor, tmp_path_factory):
    """Of each task its predictor, a photo that was seen, a question, and the answer that is explained."""
    load = TaskPredictor.load
    dog, coffee = (predictor.see(Photo.open(ROOT / "assets" / "examples" / name)) for name in ("dog.jpg", "coffee.jpg"))
    asking = load(predictor, WEIGHTS / "mini-vqa.safetensors")
    pointing = load(predictor, WEIGHTS / "mini-grounding.safetensors")
    drawn = scenes.scene(5, 0)
    four = scenes.told(drawn, 5).choices[0]
    return {"vqa": (asking, coffee, QUESTION, asking.answer_number("white")),
            "grounding": (pointing, dog, PHRASE, pointing.point(dog, PHRASE).best),
            "vcr": (load(predictor, write_choosing(tmp_path_factory.mktemp("vcr") / "a.safetensors", predictor)),
                    predictor.see(drawn.photo(), tuple(t.box for t in drawn.things)),
                    TaskQuestion(four.question, four.answers), 2)}


@pytest.mark.parametrize("task", ["vqa", "grounding"])
def test_leave_one_out_is_what_asking_anew_says(asked, task):
    own, seen, question, answer = asked[task]
    carried = own.carried(seen, question, answer)
    found = TaskExplainer(own).attribute(seen, question, answer, "leave_one_out")
    assert TaskExplainer(own).words(seen, question, answer) == carried.texts
    assert found.full == pytest.approx(carried.full, abs=NEAR)
    assert list(found.words) == pytest.approx([carried.full - v for v in carried.words], abs=NEAR)
    assert list(found.regions) == pytest.approx([carried.full - v for v in carried.regions], abs=NEAR)


def test_a_choice_is_judged_by_itself_and_its_words_keep_the_features_that_they_carry(asked):
    own, seen, question, answer = asked["vcr"]
    form = own.forms(seen.regions, question)[answer]
    ids = list(form.example.piece_ids)
    last = max(i for i, (_, places) in enumerate(form.words) if any(form.example.tags[p] for p in places))
    for place in form.words[last][1]:
        ids[place] = own.pieces.mask

    def probability(pieces):
        with torch.inference_mode():
            encoded = own.model.vlbert(collate([Example(pieces, seen.regions, second=form.example.second,
                                                        tags=form.example.tags)]))
            return float(own.model.head(encoded.pooled)[0].sigmoid())

    found = TaskExplainer(own).attribute(seen, question, answer, "leave_one_out")
    assert found.full == pytest.approx(probability(form.example.piece_ids), abs=NEAR)
    assert found.words[last] == pytest.approx(probability(form.example.piece_ids) - probability(ids), abs=NEAR)


@pytest.mark.parametrize("task", ["vqa", "grounding", "vcr"])
def test_integrated_gradients_sum_to_the_difference_that_hiding_everything_makes(asked, task):
    own, seen, question, answer = asked[task]
    explainer = TaskExplainer(own)
    found = explainer.attribute(seen, question, answer, "integrated_gradients")
    hidden = explainer.attribute(seen, question, answer, "leave_one_out")
    assert (found.full, found.empty) == pytest.approx((hidden.full, hidden.empty), abs=NEAR)
    assert sum(found.words) + sum(found.regions) == pytest.approx(found.full - found.empty, abs=0.01)
    assert found.gap is not None and found.gap <= 0.01


@pytest.mark.parametrize("task", ["vqa", "grounding", "vcr"])
def test_every_way_has_a_value_of_each_word_and_region_and_a_proof(asked, task):
    own, seen, question, answer = asked[task]
    explainer = TaskExplainer(own)
    for name in sorted(METHODS.keys() - {"shapley"}):
        found = explainer.attribute(seen, question, answer, name)
        assert len(found.words) == len(explainer.words(seen, question, answer))
        assert len(found.regions) == len(seen.boxes)
        assert found.regions[0] == 0 and torch.tensor(found.words + found.regions).isfinite().all()
        assert any(found.words) and any(found.regions)
    proof = explainer.prove(seen, question, answer, explainer.attribute(seen, question, answer, "leave_one_out"))
    assert proof.deletion.probability[0] == pytest.approx(found.full, abs=NEAR)
    assert proof.deletion.probability[-1] == pytest.approx(proof.insertion.probability[0], abs=1e-6)
    assert proof.rank_correlation == pytest.approx(1, abs=0.1)  # bfloat16 reorders what is nearly equal


def test_relevance_tells_two_answers_apart(asked):
    own, seen, question, answer = asked["vqa"]
    white, other = (TaskExplainer(own).attribute(seen, question, number, "relevance")
                    for number in (answer, own.answer_number("chair")))
    assert white.answer == "white" and white.regions != other.regions


def test_explaining_stops_when_told_and_refuses_an_unknown_way(asked):
    own, seen, question, answer = asked["vqa"]
    with pytest.raises(StoppedError):
        TaskExplainer(own).attribute(seen, question, answer, "integrated_gradients", stop=lambda: True)
    with pytest.raises(ConfigError, match="no method 'magic'"):
        TaskExplainer(own).attribute(seen, question, answer, "magic")
