"""What the questions and answers about a picture say that it shows, and how its regions learn to tell."""

import math

import pytest
import torch

from engine.data import datasets, scenes
from engine.data.things import named_by, things_of
from engine.measure.seen_regions import SeenRegions
from engine.model.task_heads import AnswerHead, FineTuned
from engine.predictor import Predictor
from engine.structures.questions import OpenQuestion
from engine.tasks.vqa import VqaTask
from tests.tiny import write_tiny

ANSWERS = {"book": 0, "red": 1, "night_stand": 2, "2": 3, "lamp": 4, "book, lamp": 5, "glass": 6, "stand": 7}
ASKED = (OpenQuestion(0, "what is on the night stand", {"book, lamp": 1.0}),
         OpenQuestion(1, "how many books are red ?", {"2": 1.0}),
         OpenQuestion(1, "what is in front of the lamps", {"glass": 1.0}))


def test_things_are_named_in_one_or_many_words_and_numbers_are_none():
    assert named_by("2 books, on the night stand", ANSWERS) == {0, 2, 7}
    assert named_by("the bookshelf", ANSWERS) == set()
    assert things_of(ASKED, ANSWERS) == {0: {0, 2, 4, 7}, 1: {0, 1, 4, 6}}


def test_one_region_must_tell_each_thing_that_the_question_does_not_name(tmp_path):
    scenes.write(tmp_path / "scenes", 2, seed=1)
    predictor = Predictor.load(write_tiny(tmp_path / "weights"))
    found = datasets.open_questions(tmp_path / "scenes", "train")
    task = VqaTask(FineTuned(predictor.model, AnswerHead(32, len(ANSWERS))).eval(), ASKED,
                   SeenRegions(predictor, found.pictures), predictor.pieces, tuple(ANSWERS), things=0.5)
    with torch.inference_mode():
        losses = task.losses([0, 1, 2], torch.Generator())
        _, states, regions = task._run([0, 1, 2])
        total = 0.0
        for own, own_regions, things, named in zip(states, regions, ({0, 4}, {4, 6}, {0, 1, 6}),
                                                   ({2, 7}, {0, 1}, {4}), strict=True):
            assert len(own) == len(own_regions) > 1
            odds = task.head(own).double().exp().sum(dim=0).tolist()
            for answer, o in enumerate(odds):
                if answer not in named:
                    total -= math.log(o / (1 + o)) if answer in things else math.log(1 / (1 + o))
    assert len(losses) == 2 and losses["things"].item() == pytest.approx(0.5 * total / 3, rel=1e-4)
