"""Fine-tuning where the model is on a graphics card: the same losses, gradients and figures as on the processor."""

import pytest
import torch

from engine.config import FineTuneConfig
from engine.data import scenes
from engine.data.several import sources_of
from engine.data.tokenizer import WordPieces
from engine.measure.beliefs import asked, believed
from engine.measure.held_out import HeldOut
from engine.model.task_heads import FineTuned
from engine.model.vlbert import VLBert
from engine.structures.example import Regions
from engine.training.finetune import classes_of, questions, task_of
from engine.training.first_look import FewPictures
from engine.weights.adapters import AdapterInfo
from tests.card import There, card
from tests.tiny import CONFIG, VOCABULARY

LOSSES = {"vqa": {"answer", "words", "evidence", "told"}, "grounding": {"region", "ranking"},
          "vcr": {"choice", "ranking", "classes", "evidence", "words"}}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_gradients_and_figures_are_those_of_the_processor(name, tmp_path, in_float32):
    """In float32, which is what the stand-in computes in: autocast leaves its tensors as they are."""
    scenes.write(tmp_path, 2, seed=1)
    torch.manual_seed(0)
    found = questions(FineTuneConfig(task=name), sources_of(tmp_path, "train"))
    texts = {text for q in found.questions for text in q.answers} if name == "vqa" else ()
    info = AdapterInfo(name, "full", "", answers=tuple(sorted(texts)), evidence=name != "grounding",
                       classes=classes_of(found.pictures) if name == "vcr" else ())
    model = FineTuned(VLBert.from_config(CONFIG), info.head(CONFIG.encoder.hidden)).eval()
    for own in model.parameters():
        torch.nn.init.normal_(own, std=0.2)  # a fresh model finds all choices alike, and rounding would choose
    seen = {}
    for number, picture in enumerate(found.pictures):
        boxes = torch.tensor([(0.0, 0.0, 1.0, 1.0), *picture.boxes, (0.0, 0.0, 0.5, 0.5)])  # the last one is detected
        seen[number] = Regions(torch.randn(len(boxes), CONFIG.appearance), boxes), len(picture.boxes)
    task = task_of(info, model, found, FewPictures(seen), WordPieces(VOCABULARY), 1, evidence=1.0, words=1.0,
                   ranking=1.0)
    examples = list(range(0, len(task), len(task) // 4))

    def learned():
        model.zero_grad()
        losses = task.losses(examples, torch.Generator().manual_seed(1))
        sum(losses.values()).backward()
        return losses, {name: own.grad for name, own in model.named_parameters()}

    def measured():
        held = HeldOut(task, examples, 1)
        with torch.no_grad():  # the stand-in knows no inference mode
            told = believed.__wrapped__(task, 0, 1)
            return [HeldOut.accuracy.__wrapped__(held)[0], held.chance(), *told.probabilities, told.true,
                    *told.attention], asked(task, 0, 1)

    (losses, gradients), (figures, question) = learned(), measured()
    with card(model):
        (there, moved), (figures_there, question_there) = learned(), measured()
    assert set(there) == LOSSES[name] and all(isinstance(own, There) for own in there.values())
    for own, other in [*((losses[k], there[k]) for k in losses), *((gradients[k], moved[k]) for k in gradients)]:
        assert (own is None) == (other is None)
        if own is not None:
            torch.testing.assert_close(other.here, own, rtol=1e-3, atol=1e-4)
    assert figures_there == pytest.approx(figures, abs=2e-4) and question_there == question
