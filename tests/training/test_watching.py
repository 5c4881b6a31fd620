"""What a run says of itself while it learns is what the model then answers, on pictures that it does not learn from."""

import json
import os

import pytest

from engine.cli import main
from engine.config import FineTuneConfig
from engine.data import datasets, scenes
from engine.data.features import FeatureCache
from engine.data.region_source import CachedRegions
from engine.data.several import sources_of
from engine.data.splitting import split_off, spread
from engine.data.tokenizer import WordPieces
from engine.errors import ConfigError, DataError
from engine.measure import beliefs, held_out
from engine.training import materials
from engine.training.finetune import questions, task_of
from engine.training.watching import Watch
from engine.weights.adapters import base_digests, load_adapter
from engine.weights.shipped import load_model
from tests.tiny import CONFIG, VOCABULARY, write_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("watching") / "weights")


@pytest.mark.parametrize("task", ["grounding", "vqa", "vcr"])
def test_the_log_tells_what_the_adapter_answers_on_pictures_that_were_held_out(tiny, tmp_path, task, in_float32):
    run, cache = tmp_path / "run", tmp_path / "cache"
    assert main(["finetune", task, "--scenes", "8", "--init", str(tiny), "--out", str(run), "--cache", str(cache),
                 "--tune", "full", "--rate", "3e-3", "--steps", "7", "--batch-size", "4", "--held-out", "0.3",
                 "--evaluate-every", "3", "--log-every", "1", "--extra-regions", "0"]) == 0
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    measured = [line for line in log if line.get("event") == "evaluated"]
    assert [m["step"] for m in measured] == [0, 3, 6, 7] and log[-1]["event"] == "finished"

    data = cache / "scenes-8-1"
    model, info = load_adapter(run / f"tiny-{task}.safetensors", load_model(tiny)[1], base_digests(tiny), CONFIG)
    found = questions(FineTuneConfig(task=task), sources_of(data, "train"))
    learned, out = split_off(found, 0.3)
    assert not {q.picture for q in learned.questions} & {q.picture for q in out.questions}
    assert len({q.picture for q in out.questions}) == 2 and sorted(
        [*learned.questions, *out.questions], key=found.questions.index) == list(found.questions)
    (features,) = cache.glob("features-*")
    source = CachedRegions(FeatureCache(features, found.pictures))
    asked = task_of(info, model, out, source, WordPieces(VOCABULARY), 0)
    again = held_out.HeldOut(asked, range(len(asked)))
    one_by_one = [beliefs.believed(asked, n).right for n in range(len(asked))]
    assert again.accuracy()[0] == pytest.approx(sum(one_by_one) / len(one_by_one))
    # The file keeps float16, so one answer may turn.
    assert again.accuracy()[0] == pytest.approx(measured[-1]["accuracy"], abs=1.01 / len(asked))

    first, *moments = [json.loads(line) for line in (run / "watched.jsonl").read_text().splitlines()]
    assert [m["step"] for m in moments] == [0, 3, 6, 7]
    places = spread(len(asked), 12)
    assert [a["text"] for a in first["asked"]] == [beliefs.asked(asked, n).text for n in places]
    for number, told in zip(places, moments[-1]["believed"], strict=True):
        now = beliefs.believed(asked, number)
        assert told["true"] == pytest.approx(now.true, abs=0.03)
        assert len(told["attention"]) == len(found.pictures[beliefs.asked(asked, number).picture].boxes)


def test_an_example_of_ones_own_is_asked_about_along_with_the_others(tiny, tmp_path):
    scenes.write(tmp_path / "own", 1, seed=9)
    photo = tmp_path / "own" / "images" / "00000.jpg"
    command = ["finetune", "grounding", "--scenes", "4", "--init", str(tiny), "--steps", "2", "--batch-size", "4",
               "--extra-regions", "0", "--held-out", "0.25", "--evaluate-every", "1"]
    assert main([*command, "--out", str(tmp_path / "run"), "--probe-photo", str(photo), "--probe-text", "a star"]) == 0
    first, *moments = [json.loads(line) for line in (tmp_path / "run" / "watched.jsonl").read_text().splitlines()]
    own = first["asked"][0]
    assert (own["text"], own["photo"], own["truth"]) == ("a star", str(photo), [])
    assert all(len(m["believed"][0]["probabilities"]) == len(own["regions"]) for m in moments)
    assert main([*command, "--out", str(tmp_path / "half"), "--probe-text", "a star"]) == 2
    last = json.loads((tmp_path / "half" / "log.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "failed" and "--probe-photo" in last["why"]


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_a_second_run_is_refused_before_it_writes_into_the_folder_of_the_first(tiny, tmp_path, monkeypatch, capsys):
    run, refused = tmp_path / "run", []
    command = ["finetune", "grounding", "--scenes", "4", "--init", str(tiny), "--out", str(run), "--steps", "2",
               "--batch-size", "4", "--extra-regions", "0", "--held-out", "0.25", "--evaluate-every", "1"]

    def meanwhile(first):
        def call(*given):
            before = {file.name: file.read_bytes() for file in run.iterdir() if file.is_file()}
            refused.append(main(command))
            assert {file.name: file.read_bytes() for file in run.iterdir() if file.is_file()} == before
            return first(*given)
        return call

    monkeypatch.setattr(materials, "drawn", meanwhile(materials.drawn))
    monkeypatch.setattr(Watch, "__call__", meanwhile(Watch.__call__))
    assert main(command) == 0 and refused == [2, 2, 2]  # while it prepares, and at each of its steps
    assert capsys.readouterr().err.count(f"error: Another run is using {run}. Wait until it ends, or give") == 3
    told = [json.loads(line) for line in (run / "watched.jsonl").read_text().splitlines()]
    assert [line.get("step") for line in told] == [None, 0, 1, 2]


def test_holding_out_is_the_same_each_time_and_refuses_what_it_cannot_do(tmp_path):
    scenes.write(tmp_path, 5, seed=3)
    found = datasets.open_questions(tmp_path, "train")
    assert split_off(found, 0.4) == split_off(found, 0.4) and split_off(found, 0.0) == (found, None)
    alone = datasets.open_questions(tmp_path, "train").questions[:1]
    with pytest.raises(DataError, match="cannot be learned from and measured on"):
        split_off(type(found)(found.pictures, alone), 0.4)
    with pytest.raises(ConfigError, match="nothing is held out"):
        FineTuneConfig(evaluate_every=5)
