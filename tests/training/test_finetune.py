"""Fine-tuning a tiny model on a few scenes, from the folder of weights to an adapter that answers."""

import dataclasses
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.cli import main, parser
from engine.commands.shared import settings_of
from engine.config import DetectorConfig, EncoderConfig, FineTuneConfig, ModelConfig
from engine.data import datasets, scenes
from engine.data.nouns import RegionClasses
from engine.data.sequences import choice, open_question
from engine.data.tokenizer import WordPieces
from engine.detector.detector import Detector
from engine.errors import ConfigError, WeightsError
from engine.measure.seen_regions import SeenRegions
from engine.model.lora import LowRank, add_lora, attach_lora, lora_state
from engine.model.task_heads import AnswerHead
from engine.model.vlbert import VLBert
from engine.predictor import Predictor
from engine.structures.batch import Batch
from engine.structures.example import Example, collate
from engine.structures.questions import TaggedText
from engine.tasks.vqa import VqaTask
from engine.training import checkpoint
from engine.training.finetune import finetune, single_pieces, training_of
from engine.training.origin import FREE, LENGTHS
from engine.training.schedule import TrainingConfig, rate_at
from engine.weights.adapters import FORMAT, base_digests, base_file, load_adapter, read_info
from engine.weights.files import read_tensors
from engine.weights.shipped import save_all
from engine.weights.store import save
from tests.conftest import ROOT

VOCABULARY = ROOT / "assets" / "weights" / "vocab.txt"
CONFIG = ModelConfig(
    name="tiny", precomputed=True, encoder=EncoderConfig(hidden=32, layers=2, heads=4, feed_forward=64, dropout=0.0),
    detector=DetectorConfig(depth=50, stage5="map", classes=4, square_side=96, source_side=96, proposals=True))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of tiny weights and one of six scenes."""
    folder = tmp_path_factory.mktemp("finetune")
    torch.manual_seed(0)
    classes = RegionClasses(("background", "ball", "tree", "car"), {})
    save_all(folder / "weights", CONFIG, Detector.from_config(CONFIG.detector), VLBert.from_config(CONFIG), classes,
             ("red",), VOCABULARY)
    scenes.write(folder / "scenes", 3, seed=1)
    return folder / "weights", folder / "scenes"


def loaded(path, weights):
    """Model and info of an adapter, and the state of the VL-BERT below it."""
    vlbert = Predictor.load(weights).model
    return *load_adapter(path, vlbert, base_digests(weights), CONFIG), vlbert.state_dict()


@pytest.mark.parametrize(("task", "tune"), [("vqa", "lora"), ("vcr", "full"), ("grounding", "head")])
def test_a_run_leaves_an_adapter_that_moves_what_it_was_told_to_move(folders, tmp_path, task, tune):
    weights, data = folders
    settings = FineTuneConfig(task=task, tune=tune, epochs=1, batch_size=8, rate=3e-3, rank=2)
    path = finetune(settings, data=data, split="train", init=weights, run=tmp_path)
    model, info, start = loaded(path, weights)
    moved = {f"{name}.weight" for name, layer in model.vlbert.named_modules()
             if isinstance(layer, LowRank) and float((layer.second @ layer.first).abs().max()) > 1e-6}
    moved |= {k for k, v in model.vlbert.state_dict().items()
              if k in start and not torch.allclose(v, start[k], atol=1e-6)}
    encoder = {f"encoder.layers.{i}.attention.query.weight" for i in range(2)}
    assert (info.task, info.tune) == (task, tune)
    assert (encoder <= moved) == (tune != "head") and bool(moved) == (tune != "head")
    if tune == "lora":
        assert all(k.endswith("weight") and ("encoder" in k or k == "regions.project.weight") for k in moved)
    assert main(["evaluate", task, "--data", str(data), "--weights", str(weights), "--adapter", str(path),
                 "--json", str(tmp_path / "figures.json")]) == 0
    assert (tmp_path / "figures.json").read_text().startswith("{")


def test_views_are_kept_beside_the_features_and_learned_from(folders, tmp_path):
    weights, data = folders
    for name, views in (("plain", 0), ("looks", 1)):
        settings = FineTuneConfig(task="grounding", tune="head", epochs=1, batch_size=8, rate=3e-3, views=views)
        finetune(settings, data=data, split="train", init=weights, run=tmp_path / name)
    found = {name: sorted(p.name for p in (tmp_path / name).iterdir() if p.is_dir()) for name in ("plain", "looks")}
    assert found == {"plain": ["features"], "looks": ["features", "features-unmirrored-view-1"]}
    plain, looks = (load_file(tmp_path / name / "tiny-grounding.safetensors") for name in ("plain", "looks"))
    assert any(not torch.equal(value, looks[key]) for key, value in plain.items())


def test_the_published_schedules_are_set_by_command(folders, tmp_path):
    def ordered(*flags):
        return settings_of(parser().parse_args(["finetune", "vcr", "--out", "run", *flags]), FineTuneConfig)

    vcr = ordered("--tune", "full", "--epochs", "20", "--batch-size", "16", "--optimiser", "sgd", "--rate", "7e-5",
                  "--schedule", "steps", "--drops", "0.7 0.9", "--warmup", "1000", "--weight-decay", "1e-4",
                  "--clip-norm", "1", "--precision", "fp16")
    found = training_of(vcr, 32_000)
    assert found == TrainingConfig(
        epochs=20, batch_size=16, optimiser="sgd", rate=7e-5, schedule="steps", drops=(0.7, 0.9), warmup=1000,
        weight_decay=1e-4, clip_norm=1, precision="fp16")
    assert [rate_at(step, 40_000, found) for step in (499, 2000 * 14 - 1, 2000 * 14, 2000 * 18)] == pytest.approx(
        [3.5e-5, 7e-5, 7e-6, 7e-7])
    assert training_of(ordered(), 1000) == TrainingConfig(
        epochs=3, batch_size=128, rate=1e-3, warmup=0.1, weight_decay=0.01, clip_norm=10, precision="bf16")
    weights, data = folders
    for changes, sentence in (({"schedule": "steps"}, "needs drops"), ({"drops": "0.7"}, "triangle and drops"),
                              ({"schedule": "steps", "drops": "14 18"}, "rising shares of the run"),
                              ({"schedule": "steps", "drops": "often"}, "drops is 'often'; give shares")):
        with pytest.raises(ConfigError, match=sentence):
            finetune(FineTuneConfig(**changes), data=data, split="train", init=weights, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_help_says_what_stands_in_each_place_and_what_is_taken_without_a_flag():
    (verbs,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    for verb, own in verbs.items():
        assert all(action.help for action in own._actions if not action.option_strings), verb
        assert "(default )" not in own.format_help(), verb
    told = " ".join(verbs["finetune"].format_help().split())
    assert 'in one argument: "0.7 0.9" (default none)' in told and "whatever the epochs (default 0)" in told


def test_low_rank_matrices_compute_what_peft_computes(folders):
    predictor = Predictor.load(folders[0])
    model = predictor.model
    add_lora(model, 2, 4)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    plain = VLBert.from_config(CONFIG)
    plain.load_state_dict(Predictor.load(folders[0]).model.state_dict())
    attach_lora(plain, lora_state(model), 2.0)
    ids = torch.tensor([[101, 2000, 3000, 102]])
    batch = Batch(ids, torch.zeros_like(ids), ids > 0, torch.randn(1, 3, 2048), torch.rand(1, 3, 4),
                  torch.ones(1, 3, dtype=torch.bool), torch.zeros(1, 3, dtype=torch.bool))
    torch.testing.assert_close(plain.eval()(batch).regions, model.eval()(batch).regions, rtol=1e-4, atol=1e-5)


def test_questions_about_scenes_are_learned_by_heart(folders, tmp_path):
    weights, data = folders
    path = finetune(FineTuneConfig(task="vqa", tune="full", epochs=300, batch_size=64, rate=1e-3), data=data,
                    split="train", init=weights, run=tmp_path)
    predictor = Predictor.load(weights)
    model, info = load_adapter(path, predictor.model, base_digests(weights), CONFIG)
    found = datasets.open_questions(data, "train")
    task = VqaTask(model, found.questions, SeenRegions(predictor, found.pictures), predictor.pieces, info.answers)
    with torch.inference_mode():
        best = [info.answers[int(task.logits([i]).argmax())] for i in range(len(task))]
    right = sum(b in q.answers for b, q in zip(best, found.questions, strict=True))
    assert right >= 0.8 * len(best)


def test_an_adapter_of_another_model_or_a_damaged_one_is_refused(folders, tmp_path):
    weights, data = folders
    path = finetune(FineTuneConfig(task="grounding", tune="lora", epochs=0.1, batch_size=4, rank=2), data=data,
                    split="train", init=weights, run=tmp_path)
    with pytest.raises(WeightsError, match="trained on another VL-BERT"):
        load_adapter(path, VLBert.from_config(CONFIG), "another digest", CONFIG)
    with pytest.raises(WeightsError, match="no adapter of this program"):
        loaded(base_file(weights), weights)
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        loaded(tmp_path / "cut.safetensors", weights)
    tensors = load_file(path)
    first = next(k for k in tensors if k.endswith("query.lora_A.weight"))
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    for change, sentence in [
            ({first: None}, rf"^{first} is missing in .*changed\.safetensors"),
            ({first: torch.zeros(3, 5)}, "the layer has"),
            ({"head.classify.weight": torch.full_like(tensors["head.classify.weight"], torch.nan)}, "not finite"),
            ({"head.classify.weight": torch.zeros(2, 2)}, "has the shape"),
            ({"head.extra": torch.zeros(2)}, "head.extra|extra is unknown"),
            ({"vlbert.extra": torch.zeros(2)}, "vlbert.extra is unknown")]:
        save_file({k: v for k, v in (tensors | change).items() if v is not None}, tmp_path / "changed.safetensors",
                  metadata)
        with pytest.raises(WeightsError, match=sentence):
            loaded(tmp_path / "changed.safetensors", weights)
    for field, value in [("rank", "2"), ("answers", ["yes"]), ("task", "<b>"), ("more", 1), ("base", 3)]:
        told = json.loads(metadata[FORMAT]) | {field: value}
        save_file(tensors, tmp_path / "told.safetensors", {FORMAT: json.dumps(told)})
        with pytest.raises(WeightsError):
            loaded(tmp_path / "told.safetensors", weights)


def test_an_adapter_shares_what_did_not_move_and_leaves_its_base_as_it_was(folders, tmp_path):
    weights, data = folders
    path = finetune(FineTuneConfig(task="grounding", tune="lora", epochs=1, batch_size=4, rank=2), data=data,
                    split="train", init=weights, run=tmp_path)
    predictor = Predictor.load(weights)
    before = {k: v.clone() for k, v in predictor.model.state_dict().items()}
    model, _ = load_adapter(path, predictor.model, base_digests(weights), CONFIG)
    own = {p.data_ptr() for p in predictor.model.parameters()}
    fresh = sum(p.numel() for p in model.vlbert.parameters() if p.data_ptr() not in own)
    assert fresh == sum(v.numel() for k, v in load_file(path).items() if k.startswith("lora."))
    assert all(torch.equal(v, before[k]) for k, v in predictor.model.state_dict().items())
    assert not any(isinstance(layer, LowRank) for layer in predictor.model.modules())


def test_context_and_second_sentence_reach_the_sequence():
    pieces = WordPieces(VOCABULARY)
    from engine.data.sequences import expression, open_question

    question = open_question(pieces, "what is red")
    assert [pieces.pieces[i] for i in question.piece_ids] == ["[CLS]", "what", "is", "red", "[SEP]", "[MASK]", "[SEP]"]
    assert (question.second, question.asked) == (5, 5)
    alone, inside = expression(pieces, "a dog"), expression(pieces, "a dog", "a dog runs")
    assert alone.second is None and inside.piece_ids[inside.second:] == (*pieces.caption("a dog runs").piece_ids[1:],)
    tagged = choice(pieces, TaggedText(("why", "is", "person"), (0, 0, 2)), TaggedText(("dog",), (1,)))
    assert tagged.tags == (0, 0, 0, 2, 0, 1, 0) and tagged.second == 5


def test_the_evidence_of_answers_is_learned_and_told_apart(folders, tmp_path):
    weights, data = folders
    settings = FineTuneConfig(task="vqa", tune="full", epochs=200, batch_size=64, rate=1e-3, evidence=5.0)
    path = finetune(settings, data=data, split="train", init=weights, run=tmp_path)
    model, info, _ = loaded(path, weights)
    found = datasets.open_questions(data, "train")
    source = SeenRegions(Predictor.load(weights), found.pictures)
    assert info.evidence and isinstance(model.head, AnswerHead) and model.head.regions is not None
    right = told = 0
    for question in found.questions:
        regions = source.regions([(question.picture, ())])[0]
        sequence = open_question(WordPieces(VOCABULARY), question.text)
        with torch.inference_mode():
            states = model.vlbert(collate([Example(sequence.piece_ids, regions, second=sequence.second)])).regions[0]
            scores, answers = model.head.regions(states)[1:, 0], model.head(states)[1:].argmax(dim=1)
        right += set((scores > 0).nonzero()[:, 0].tolist()) == set(question.boxes or ())
        told += all(info.answers[int(answers[b])] in question.answers for b in question.boxes or ())
    # A guess of which of three to six things are shown is right less than once in eight times.
    assert right >= 0.5 * len(found.questions) and told >= 0.7 * len(found.questions)


def test_evidence_that_no_question_names_is_refused(folders, tmp_path):
    weights, data = folders
    lines = [json.loads(line) for line in (data / "scenes.jsonl").read_text().splitlines()]
    for line in lines:
        for question in line["open"]:
            del question["boxes"]
    shutil.copytree(data, tmp_path / "older")
    (tmp_path / "older" / "scenes.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    with pytest.raises(ConfigError, match=r"evidence is 2.0, but no question of .*older names the boxes"):
        finetune(FineTuneConfig(task="vqa", evidence=2.0), data=tmp_path / "older", split="train", init=weights,
                 run=tmp_path / "run")


def test_answers_of_one_piece_start_as_that_word_and_the_others_anew():
    pieces = WordPieces(VOCABULARY)
    single = single_pieces(("red", "", "red ring", "unfathomableness", "\u2603", "yes"), pieces)
    assert {number: pieces.pieces[piece] for number, piece in single.items()} == {0: "red", 5: "yes"}
    head = AnswerHead(8, 6)
    before, words = head.classify.weight.clone(), torch.randn(len(pieces.pieces), 8)
    head.know_words(words, single)
    after = head.classify.weight
    assert torch.equal(after[[0, 5]], words[[single[0], single[5]]]) and torch.equal(after[1:5], before[1:5])


def test_the_words_that_make_a_choice_wrong_are_learned_beside_the_choice(folders, tmp_path):
    weights, data = folders
    out = finetune(FineTuneConfig(task="vcr", tune="full", evidence=2.0, epochs=25, batch_size=8, rate=3e-3), data=data,
                   split="train", init=weights, run=tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [line["losses"]["evidence"] for line in lines if "losses" in line]
    assert losses[-1] < 0.9 * losses[0]
    assert read_info(out).evidence and "head.words.dense.weight" in read_tensors(out)


def test_a_run_begins_where_another_one_ended(folders, tmp_path):
    weights, data = folders
    first = finetune(FineTuneConfig(task="grounding", tune="full", epochs=1, batch_size=4, rate=3e-3), data=data,
                     split="train", init=weights, run=tmp_path / "first")
    still = FineTuneConfig(task="vqa", tune="full", steps=1, batch_size=4, rate=1e-12)
    second = finetune(still, data=data, split="train", init=weights, run=tmp_path / "second", after=first)
    kept = [k for k in load_file(first) if k.startswith("vlbert.")]
    assert len(kept) > 30
    for name in kept:
        torch.testing.assert_close(load_file(second)[name], load_file(first)[name], rtol=0, atol=1e-3)
    assert loaded(second, weights)[1].task == "vqa"
    thin = replace(still, task="grounding", tune="lora", rank=4, rate=3e-3)
    low = finetune(thin, data=data, split="train", init=weights, run=tmp_path / "low")
    lower = finetune(replace(still, tune="lora", rank=4), data=data, split="train", init=weights,
                     run=tmp_path / "lower", after=low)
    moved = [k for k in load_file(low) if k.startswith("lora.") and load_file(low)[k].any()]
    assert any("lora_B" in k for k in moved)
    for name in moved:
        torch.testing.assert_close(load_file(lower)[name], load_file(low)[name], rtol=0, atol=1e-3)
    with pytest.raises(ConfigError, match=r"rank is 8, and that of .* is 4"):
        finetune(replace(thin, rank=8), data=data, split="train", init=weights, run=tmp_path / "z", after=low)
    with pytest.raises(ConfigError, match=r"This run tunes lora, and .* was tuned full"):
        finetune(replace(still, tune="lora"), data=data, split="train", init=weights, run=tmp_path / "x", after=first)
    torch.manual_seed(7)
    save_all(tmp_path / "other", CONFIG, Detector.from_config(CONFIG.detector), VLBert.from_config(CONFIG),
             RegionClasses(("background", "ball", "tree", "car"), {}), ("red",), VOCABULARY)
    with pytest.raises(WeightsError, match="trained on another VL-BERT than that of"):
        finetune(still, data=data, split="train", init=tmp_path / "other", run=tmp_path / "y", after=first)


def test_a_run_goes_on_only_from_what_it_began_with(folders, tmp_path):
    weights, data = folders
    other, run = tmp_path / "other", tmp_path / "run"
    shutil.copytree(weights, other)
    torch.manual_seed(7)
    save(VLBert.from_config(CONFIG), other / "tiny-vlbert.safetensors", CONFIG, kind="vlbert")
    settings = FineTuneConfig(task="grounding", tune="lora", steps=2, batch_size=4, rank=2)
    finetune(settings, data=data, split="train", init=weights, run=run)
    written = (run / "tiny-grounding.safetensors").read_bytes()
    for changed, init, said in [(settings, other, "weights [0-9a-f]{12}; this run has weights [0-9a-f]{12}"),
                                (replace(settings, ranking=1.0), weights, "ranking 0.0; this run has ranking 1.0"),
                                (replace(settings, tune="full"), weights, "tune lora, .*rank 2; this run has tune")]:
        with pytest.raises(ConfigError, match=rf"state.pt was made with {said}.* Give the same settings, or another"):
            finetune(changed, data=data, split="train", init=init, run=run)
    assert (run / "tiny-grounding.safetensors").read_bytes() == written
    state = checkpoint.load(run / "state.pt")
    older = {k: v for k, v in state.items() if k != "origin"} | {"data": [0, 4, state["origin"]["examples"]]}
    checkpoint.save(older, run / "state.pt")
    finetune(replace(settings, steps=3, rate=1e-4), data=data, split="train", init=weights, run=run)
    assert checkpoint.load(run / "state.pt")["step"] == 3


OTHER = {"task": "vqa", "tune": "head", "batch_size": 2, "rate": 0.5, "optimiser": "sgd", "schedule": "steps",
         "drops": "0.5", "warmup": 0.9, "weight_decay": 0.3, "clip_norm": 0.01, "precision": "no", "rank": 4,
         "evidence": 1.0, "words": 1.0, "ranking": 1.0, "extra_regions": 0, "views": 1, "mirror": True,
         "held_out": 0.4, "limit": 5, "seed": 3, "epochs": 2.0, "steps": 1, "most_steps": 500, "evaluate_every": 1,
         "log_every": 1, "accumulate": 2}


def test_a_finished_run_is_refused_for_every_setting_that_is_not_free(folders, tmp_path, capsys):
    weights, data = folders

    def again(**changed):
        settings = FineTuneConfig(**{"task": "grounding", "steps": 1, "batch_size": 4, "rank": 2, "held_out": 0.34,
                                     **changed})
        return finetune(settings, data=data, split="train", init=weights, run=tmp_path)

    written = again()
    before = written.read_bytes()
    assert set(OTHER) == {f.name for f in dataclasses.fields(FineTuneConfig)} >= FREE - {"save_every"} - LENGTHS
    for name, value in OTHER.items():
        more = {"schedule": {"drops": "0.5"}, "drops": {"schedule": "steps"}}.get(name, {})
        if name in FREE:
            assert again(**{name: value}) == written
            continue
        with pytest.raises(ConfigError, match=rf"was made with .*\b{name} .*; this run has .*\b{name} "):
            again(**{name: value}, **more)
    with pytest.raises(ConfigError, match=r"was made with rate 0\.001; this run has rate 0\.5\. Give the same"):
        again(rate=0.5)
    capsys.readouterr()
    assert again(rate=1e-3) == written  # what suits `tune`, given by number
    assert f"grounding was finished before in {tmp_path}: nothing is left to train." in capsys.readouterr().err
    assert written.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["features"]


def test_a_run_goes_on_only_with_the_boxes_and_pixels_that_it_began_with(folders, tmp_path):
    weights, data = folders[0], tmp_path / "data"
    shutil.copytree(folders[1], data)
    (data / "scenes.jsonl").unlink()  # what is left is Flickr30k's
    run, lines = tmp_path / "run", data / "entities_train.jsonl"

    def go_on(steps):
        finetune(FineTuneConfig(task="grounding", tune="head", steps=steps, batch_size=4, extra_regions=0), data=data,
                 split="train", init=weights, run=run)

    def began():
        state, index = checkpoint.load(run / "state.pt"), json.loads((run / "features" / "index.json").read_text())
        return state["step"], state["origin"]["pictures"], index["made"]["pictures"]

    go_on(1)
    step, pictures, seen = began()
    assert step == 1 and pictures == seen
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    for box in (box for photo in told for box in photo["boxes"]):
        box["box"] = [0.1, 0.1, 0.3, 0.3]
    kept = lines.read_text()
    lines.write_text("".join(json.dumps(photo) + "\n" for photo in told))
    with pytest.raises(ConfigError, match=r"features was made with pictures [0-9a-f]{12}; .* Remove that folder"):
        go_on(2)
    shutil.rmtree(run / "features")
    with pytest.raises(ConfigError, match=r"state.pt was made with pictures [0-9a-f]{12}; this run has pictures"):
        go_on(2)
    shutil.rmtree(run / "features")
    lines.write_text(kept)
    go_on(2)
    assert began() == (2, pictures, pictures)
    shutil.copy(data / "images" / "00000.jpg", data / "images" / "00001.jpg")
    with pytest.raises(ConfigError, match="features was made with pictures"):
        go_on(3)


def test_evaluate_tells_what_was_left_out_and_asks_no_more_than_it_may(folders, tmp_path, capsys):
    weights, data = folders
    path = finetune(FineTuneConfig(task="grounding", tune="head", steps=1, batch_size=4), data=data, split="train",
                    init=weights, run=tmp_path)
    own = tmp_path / "own"
    shutil.copytree(data / "images", own)
    (own / "photos.jsonl").write_text('{"photo": "00000.jpg", "phrase": "a ball", "box": [0.1, 0.1, 0.5, 0.5]}\n'
                                      '{"photo": "nowhere.jpg", "phrase": "a tree", "box": [0.1, 0.1, 0.5, 0.5]}\n')
    for folder, n, skipped in [(own, 1, 1), (data, 2, 0)]:
        assert main(["evaluate", "grounding", "--data", str(folder), "--weights", str(weights), "--adapter", str(path),
                     "--limit", "2", "--json", str(tmp_path / "f.json")]) == 0
        figures = json.loads((tmp_path / "f.json").read_text())
        assert (figures["n"], figures["skipped"]) == (n, skipped)
        said = ("The boxes were taken as x1, y1, x2, y2 in fractions.\n",
                "1 left out: line 2: there is no picture 'nowhere.jpg'\n")
        told = capsys.readouterr().err
        assert [line in told for line in said] == [bool(skipped)] * 2
    (own / "photos.jsonl").write_text('{"photo": "00000.jpg", "phrase": "a ball", "box": [0.5, 0.5, 0.4, 0.4]}\n')
    asked = ["evaluate", "grounding", "--data", str(own), "--weights", str(weights), "--adapter", str(path)]
    assert main(asked) == 2
    assert "Set boxes-format to xywh, or to xyxy." in capsys.readouterr().err
    assert main([*asked, "--boxes-format", "xywh"]) == 0
    assert "The boxes were taken as x, y, width, height in fractions.\n" in capsys.readouterr().err


def test_a_text_that_does_not_fit_is_left_out_and_told_in_training_and_measuring(folders, tmp_path, capsys):
    weights, data = folders
    own = tmp_path / "own"
    shutil.copytree(data / "images", own)
    (own / "photos.jsonl").write_text("".join(
        json.dumps({"photo": "00000.jpg", "phrase": says, "box": [0.1, 0.1, 0.5, 0.5]}) + "\n"
        for says in ("a ball", "a " * 130, "a tree")))
    path = finetune(FineTuneConfig(task="grounding", tune="head", steps=1, batch_size=2), data=own, split="train",
                    init=weights, run=tmp_path / "run")
    assert main(["evaluate", "grounding", "--data", str(own), "--weights", str(weights), "--adapter", str(path),
                 "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    assert (figures["n"], figures["skipped"]) == (2, 1)
    assert capsys.readouterr().err.count("1 left out: 00000.jpg, 'a a a a a ") == 2


def own_photos(scenes_folder, folder):
    """Pictures of three scenes, of which the second has lost its last half."""
    shutil.copytree(scenes_folder / "images", folder / "images")
    content = (folder / "images" / "00001.jpg").read_bytes()
    (folder / "images" / "00001.jpg").write_bytes(content[:len(content) // 2])
    return folder


@pytest.mark.parametrize("task", ["grounding", "vqa"])
def test_a_picture_that_is_cut_off_is_left_out_of_training_and_measuring(folders, tmp_path, capsys, task):
    weights, own = folders[0], own_photos(folders[1], tmp_path / "own")
    says = {"phrase": "a ball", "box": [0.1, 0.1, 0.5, 0.5]} if task == "grounding" else {"question": "is it red ?",
                                                                                         "answer": "yes"}
    lines = [{"photo": f"images/0000{i}.jpg", **says} for i in (0, 1, 1, 2)] + [{"photo": "nowhere.jpg", **says}]
    (own / "photos.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["finetune", task, "--data", str(own), "--init", str(weights), "--tune", "head", "--steps", "1",
               "--batch-size", "2", "--views", "1", "--out", str(tmp_path / "run")]
    cut = ("1 picture cannot be read, which leaves out 2 questions: The picture is damaged or cut off. Save it again, "
           "or choose another one. (00001.jpg)\n")
    assert main(command) == 0
    assert cut in capsys.readouterr().err
    assert checkpoint.load(tmp_path / "run" / "state.pt")["origin"]["examples"] == 2
    assert main([*command, "--steps", "2"]) == 0 and cut in capsys.readouterr().err
    measuring = ["evaluate", task, "--data", str(own), "--weights", str(weights), "--adapter",
                 str(tmp_path / "run" / f"tiny-{task}.safetensors"), "--json", str(tmp_path / "f.json")]
    assert main(measuring) == 0 and cut in capsys.readouterr().err
    figures = json.loads((tmp_path / "f.json").read_text())
    assert (figures["n"], figures["skipped"], figures["unreadable"]) == (2, 3, 1)
    (own / "photos.jsonl").write_text(json.dumps(lines[1]) + "\n")
    for verb in ([*command[:-1], str(tmp_path / "nothing")], measuring):
        assert main(verb) == 2
        assert ("error: There is nothing to use in this data: 1 picture cannot be read, which leaves out 1 question: "
                "The picture is damaged") in capsys.readouterr().err
