"""Temperatures and calibration errors, against numpy, synthetic logits, and what the predictor shows."""

import dataclasses
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.cli import main
from engine.data import scenes
from engine.data.flickr8k import read
from engine.data.nouns import RegionClasses
from engine.errors import WeightsError
from engine.explain.explainer import Explainer
from engine.explain.question import Asked, Question
from engine.explain.task_explainer import TaskExplainer
from engine.measure.calibration import AnswerPredictions, Predictions, classes_shown
from engine.measure.reliability import fitted_temperature, reliability, softmax_slope
from engine.model.task_heads import FineTuned
from engine.model.vlbert import VLBert
from engine.predictor import Predictor
from engine.structures.example import Example, collate
from engine.structures.photo import Photo
from engine.structures.questions import TaggedText
from engine.task_predictor import TaskPredictor, TaskQuestion
from engine.weights.adapters import AdapterInfo, base_file, digest, read_info, save_adapter
from engine.weights.calibration import Temperatures, read_temperatures, write_temperatures
from engine.weights.shipped import load_all, save_all, write_labels
from engine.weights.store import save
from studio.reliability import main as draw
from tests.tiny import CONFIG, VOCABULARY, write_tiny

HOT = Temperatures(words=1.7, regions=0.6, classes=2.5)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    scenes.write(folder, 3, seed=4)
    return folder


@pytest.fixture
def weights(data, tmp_path) -> Path:
    """Small weights that know classes of the drawn things and expect "a" behind every mask, with a vqa adapter."""
    folder = write_tiny(tmp_path / "weights")
    write_labels(folder / "labels.json", RegionClasses.from_photos(read(data, "train"), 4), ())
    predictor = Predictor.load(folder)
    torch.manual_seed(2)
    for norm in (predictor.model.embeddings.visual_text_norm, predictor.model.embeddings.visual_region_norm):
        torch.nn.init.ones_(norm.weight)  # fresh models do not use the regions
    torch.nn.init.normal_(predictor.model.heads.mlm.bias)
    torch.nn.init.normal_(predictor.model.heads.mvrc.classify.weight)
    with torch.no_grad():
        predictor.model.heads.mlm.bias[predictor.pieces.of_word("a")] = 12.0
    save(predictor.model, folder / "tiny-vlbert.safetensors", CONFIG, kind="vlbert")
    info = AdapterInfo("vqa", "head", digest(base_file(folder)), answers=("yes", "no", "2", "red"))
    head = info.head(32)
    torch.nn.init.normal_(head.classify.weight)
    save_adapter(folder / "tiny-vqa.safetensors", FineTuned(predictor.model, head), info)
    return folder


def expected_error(confidence: list[float], right: list[float]) -> float:
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, 15) if len(part)]
    conf, hit = np.array(confidence), np.array(right, dtype=float)
    return sum(len(p) / len(order) * abs(conf[p].mean() - hit[p].mean()) for p in parts)


def test_the_error_by_hand_and_by_numpy() -> None:
    found = reliability(torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([1.0, 0.0, 1.0, 1.0]), bins=2)
    assert found["ece"] == pytest.approx(0.25) and [b["n"] for b in found["bins"]] == [2, 2]
    assert found["bins"][0] == {"confidence": pytest.approx(0.15), "accuracy": 0.5, "n": 2}
    generator = torch.Generator().manual_seed(0)
    confidence = torch.rand(203, generator=generator)
    right = torch.rand(203, generator=generator) < confidence**2
    assert reliability(confidence, right)["ece"] == pytest.approx(expected_error(confidence.tolist(), right.tolist()))
    assert math.isnan(reliability(torch.zeros(0), torch.zeros(0))["ece"])


def test_a_known_temperature_is_recovered() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(3000, 7, generator=generator)
    truth = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]
    for known in (0.4, 1.0, 2.5):
        scaled = known * logits  # softmax(scaled / known) drew the truth
        own = Predictions(lambda states: states, 1.0)
        own.add(scaled, [(t,) for t in truth.tolist()])
        found = own.fitted()
        assert found == pytest.approx(known, rel=0.06)
        losses = {t: float(F.cross_entropy(scaled / t, truth)) for t in (found, 0.97 * found, 1.03 * found)}
        assert min(losses, key=losses.__getitem__) == found
        before = own.figures()
        own.temperature = found
        after = own.figures()
        assert after["nll"] == pytest.approx(losses[found], rel=1e-5) and after["ece"] < 0.03
        assert known == 1 or after["ece"] < before["ece"] / 3
    single = logits[:, 0].double()
    answers = AnswerPredictions(1.0, (3 * single).tolist(), (torch.rand(3000) < single.sigmoid()).float().tolist())
    assert answers.fitted() == pytest.approx(3, rel=0.15)


def test_the_slope_is_the_derivative_of_the_loss() -> None:
    logits, right = torch.randn(4, 6, dtype=torch.float64), torch.zeros(4, 6, dtype=torch.bool)
    right[:, 2] = right[0, 4] = right[1, 0] = True
    inverse = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (-((logits * inverse).softmax(dim=1) * right).sum(dim=1).log().sum()).backward()
    assert float(softmax_slope(logits, right, 0.7).sum()) == pytest.approx(float(inverse.grad))
    assert fitted_temperature(lambda inverse: inverse - 0.25) == pytest.approx(4, rel=1e-3)


def test_the_error_is_that_of_what_the_predictor_shows(data, weights, tmp_path, in_float32) -> None:
    write_temperatures(weights, HOT)
    assert main(["evaluate", "calibration", "--data", str(data), "--split", "train", "--weights", str(weights),
                 "--given-boxes", "--json", str(tmp_path / "f.json")]) == 0
    figures, predictor = json.loads((tmp_path / "f.json").read_text()), Predictor.load(weights)
    shown: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("words", "regions", "classes")}

    def note(name: str, probability: float, right: bool) -> None:
        shown[name][0].append(probability)
        shown[name][1].append(float(right))

    for photo in (photo.named() for photo in read(data, "train")):
        seen, text = predictor.see(Photo.open(photo.path), photo.boxes), photo.captions[0].text
        for i, word in enumerate(predictor.words(text)):
            if any(c.isalnum() for c in word.text):
                for piece in predictor.ask(seen, text, [i], []).words[0].pieces:
                    note("words", piece.best[0].probability, piece.best[0].text == piece.truth)
        for box in range(len(photo.boxes)):
            if right := {predictor.classes.names[c] for c in classes_shown(predictor.classes, photo, box)}:
                best = predictor.ask(seen, text, [], [box + 1]).regions[0].best[0]
                note("regions", best.probability, best.text in right)
                note("classes", seen.probabilities[box + 1], seen.labels[box + 1] in right)
    for name, (confidence, right) in shown.items():
        assert figures[name]["n"] == len(right) > 5
        assert figures[name]["ece"] == pytest.approx(expected_error(confidence, right), abs=1e-5)
        assert figures[name]["temperature"] == getattr(HOT, name)
    assert 0 < figures["words"]["accuracy"] < 1 and figures["answers"]["n"] > 5
    # an explanation is one of the very probability that is shown
    question = Question(text, (1,), (1,))
    answer = predictor.ask(seen, text, [1], [1])
    for kind, probability in (("word", answer.words[0].probability), ("region", answer.regions[0].probability)):
        found = Explainer(predictor).attribute(seen, question, Asked(kind, 1), "relevance")
        assert found.full == pytest.approx(probability, rel=1e-3)


def test_training_and_old_weights_have_no_temperature(weights) -> None:
    assert read_temperatures(weights) == Temperatures()
    before = Predictor.load(weights)
    write_temperatures(weights, HOT)
    after, plain = Predictor.load(weights), Predictor.load(weights, calibrated=False)
    states = torch.randn(3, CONFIG.encoder.hidden)
    for name, temperature in (("mlm", HOT.words), ("mvrc", HOT.regions)):
        own = [getattr(p.model.heads, name) for p in (before, after, plain)]
        assert torch.equal(own[1](states), own[0](states)) and torch.equal(own[2].calibrated(states), own[0](states))
        torch.testing.assert_close(own[1].calibrated(states), own[0](states) / temperature)
    assert not any("temperature" in name for name in after.model.state_dict())
    assert (after.class_temperature, plain.class_temperature) == (HOT.classes, 1.0)


def test_temperatures_of_other_weights_are_refused_and_new_weights_have_none(weights) -> None:
    write_temperatures(weights, HOT)
    assert read_temperatures(weights) == HOT
    config, detector, model, _, classes = load_all(weights)
    torch.manual_seed(9)
    save(VLBert.from_config(CONFIG), weights / "tiny-vlbert.safetensors", CONFIG, kind="vlbert")
    with pytest.raises(WeightsError, match=r"fitted on another tiny-vlbert.*calibrate pretraining"):
        Predictor.load(weights)
    for broken in ("{", '{"temperatures": {"words": 0}, "fitted_on": {}}', '{"temperatures": {"x": 1}}', "[]"):
        (weights / "calibration.json").write_text(broken)
        with pytest.raises(WeightsError, match="calibrate pretraining"):
            read_temperatures(weights)
    save_all(weights, config, detector, model, classes, (), VOCABULARY)
    assert read_temperatures(weights) == Temperatures()


@torch.inference_mode()
def test_calibrate_writes_what_the_predictor_then_uses(data, weights, tmp_path, in_float32, capsys) -> None:
    shared = ["--data", str(data), "--split", "train", "--weights", str(weights), "--json", str(tmp_path / "f.json")]
    (weights / "calibration.json").write_text("{}")  # what is there cannot be read, and is replaced
    assert main(["calibrate", "pretraining", "--given-boxes", *shared]) == 0, capsys.readouterr().err
    figures, predictor = json.loads((tmp_path / "f.json").read_text()), Predictor.load(weights)
    found = dataclasses.asdict(read_temperatures(weights))
    assert found == {"words": predictor.model.heads.mlm.temperature, "classes": predictor.class_temperature,
                     "regions": predictor.model.heads.mvrc.temperature}
    for name, temperature in found.items():
        assert figures[name]["after"]["temperature"] == temperature != 1
        assert figures[name]["after"]["nll"] < figures[name]["before"]["nll"]
    adapter = weights / "tiny-vqa.safetensors"
    plain = TaskPredictor.load(predictor, adapter)
    assert main(["calibrate", "vqa", *shared]) == 0, capsys.readouterr().err
    fitted, tuned = read_info(adapter).temperature, TaskPredictor.load(predictor, adapter)
    assert fitted == json.loads((tmp_path / "f.json").read_text())["answers"]["after"]["temperature"] != 1
    assert all(torch.equal(a, b) for a, b in zip(plain.model.state_dict().values(), tuned.model.state_dict().values(),
                                                 strict=True))
    seen, question = predictor.see(Photo.open(read(data, "train")[0].path)), TaskQuestion(TaggedText.plain("is it red"))
    form = tuned.forms(seen.regions, question)[0]
    logits = tuned.model.head(tuned.model.vlbert(collate([Example(form.example.piece_ids, seen.regions,
                                                                  second=form.example.second)])).text[0, form.asked])
    best = int(logits.argmax())
    for own, temperature in ((plain, 1.0), (tuned, fitted)):
        answer, shown = own.ask(seen, question), float((logits[best] / temperature).sigmoid())
        assert answer.best[0].probability == pytest.approx(shown, abs=1e-4)
    full = TaskExplainer(tuned).attribute(seen, question, best, "leave_one_out").full
    assert full == pytest.approx(tuned.ask(seen, question).best[0].probability, abs=1e-4)
    assert tuned.believing().model.heads.mlm.temperature == found["words"]


def test_adapters_without_a_temperature_load_and_one_that_is_none_is_refused() -> None:
    told = {k: v for k, v in dataclasses.asdict(AdapterInfo("vcr", "head", "")).items() if k != "temperature"}
    assert AdapterInfo(**told).temperature == 1.0
    for wrong in (0, -1.0, math.nan, "hot", True):
        with pytest.raises(WeightsError, match="its temperature a positive number"):
            AdapterInfo("vcr", "head", "", temperature=wrong)


def test_the_plot_has_a_diagram_for_each_head_and_a_point_for_each_bin(tmp_path, capsys) -> None:
    figures = {name: reliability(torch.rand(60), torch.ones(60)) for name in ("words", "answers")}
    (tmp_path / "f.json").write_text(json.dumps(figures))
    assert draw([str(tmp_path / "f.json"), "--plot", str(tmp_path / "p.svg")]) == 0
    drawn = (tmp_path / "p.svg").read_text()
    assert "Masked words" in drawn and "Answers" in drawn and "Masked regions" not in drawn
    assert f"ECE {100 * figures['words']['ece']:.1f} %, n = 60" in drawn
    assert len(re.findall(r"<use [^>]*fill: #0072b2|<use [^>]*stroke: #0072b2", drawn)) == 30
    (tmp_path / "g.json").write_text('{"words": {"ece": null}}')
    for name, said in (("g.json", "is no file of figures"), ("none.json", "is no file of figures")):
        assert draw([str(tmp_path / name), "--plot", str(tmp_path / "p.svg")]) == 2
        assert said in capsys.readouterr().err
    assert draw([str(tmp_path / "f.json"), "--plot", str(tmp_path / "p.txt")]) == 2
