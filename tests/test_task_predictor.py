"""Ask, choose and point on the shipped model, against the tasks that adapters are trained and measured by."""

import pytest
import torch

from engine.data import scenes
from engine.errors import CaptionError, ConfigError, WeightsError
from engine.measure.seen_regions import SeenRegions
from engine.predictor import Predictor
from engine.structures.boxes import Boxes
from engine.structures.example import Example, collate
from engine.structures.photo import Photo
from engine.structures.questions import ChoiceQuestion, OpenQuestion, Pictured, ReferringExpression, TaggedText
from engine.task_predictor import TaskPredictor, TaskQuestion
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask
from tests.adapters import write_choosing
from tests.conftest import ROOT

WEIGHTS = ROOT / "assets" / "weights"
COFFEE = ROOT / "assets" / "examples" / "coffee.jpg"
DOG = ROOT / "assets" / "examples" / "dog.jpg"
NEAR = 0.03  # of a probability: bfloat16 in batches of other lengths


def plain(text: str) -> TaskQuestion:
    return TaskQuestion(TaggedText.plain(text))


@pytest.fixture(scope="module")
def asking(predictor: Predictor) -> TaskPredictor:
    return TaskPredictor.load(predictor, WEIGHTS / "mini-vqa.safetensors")


@pytest.fixture(scope="module")
def pointing(predictor: Predictor) -> TaskPredictor:
    return TaskPredictor.load(predictor, WEIGHTS / "mini-grounding.safetensors")


@pytest.fixture(scope="module")
def choosing(predictor: Predictor, tmp_path_factory) -> TaskPredictor:
    return TaskPredictor.load(predictor, write_choosing(tmp_path_factory.mktemp("vcr") / "a.safetensors", predictor))


@pytest.fixture(scope="module")
def coffee(predictor: Predictor):
    return predictor.see(Photo.open(COFFEE))


def test_a_question_is_answered_as_the_task_measures_it(predictor, asking, coffee):
    text = "what color is the cup ?"
    task = VqaTask(asking.model, [OpenQuestion(0, text, {})], SeenRegions(predictor, [Pictured(COFFEE)]),
                   predictor.pieces, asking.info.answers)
    with torch.inference_mode():
        seen, blind = (task.logits([0], picture)[0].sigmoid() for picture in (True, False))
    answer = asking.ask(coffee, plain(text))
    assert [c.probability for c in answer.best] == pytest.approx(seen.topk(5).values.tolist(), abs=NEAR)
    assert [c.probability for c in answer.blind] == pytest.approx(blind.topk(5).values.tolist(), abs=NEAR)
    assert answer.still == pytest.approx(float(blind[asking.answer_number(answer.best[0].text)]), abs=NEAR)


def test_what_carries_an_answer_is_what_asking_anew_without_it_says(asking, coffee):
    question, number = plain("what color is the cup ?"), asking.answer_number("white")
    carried = asking.carried(coffee, question, number)
    ids = list(asking.pieces.caption("what color is the cup ?").piece_ids)
    asked = len(ids)
    ids += [asking.pieces.mask, asking.pieces.sep]

    def alone(ids, hidden=()):
        with torch.inference_mode():
            text = asking.model.vlbert(collate([Example(ids, coffee.regions, hidden, second=asked)])).text
            return float(asking.model.head(text[0, asked])[number].sigmoid())

    assert carried.full == pytest.approx(alone(ids), abs=NEAR)
    assert list(carried.regions[1:]) == pytest.approx(
        [alone(ids, (r,)) for r in range(1, len(coffee.regions))], abs=NEAR)
    without_color = [*ids[:2], asking.pieces.mask, *ids[3:]]
    assert carried.texts == ("what", "color", "is", "the", "cup", "?")
    assert carried.words[1] == pytest.approx(alone(without_color), abs=NEAR)
    assert carried.words[1] < carried.full - NEAR  # nobody asks for a colour any more


def test_a_phrase_is_pointed_at_as_the_task_measures_it(predictor, pointing):
    seen = predictor.see(Photo.open(DOG))
    task = GroundingTask(pointing.model, [ReferringExpression(0, "a large dog", ())],
                         SeenRegions(predictor, [Pictured(DOG)]), predictor.pieces)
    with torch.inference_mode():
        scores = task.scores([task.built(0, seen.regions)])[0].sigmoid().tolist()
    answer = pointing.point(seen, plain("a large dog"))
    assert list(answer.scores) == pytest.approx(scores, abs=NEAR)
    assert answer.scores[answer.best] == max(answer.scores)
    dog = Boxes.from_fractions([[0.1, 0.05, 0.75, 0.98]], seen.photo.width, seen.photo.height)
    assert float(seen.boxes[[answer.best]].iou(dog)) > 0.4


def test_the_shipped_adapter_chooses_and_gives_reasons_on_scenes_it_never_saw(predictor):
    own = TaskPredictor.load(predictor, WEIGHTS / "mini-vcr.safetensors")
    right = []
    for number in range(12):
        drawn = scenes.scene(77, number)
        seen = predictor.see(drawn.photo(), tuple(t.box for t in drawn.things))
        for asked in scenes.told(drawn, 77).choices:
            right.append(own.choose(seen, TaskQuestion(asked.question, asked.answers)).best == asked.answer)
            chosen = asked.answers[asked.answer]
            joined = TaggedText(asked.question.words + chosen.words, asked.question.tags + chosen.tags)
            right.append(own.choose(seen, TaskQuestion(joined, asked.rationales)).best == asked.rationale)
    assert len(right) >= 20 and sum(right) > 0.8 * len(right)  # by chance a quarter


def test_a_choice_is_made_as_the_task_measures_it_and_its_tags_reach_the_model(predictor, choosing, tmp_path):
    drawn = scenes.scene(5, 0)
    asked: ChoiceQuestion = scenes.told(drawn, 5).choices[0]
    boxes = tuple(t.box for t in drawn.things)
    (tmp_path / "scene.png").write_bytes(_png(drawn.photo()))
    pictured = [Pictured(tmp_path / "scene.png", boxes)]
    task = VcrTask(choosing.model, pictured, [asked], SeenRegions(predictor, pictured), predictor.pieces)
    seen = predictor.see(drawn.photo(), boxes)
    with torch.inference_mode():
        answers, rationales = task.scores([0, 1]).softmax(dim=1).tolist()
        blind = task.scores([0], picture=False).softmax(dim=1)[0].tolist()
    answer = choosing.choose(seen, TaskQuestion(asked.question, asked.answers))
    assert list(answer.probabilities) == pytest.approx(answers, abs=NEAR)
    assert list(answer.blind) == pytest.approx(blind, abs=NEAR)
    right = asked.answers[asked.answer]
    joined = TaggedText((*asked.question.words, *right.words), (*asked.question.tags, *right.tags))
    assert list(choosing.choose(seen, TaskQuestion(joined, asked.rationales)).probabilities) == pytest.approx(
        rationales, abs=NEAR)
    untagged = tuple(TaggedText.plain(a.text) for a in asked.answers)
    other = choosing.choose(seen, TaskQuestion(TaggedText.plain(asked.question.text), untagged)).probabilities
    assert max(abs(a - b) for a, b in zip(other, answer.probabilities, strict=True)) > 1e-3
    carried = choosing.carried(seen, TaskQuestion(asked.question, asked.answers), answer.best)
    assert carried.full == pytest.approx(max(answers), abs=NEAR) and len(carried.regions) == len(boxes) + 1


def test_what_the_answer_looks_at_sums_to_one_over_every_element(asking, pointing, coffee):
    looks = asking.looks(coffee, plain("what colour is the cappuccino ?"))
    assert looks.elements[looks.answer].text == "[MASK]"
    assert [e.text for e in looks.elements if e.kind == "word"] == ["what", "colour", "is", "the", "cappuccino", "?"]
    assert [e.index for e in looks.elements if e.kind == "region"] == list(range(len(coffee.regions)))
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in looks.weights)
    assert len(looks.weights) == len(looks.elements)
    of_region = pointing.looks(coffee, plain("a cup"), 2)
    assert of_region.elements[of_region.answer].kind == "region" and of_region.elements[of_region.answer].index == 2


def test_two_adapters_beside_the_model_take_a_few_megabytes_and_do_not_disturb_it(predictor, asking, pointing, coffee):
    assert asking.nbytes + pointing.nbytes < 0.2 * sum(p.nbytes for p in predictor.model.parameters())
    assert asking.ask(coffee, plain("a cup")) != pointing.point(coffee, plain("a cup"))
    before = predictor.ask(coffee, "a cup on a table", [1], [])
    asking.ask(coffee, plain("what is on the table ?"))
    assert predictor.ask(coffee, "a cup on a table", [1], []) == before


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "The question is empty"), ("dog " * 500, "The question has 500 word pieces; at most 120 fit"),
    ("x" * 5000, "The question has 5000 characters")])
def test_a_question_that_cannot_be_asked_is_named(asking, coffee, text, sentence):
    with pytest.raises(CaptionError, match=sentence):
        asking.ask(coffee, plain(text))


def test_an_adapter_of_another_task_or_model_is_named(predictor, asking, coffee, tmp_path):
    with pytest.raises(ConfigError, match="trained for vqa, not for grounding"):
        asking.point(coffee, plain("a cup"))
    with pytest.raises(WeightsError, match="trained on another VL-BERT"):
        TaskPredictor.load(predictor, write_choosing(tmp_path / "a.safetensors", predictor, base="0" * 64))
    with pytest.raises(CaptionError, match="There are 2 choices; 4 are needed"):
        made = TaskPredictor.load(predictor, write_choosing(tmp_path / "a.safetensors", predictor))
        made.choose(coffee, TaskQuestion(TaggedText.plain("why ?"), (TaggedText.plain("so"),) * 2))


def test_words_with_numbers_name_regions_and_are_written_back_alike():
    read = TaggedText.read("where is the star [2] ? left[3], of 🐶[1]", 3)
    assert read.words == ("where", "is", "the", "star", "?", "left", ",", "of", "🐶")
    assert read.tags == (0, 0, 0, 2, 0, 3, 0, 0, 1)
    assert TaggedText.read(read.marked, 3) == read
    assert TaggedText.read("<script>[x] [ ]", 0).words == ("<script>[x]", "[", "]")
    for text, sentence in [("[1] dog", "before the first word"), ("dog [4]", "regions 1 to 3"),
                           ("dog [0]", "regions 1 to 3"), ("  ", "no words")]:
        with pytest.raises(CaptionError, match=sentence):
            TaggedText.read(text, 3)


def _png(photo: Photo) -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "PNG")
    return file.getvalue()
