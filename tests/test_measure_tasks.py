"""The figures of `evaluate`: of known choices, counted by hand; of the shipped adapters, against asking one by one."""

import json
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from engine.cli import main
from engine.data import daquar as reader
from engine.data.flickr8k import read
from engine.data.tokenizer import WordPieces
from engine.measure import tasks
from engine.model.task_heads import AnswerHead, ChoiceHead, FineTuned, RegionScorer
from engine.model.vlbert import VLBert
from engine.structures.boxes import Boxes
from engine.structures.example import Example, Regions, collate
from engine.structures.photo import Photo
from engine.structures.questions import ChoiceQuestion, DataSet, OpenQuestion, Pictured, ReferringExpression, TaggedText
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask
from engine.weights.adapters import base_digests, load_adapter
from tests.conftest import ROOT
from tests.tiny import CONFIG, VOCABULARY

WEIGHTS = ROOT / "assets" / "weights"
NEAR = 1e-3  # of a score: rounding in float32, in batches of other lengths


def tiny(head) -> FineTuned:
    return FineTuned(VLBert.from_config(CONFIG), head).eval()


PHOTOS = tuple(Pictured(ROOT / "assets" / "examples" / name) for name in ("dog.jpg", "horses.jpg"))
SEEING = SimpleNamespace(pieces=WordPieces(VOCABULARY), see=lambda photo, boxes=None: SimpleNamespace(
    regions=Regions(torch.ones(1, CONFIG.appearance), torch.tensor([[0.0, 0.0, 1.0, 1.0]]))))


def test_soft_scores_exact_matches_and_answers_of_one_word_are_counted(monkeypatch) -> None:
    answers = ("red", "dark red", "2", "yes", "dog", "cat")
    said = {True: ("dark red", "2", "yes", "dog", "cat", "cat"), False: ("red", "dog", "2", "cat", "yes", "red")}

    class Saying(VqaTask):
        def logits(self, examples, picture=True):
            return F.one_hot(torch.tensor([answers.index(said[picture][i]) for i in examples]), len(answers)).float()

    monkeypatch.setattr(tasks, "VqaTask", Saying)
    known = [{"red": 1.0, "dark red": 0.6}, {"3": 0.9, "2": 0.3}, {"yes": 1.0}, {"dog": 0.6, "cat": 0.6, "fox": 0.3},
             {"red,blue": 1.0}, {"dog": 0.9}]
    data = DataSet(PHOTOS, tuple(
        OpenQuestion(i % 2, "what is it ?", own, "even" if i in (0, 2, 4) else "odd", source="ab"[i > 2])
        for i, own in enumerate(known)))
    measured = tasks.vqa(SEEING, tiny(AnswerHead(32, len(answers))), answers, data)
    found = measured.figures
    assert measured.answers == dict(enumerate(said[True])) and measured.left_out.count == 0
    assert (found["n"], found["n_single"]) == (6, 4)
    assert found["accuracy"] == pytest.approx((0.6 + 0.3 + 1 + 0.6 + 0 + 0) / 6)
    assert found["accuracy_single"] == pytest.approx((0.3 + 1 + 0.6 + 0) / 4)
    assert found["exact_match"] == 2 / 6
    assert found["by_kind"] == pytest.approx({"even": 1.6 / 3, "odd": 0.9 / 3})
    assert found["n_by_kind"] == {"even": 3, "odd": 3} and list(found["by_source"]) == ["a", "b"]
    first, second = found["by_source"].values()  # the answers of two words, and of two things, are questions 0 and 4
    assert (first["n"], first["n_single"], second["n"], second["n_single"]) == (3, 2, 3, 2)
    assert first["accuracy"] == pytest.approx((0.6 + 0.3 + 1) / 3)
    assert first["accuracy_single"] == pytest.approx((0.3 + 1) / 2)
    assert first["no_image"] == pytest.approx({"accuracy": 1 / 3, "accuracy_single": 0.0})
    assert second["accuracy"] == pytest.approx(0.6 / 3)
    assert second["no_image"]["accuracy_single"] == pytest.approx(0.6 / 2)
    blind = found["no_image"]
    assert blind["accuracy"] == pytest.approx((1 + 0 + 0 + 0.6 + 0 + 0) / 6)
    assert blind["accuracy_single"] == pytest.approx(0.6 / 4) and blind["exact_match"] == 2 / 6


def test_answers_reasons_and_both_are_counted(monkeypatch) -> None:
    right = {(True, "answer"): (1, 1, 0, 0, 1), (True, "rationale"): (0, 1, 1, 1, 1),
             (False, "answer"): (0, 0, 0, 1, 0), (False, "rationale"): (1, 0, 0, 1, 0)}

    class Choosing(VcrTask):
        def scores(self, examples, picture=True):
            chosen = []
            for ask, question in (divmod(i, len(self.questions)) for i in examples):
                own = self.questions[question]
                truth = own.rationale if ask else own.answer
                chosen.append(truth if right[picture, self.asks[ask]][question] else 3 - truth)
            return F.one_hot(torch.tensor(chosen), 4).float()

    monkeypatch.setattr(tasks, "VcrTask", Choosing)
    four = tuple(map(TaggedText.plain, "abcd"))
    data = DataSet(PHOTOS, tuple(
        ChoiceQuestion(i % 2, TaggedText.plain("why ?"), four, i % 4, four, (i + 1) % 4, kind="xy"[i < 2],
                       source="scenes" if i < 3 else "photos") for i in range(5)))
    found = tasks.vcr(SEEING, tiny(ChoiceHead(32, 0)), data).figures
    kinds, sources = found.pop("by_kind"), found.pop("by_source")
    assert kinds["y"] == {"answer": 1.0, "rationale": 1 / 2, "both": 1 / 2,
                          "no_image": {"answer": 0.0, "rationale": 1 / 2}, "n": 2}
    assert sources["photos"] == {"answer": 1 / 2, "rationale": 1.0, "both": 1 / 2,
                                 "no_image": {"answer": 1 / 2, "rationale": 1 / 2}, "n": 2}
    assert sources["scenes"]["n"] == kinds["x"]["n"] == 3
    assert found == {"answer": 3 / 5, "rationale": 4 / 5, "both": 2 / 5,
                     "no_image": {"answer": 1 / 5, "rationale": 2 / 5}, "n": 5}


def test_regions_that_are_meant_are_counted_with_and_without_a_look_at_them(monkeypatch) -> None:
    given = ((0.0, 0.0, 0.4, 1.0), (0.0, 0.0, 0.4, 0.9), (0.6, 0.0, 1.0, 1.0))  # the first two are nearly one
    detected = ((0.6, 0.0, 1.0, 0.9), (0.0, 0.0, 0.1, 0.1))
    meant = {"one": (0, 2, 1), "two": (1, 0, 2), "three": (2, 2, 1)}  # given box, the same unseen, own region

    def see(photo, boxes=None):
        found = torch.tensor([(0.0, 0.0, 1.0, 1.0), *(detected if boxes is None else boxes)])
        return SimpleNamespace(regions=Regions(torch.ones(len(found), CONFIG.appearance), found))

    class Meaning(GroundingTask):
        def scores(self, examples):
            return [self._score(e) for e in examples]

        def _score(self, example):
            count, word = len(example.regions), self.pieces.pieces[example.piece_ids[1]]
            unseen = set(example.hidden_regions) == set(range(count))
            assert unseen == (not example.regions.appearance.any())
            own = count == 1 + len(detected)
            return F.one_hot(torch.tensor(meant[word][2] if own else 1 + meant[word][1 if unseen else 0]), count)

    monkeypatch.setattr(tasks, "GroundingTask", Meaning)
    picture = Pictured(ROOT / "assets" / "examples" / "dog.jpg", given)
    data = DataSet((picture,), (ReferringExpression(0, "one", (0,), kinds=("left",)),
                                ReferringExpression(0, "two", (0,), kinds=("left",)),
                                ReferringExpression(0, "three", (2,), kinds=("right",))))
    measured = tasks.grounding(SimpleNamespace(pieces=WordPieces(VOCABULARY), see=see), tiny(RegionScorer(32)), data)
    answers, found = measured.answers, measured.figures
    left, right = found["by_kind"].pop("left"), found["by_kind"].pop("right")
    assert found == {"given_boxes": {"accuracy": 2 / 3, "at_iou_0.5": 1.0}, "by_kind": {}, "n": 3,
                     "proposals": {"accuracy": 1 / 3, "upper_bound": 1 / 3},
                     "no_image": {"given_boxes": {"accuracy": 2 / 3, "at_iou_0.5": 2 / 3}}}
    places = [[[round(v, 5) for v in (given[a], detected[b - 1])[k]] for k in (0, 1)]
              for a, _, b in (meant["one"], meant["two"], meant["three"])]
    assert [[answers[i][kind]["box"] for kind in ("given", "detected")] for i in range(3)] == places
    assert left["given_boxes"]["accuracy"] == left["no_image"]["given_boxes"]["accuracy"] == 0.5 and left["n"] == 2
    assert right["no_image"] == {"given_boxes": {"accuracy": 1.0, "at_iou_0.5": 1.0}}


def figures_of(what: str, folder, tmp_path, limit: int) -> dict:
    file = tmp_path / "f.json"
    assert main(["evaluate", what, "--data", str(folder), "--split", "dev", "--limit", str(limit), "--weights",
                 str(WEIGHTS), "--json", str(file)]) == 0
    return json.loads(file.read_text())


def shipped(name: str, predictor):
    return load_adapter(WEIGHTS / f"mini-{name}.safetensors", predictor.model, base_digests(WEIGHTS),
                        predictor.config)


def test_grounding_agrees_with_asking_one_by_one(flickr8k, predictor, tmp_path, in_float32) -> None:
    found = figures_of("grounding", flickr8k, tmp_path, 4)
    model, info = shipped("grounding", predictor)
    assert info.tune == "lora"
    given, alike, own, possible, near = [], [], [], [], []
    for photo in read(flickr8k, "dev", 4):
        seen = predictor.see(Photo.open(photo.path), photo.boxes)
        alone = predictor.see(Photo.open(photo.path))
        truth = Boxes.from_fractions(photo.boxes, 1, 1)
        met = truth.iou(Boxes(alone.regions.boxes, 1, 1)) >= 0.5
        for caption in photo.captions:
            sentence = predictor.pieces.caption(caption.text).piece_ids
            for phrase in (p for p in caption.phrases if p.boxes):
                first = predictor.pieces.caption(phrase.text).piece_ids
                ids = (*first, *sentence[1:])
                with torch.inference_mode():
                    states = [model.vlbert(collate([Example(ids, s.regions, second=len(first))])).regions.float()
                              for s in (seen, alone)]
                    scores = [model.head(own_states)[0, :, 0] for own_states in states]
                near.append([bool(s.topk(2).values.diff().abs() < NEAR) for s in (scores[0][1:], scores[1])])
                chosen = int(scores[0][1:].argmax())
                given.append(chosen in phrase.boxes)
                alike.append(float(truth.iou(truth)[chosen, list(phrase.boxes)].max()) >= 0.5)
                own.append(bool(met[list(phrase.boxes), int(scores[1].argmax())].any()))
                possible.append(bool(met[list(phrase.boxes)].any()))
    assert found["n"] == len(given) > 30
    undecided = [sum(kind) / len(near) for kind in zip(*near, strict=True)]  # two regions that score alike
    assert max(undecided) < 0.05
    assert found["given_boxes"]["accuracy"] == pytest.approx(sum(given) / len(given), abs=undecided[0] + 1e-6)
    assert found["given_boxes"]["at_iou_0.5"] == pytest.approx(sum(alike) / len(alike), abs=undecided[0] + 1e-6)
    assert found["proposals"]["accuracy"] == pytest.approx(sum(own) / len(own), abs=undecided[1] + 1e-6)
    assert found["proposals"]["upper_bound"] == pytest.approx(sum(possible) / len(possible))
    assert sum(kind["n"] for kind in found["by_kind"].values()) >= found["n"]


def test_answers_agree_with_asking_one_by_one(daquar, predictor, tmp_path) -> None:
    found = figures_of("vqa", daquar, tmp_path, 16)
    model, info = shipped("vqa", predictor)
    data = reader.read(daquar, "dev", 16)
    right, blind = [], []
    for question in data.questions:
        seen = predictor.see(Photo.open(data.pictures[question.picture].path)).regions
        first = predictor.pieces.caption(question.text).piece_ids
        ids = (*first, predictor.pieces.mask, predictor.pieces.sep)
        for regions, own in ((seen[list(range(min(25, len(seen))))], right), (Regions.none(), blind)):
            with torch.inference_mode():
                text = model.vlbert(collate([Example(ids, regions, second=len(first))])).text
                best = info.answers[int(model.head(text[:, len(first)]).argmax())]
            own.append(best in question.answers)
    assert found["n"] == len(right) == 16
    assert found["accuracy"] == pytest.approx(sum(right) / 16, abs=0.07)
    assert found["no_image"]["accuracy"] == pytest.approx(sum(blind) / 16, abs=0.07)
