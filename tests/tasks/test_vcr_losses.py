"""What choosing among four learns from: its losses, computed again from the scores, and which words are wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data.sequences import choice
from engine.data.tokenizer import WordPieces
from engine.model.task_heads import ChoiceHead, FineTuned
from engine.model.vlbert import VLBert
from engine.structures.example import Regions
from engine.structures.questions import ChoiceQuestion, Pictured, TaggedText
from engine.tasks.vcr import VcrTask, judged_words
from engine.training.watching import OnePicture
from tests.tiny import CONFIG, VOCABULARY

PIECES = WordPieces(VOCABULARY)


def test_each_choice_is_judged_and_the_right_one_chosen():
    torch.manual_seed(0)
    four = [tuple(map(TaggedText.plain, own)) for own in (("a red ball", "two trees", "the sky", "a dog"),
                                                          ("it is round", "it is far", "it runs", "it is blue"))]
    question = ChoiceQuestion(0, TaggedText.plain("what is it ?"), four[0], 2, four[1], 1, "what")
    model = FineTuned(VLBert.from_config(CONFIG), ChoiceHead(CONFIG.encoder.hidden, 0, dropout=0.0)).eval()
    torch.nn.init.normal_(model.head.score.weight)
    asked = (Pictured(Path("none.jpg")),), (question,)
    source = OnePicture(Regions(torch.ones(1, CONFIG.appearance), torch.tensor([[0.0, 0.0, 1.0, 1.0]])))
    losses = VcrTask(model, *asked, source, PIECES, ranking=3.0).losses([0, 1], torch.Generator())
    task = VcrTask(model, *asked, source, PIECES)
    scores = task.scores([0, 1]).detach().double().numpy()
    right = np.array([[0, 0, 1, 0], [0, 1, 0, 0]])
    judged = -np.log(1 / (1 + np.exp(np.where(right == 1, -scores, scores))))
    chosen = -np.log(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))[right == 1]
    assert float(losses["choice"].detach()) == pytest.approx(judged.mean(), rel=1e-4)
    assert float(losses["ranking"].detach()) == pytest.approx(3 * chosen.mean(), rel=1e-4)
    assert set(task.losses([0, 1], torch.Generator())) == {"choice"}


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
