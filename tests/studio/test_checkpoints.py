"""Another checkpoint is asked the same question: the numbers are its own, and only names reach the page."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.errors import WeightsError
from engine.predictor import Predictor
from engine.task_predictor import TaskPredictor
from studio.canvas.server import server_functions
from studio.errors import RequestError
from studio.examples import all_examples
from studio.explaining.checkpoints import Checkpoints, beside
from studio.explaining.explanations import Explanations, Subject
from studio.flags import WEIGHTS
from studio.service import Service
from studio.session import Session

CAPTION = "A large dog with its mouth open is standing in the grass."
ROUNDING = 1e-3
pytestmark = pytest.mark.skipif(not list(WEIGHTS.glob("*.safetensors")), reason="There are no weights to compare.")


def changed(folder: Path) -> Path:
    """A folder of weights whose word embeddings are half as large, and whose other files are the shipped ones."""
    folder.mkdir(parents=True)
    for file in WEIGHTS.iterdir():
        (folder / file.name).symlink_to(file)
    [vlbert] = folder.glob("*-vlbert.safetensors")
    tensors = load_file(vlbert)
    with safe_open(vlbert, "pt") as own:
        metadata = own.metadata()
    vlbert.unlink()
    save_file({name: t * 0.5 if name.endswith("embeddings.words.weight") else t for name, t in tensors.items()}, vlbert,
              metadata=metadata)
    return folder


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    other = changed(runs / "half the words")
    service = Service(lambda: Predictor.load(WEIGHTS))
    service.start()
    while service.status.state == "loading" or service._explainer is None:
        time.sleep(0.05)
    explain = Explanations(service)
    broken = runs / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    run = SimpleNamespace(run="1", name="A run", task="vqa", path=broken)
    return service, Checkpoints(service, explain.works, lambda: beside(WEIGHTS, runs), lambda: [run]), other, explain


def subject(service, masking="feature", **hidden) -> Subject:
    visitor = service.visitors.admit()
    ticket, _ = service.open(visitor, all_examples()[0].read())
    return Subject(visitor, Session(ticket, CAPTION, **hidden), masking, 1)


def key_of(checkpoints, name: str) -> str:
    return next(offer.key for offer in checkpoints.offers() if name in offer.name)


@pytest.mark.parametrize("masking", ["feature", "pixels"])
def test_it_answers_as_it_does_by_itself_about_the_boxes_that_are_seen(studio, masking):
    service, checkpoints, other, _ = studio
    asks = subject(service, masking, hidden_words=(2,), hidden_regions=(1,))
    name, found = checkpoints.ask(asks, key_of(checkpoints, "half the words"))
    assert name == "half the words"
    alone = Predictor.load(other)
    here = service.see(asks.visitor, asks.session)
    seen = alone.see(here.photo, here.boxes.fractions[1:].tolist())
    expected = alone.ask(seen, CAPTION, [2], [1], masking)
    own = service.answer(asks.visitor, asks.session, masking)
    assert found.words[0].probability == pytest.approx(expected.words[0].probability, abs=ROUNDING)
    assert found.regions[0].probability == pytest.approx(expected.regions[0].probability, abs=ROUNDING)
    assert [c.text for c in found.words[0].best] == [c.text for c in expected.words[0].best]
    assert abs(found.words[0].probability - own.words[0].probability) > 10 * ROUNDING


def test_an_adapter_is_asked_what_it_believes_since_it_was_taught(studio):
    service, checkpoints, _, _ = studio
    adapters = [offer for offer in checkpoints.offers() if offer.is_adapter]
    if not adapters:
        pytest.skip("No adapter that moved VL-BERT is shipped.")
    asks = subject(service, hidden_words=(2,))
    _, found = checkpoints.ask(asks, adapters[0].key)
    taught = TaskPredictor.load(service.predictor, adapters[0].path).believing()
    expected = taught.ask(service.see(asks.visitor, asks.session), CAPTION, [2], [])
    assert found.words[0].probability == pytest.approx(expected.words[0].probability, abs=ROUNDING)


def test_only_names_reach_the_page_and_only_what_is_offered_is_opened(studio, tmp_path):
    service, checkpoints, other, explain = studio
    functions = {f.__name__: f for f in server_functions(service, explain, "", checkpoints)}
    reply = functions["why_checkpoints"]({})
    names = [offer["name"] for offer in reply["checkpoints"]]
    assert "half the words" in names and "the shipped weights" not in names and not any("A run" in n for n in names)
    assert str(other.parent) not in json.dumps(reply) and "/" not in json.dumps(reply)
    asks = subject(service, hidden_words=(2,))
    for key in ("", str(other), f"folder 0 {other}", "../assets/weights"):
        with pytest.raises(RequestError, match="This checkpoint is gone from the server"):
            checkpoints.ask(asks, key)


def test_a_damaged_checkpoint_says_so_without_its_folder(studio, tmp_path):
    service, _, _, explain = studio
    folder = changed(tmp_path / "runs" / "torn")
    [vlbert] = folder.glob("*-vlbert.safetensors")
    vlbert.write_bytes(vlbert.read_bytes()[:1000])
    checkpoints = Checkpoints(service, explain.works, lambda: [folder])
    asks = subject(service, hidden_words=(2,))
    with pytest.raises(WeightsError):
        checkpoints.ask(asks, checkpoints.offers()[0].key)
    functions = {f.__name__: f for f in server_functions(service, explain, "", checkpoints)}
    said = functions["why_checkpoint"]({"visitor": asks.visitor, "work": 2, "checkpoint": checkpoints.offers()[0].key,
                                        **asks.session.to_json()})
    assert said["kind"] == "WeightsError" and str(tmp_path) not in said["error"]
