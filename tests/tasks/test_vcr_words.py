"""Which of the four are learned from, and which words make a choice wrong."""

from collections import Counter
from itertools import combinations

import torch
import torch.nn.functional as F

from engine.data import datasets, scenes
from engine.data.sequences import choice
from engine.data.tokenizer import WordPieces
from engine.measure.seen_regions import SeenRegions
from engine.model.task_heads import ChoiceHead, FineTuned
from engine.predictor import Predictor
from engine.structures.questions import TaggedText
from engine.tasks.vcr import VcrTask, judged_words, some_choices
from tests.conftest import ROOT
from tests.tiny import write_tiny

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")


def test_words_that_not_all_choices_have_are_judged_by_the_right_one():
    where = TaggedText.plain("where is the star ?")
    four = [TaggedText(("it", "is", place, "the", "ring"), (0, 0, 0, 0, box))
            for place, box in (("above", 2), ("below", 2), ("above", 3), ("below", 3))]
    sequences = [choice(PIECES, where, own) for own in four]
    told = judged_words(sequences, 2)
    assert [[(PIECES.pieces[s.piece_ids[place]], right) for place, right in own]
            for s, own in zip(sequences, told, strict=True)] == [
        [("above", 1.0), ("ring", 0.0)], [("below", 0.0), ("ring", 0.0)],
        [("above", 1.0), ("ring", 1.0)], [("below", 0.0), ("ring", 1.0)]]
    assert not any(judged_words([sequences[0]] * 4, 1))


def test_some_of_the_four_are_the_right_one_and_others_alike():
    generator = torch.Generator().manual_seed(4)
    assert some_choices(2, 4, generator) == [0, 1, 2, 3]
    for count in (2, 3):
        drawn = Counter(tuple(some_choices(1, count, generator)) for _ in range(600))
        others = [tuple(sorted((1, *rest))) for rest in combinations((0, 2, 3), count - 1)]
        assert sorted(drawn) == sorted(others) and min(drawn.values()) > 150


def test_learning_from_two_of_four_is_the_loss_of_these_two(tmp_path):
    scenes.write(tmp_path / "scenes", 2, seed=1)
    predictor = Predictor.load(write_tiny(tmp_path / "weights"))
    found = datasets.choice_questions(tmp_path / "scenes", "train")
    task = VcrTask(FineTuned(predictor.model, ChoiceHead(32, 0, evidence=True)).eval(), found.pictures,
                   found.questions, SeenRegions(predictor, found.pictures), predictor.pieces, evidence=1.0, learned=2)
    examples = [0, 1, len(found.questions)]
    with torch.inference_mode():
        losses = task.losses(examples, torch.Generator().manual_seed(6))
        generator = torch.Generator().manual_seed(6)
        scores, total = task.scores(examples), []
        for number, four in zip(examples, scores, strict=True):
            for choice_number in some_choices(task.truth(number), 2, generator):
                right = choice_number == task.truth(number)
                total.append(-F.logsigmoid(four[choice_number] if right else -four[choice_number]))
    assert len(total) == 6
    torch.testing.assert_close(losses["choice"], torch.stack(total).mean(), rtol=1e-4, atol=1e-5)
    assert losses["evidence"] > 0
