"""Hidden words beside a task are pre-training's own word loss on the question and what is right of it."""

import pytest
import torch

from engine.data import datasets, scenes
from engine.data.masking import WordMasking
from engine.measure.seen_regions import SeenRegions
from engine.model.task_heads import AnswerHead, ChoiceHead, FineTuned
from engine.predictor import Predictor
from engine.structures.example import Example, collate
from engine.structures.questions import OpenQuestion
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask
from tests.tiny import write_tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hidden-words")
    scenes.write(folder / "scenes", 2, seed=1)
    return write_tiny(folder / "weights"), folder / "scenes"


def the_same(task, predictor, told, regions, numbers):
    """Ask the loss of the task and compute it anew: told are (words of segment A, of B), with their tags."""
    pieces = predictor.pieces
    task.hidden_words.hide = WordMasking(1.0, 0.0, pieces.mask, 104)  # every word is asked; few stay or change
    with torch.inference_mode():
        loss = task.losses(numbers, torch.Generator().manual_seed(3))["words"]
        expected = []
        generator = torch.Generator().manual_seed(3)
        for (first, second), own in zip(told, regions, strict=True):
            ids, tags, spans, start = [pieces.cls], [0], [], 0
            for words in (first, second):
                for word, tag in words:
                    of_word = pieces.of_word(word)
                    spans.append((len(ids), len(ids) + len(of_word)))
                    ids += of_word
                    tags += [tag] * len(of_word)
                ids.append(pieces.sep)
                tags.append(0)
                start = start or len(ids)
            hidden = task.hidden_words.hide.hide(ids, spans, (), generator)
            assert hidden.places == [p for p in range(1, len(ids) - 1) if p != start - 1]
            example = Example(hidden.piece_ids, own, second=start, tags=tags if any(tags) else ())
            logits = predictor.model.heads.mlm(predictor.model(collate([example])).text[0, hidden.places])
            truth = [ids[p] for p in hidden.places]
            expected.append(-logits.log_softmax(dim=1)[range(len(truth)), truth])
    torch.testing.assert_close(loss, 2.0 * torch.cat(expected).mean(), rtol=1e-4, atol=1e-5)


def test_of_the_right_choices(folders):
    weights, data = folders
    predictor = Predictor.load(weights)
    found = datasets.choice_questions(data, "train")
    task = VcrTask(FineTuned(predictor.model, ChoiceHead(32, 0)).eval(), found.pictures, found.questions,
                   SeenRegions(predictor, found.pictures), predictor.pieces, words=2.0)
    numbers = [0, 1, len(found.questions), len(found.questions) + 1]
    told = []
    for number in numbers:
        q = found.questions[number % len(found.questions)]
        first, second = [q.question], q.answers[q.answer]
        if number >= len(found.questions):
            first, second = [*first, second], q.rationales[q.rationale]
        told.append(([pair for text in first for pair in zip(text.words, text.tags, strict=True)],
                     [*zip(second.words, second.tags, strict=True)]))
    regions = [task.source.regions([(found.questions[n % len(found.questions)].picture, ())])[0] for n in numbers]
    the_same(task, predictor, told, regions, numbers)


def test_of_questions_with_their_best_answers(folders):
    weights, data = folders
    predictor = Predictor.load(weights)
    found = datasets.open_questions(data, "train")
    asked = (*found.questions[:3], OpenQuestion(0, "what is near the zebra", {"a car": 0.3, "two red trees": 0.9}))
    task = VqaTask(FineTuned(predictor.model, AnswerHead(32, 3)).eval(), asked, SeenRegions(predictor, found.pictures),
                   predictor.pieces, ("a car", "two red trees", "blue"), words=2.0)
    best = [*(next(iter(q.answers)) for q in asked[:3]), "two red trees"]
    told = [tuple([(word, 0) for word in text.replace("?", " ?").split()] for text in (q.text, answer))
            for q, answer in zip(asked, best, strict=True)]
    regions = [task.source.regions([(q.picture, range(min(24, task.source.detected(q.picture))))])[0] for q in asked]
    the_same(task, predictor, told, regions, [0, 1, 2, 3])
