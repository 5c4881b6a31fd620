"""The ablation on four scenes: every setting is trained with equal steps, measured, and not trained twice."""

import dataclasses
import json

import pytest
import torch

from engine.cli import main
from engine.config import DetectorConfig, EncoderConfig, ModelConfig, PretrainingConfig, RecipeConfig
from engine.data import scenes
from engine.detector.detector import Detector
from engine.errors import ConfigError
from engine.training import ablation, checkpoint
from engine.training.stage_material import gathered
from engine.training.stages import features_stage
from tests.conftest import ROOT

CONFIG = ModelConfig(
    name="tiny", precomputed=True, encoder=EncoderConfig(hidden=32, layers=1, heads=4, feed_forward=64),
    detector=DetectorConfig(depth=50, stage5="map", classes=4, square_side=64, source_side=64, proposals=True),
    pretraining=PretrainingConfig(alignment=0.5, word_probability=0.5, region_probability=0.5))


def test_every_setting_is_trained_with_equal_steps_and_measured(tmp_path, monkeypatch, capsys):
    scenes.write(tmp_path / "data", 4, seed=1)
    lines = (tmp_path / "data" / "entities_train.jsonl").read_text()
    (tmp_path / "data" / "entities_dev.jsonl").write_text(lines)
    (tmp_path / "text.txt").write_text("a red ball .\na blue star .\n")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "vocab.txt").write_bytes((ROOT / "assets" / "weights" / "vocab.txt").read_bytes())
    monkeypatch.setattr(ablation, "load_bert", lambda model, path: ())
    recipe = RecipeConfig(epochs=1, tuning_epochs=1, precision="no")
    run = tmp_path / "run"
    material = gathered(CONFIG, recipe, [str(tmp_path / "data")], run, tmp_path / "bert" / "vocab.txt")
    detector = Detector.from_config(CONFIG.detector)
    (run / "detector").mkdir(parents=True)
    checkpoint.save({"model": detector.state_dict()}, run / "detector" / "state.pt")
    features_stage(material, detector.eval())

    def figures(recipe=recipe):
        return list(ablation.ablate(CONFIG, recipe, data=tmp_path / "data", text=tmp_path / "text.txt", run=run,
                                    bert=tmp_path / "bert", limit=1))

    found = figures()
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("setting ")]
    assert told == [f"setting {i} of 5, {s.name}" for i, s in enumerate(ablation.SETTINGS, 1)]
    assert [f["setting"] for f in found] == [s.name for s in ablation.SETTINGS]
    assert all(f["words"]["image"]["n"] > 0 and f["phrases"]["n"] > 0 for f in found)
    assert ablation.table(found).count("\n") == len(found) + 1
    states = [checkpoint.load(run / "ablation" / str(i) / "tuning" / "state.pt") for i in range(len(found))]
    assert {s["step"] for s in states} == {states[0]["step"]}
    logs = [[json.loads(line) for line in (run / "ablation" / str(i) / "log.jsonl").read_text().splitlines()]
            for i in range(len(found))]
    stages = [[(line["stage"], line["steps"]) for line in log] for log in logs]
    assert [stage for stage, _ in stages[0]] == ["pretraining", "tuning"] and all(own == stages[0] for own in stages)
    learned = [[line["losses"].keys() & {"regions", "relationship", "text"} for line in log] for log in logs]
    assert learned == [[switched] * 2 for switched in (
        {"regions", "text"}, {"text"}, {"regions", "relationship", "text"}, {"regions"}, {"regions", "text"})]
    moved = [not torch.equal(s["model"][key], detector.state_dict()[key.removeprefix("detector.")]) for s in states
             for key in ["detector.fast_rcnn.backbone.layer3.0.conv1.weight"]]
    assert moved == [s.move_detector for s in ablation.SETTINGS]
    monkeypatch.setattr(ablation, "_train", lambda *_: pytest.fail("trained again"))
    assert figures() == found
    with pytest.raises(ConfigError, match=r"ablation.0 was made with epochs 1; this run has epochs 3. Give the same"):
        figures(dataclasses.replace(recipe, epochs=3))
    (tmp_path / "text.txt").write_text("a green box .\n")
    with pytest.raises(ConfigError, match=r"ablation.0 was made with text "):
        figures()


def test_the_table_is_printed_and_saved_beside_the_figures(tmp_path, monkeypatch, capsys):
    own = {"setting": "everything", "words": {"image": {"top1": 0.5, "noun_top1": 0.25}},
           "regions": {"caption": {"top1": 0.125}}, "phrases": {"accuracy": 1.0}}
    monkeypatch.setattr(ablation, "ablate", lambda *_, **__: iter([own, own | {"setting": "without MVRC"}]))
    file = tmp_path / "ablation.json"
    assert main(["ablate", "--data", "d", "--text", "t", "--run", "r", "--bert", "b", "--json", str(file)]) == 0
    told = json.loads(file.read_text())
    assert [f["setting"] for f in told["settings"]] == ["everything", "without MVRC"]
    assert told["table"][2:] == ["| everything | 50.0 | 25.0 | 12.5 | 100.0 |",
                                 "| without MVRC | 50.0 | 25.0 | 12.5 | 100.0 |"]
    assert capsys.readouterr().err.splitlines() == told["table"]
