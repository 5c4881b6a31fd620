"""The answers of `evaluate` as files for test servers, and of `predict` to one question."""

import csv
import json

import pytest
import torch
from PIL import Image

from engine import precision
from engine.cli import main
from engine.model.task_heads import FineTuned
from engine.predictor import Predictor
from engine.structures.photo import Photo
from engine.structures.questions import TaggedText
from engine.task_predictor import TaskPredictor, TaskQuestion
from engine.weights.adapters import AdapterInfo, base_file, digest, save_adapter
from tests.tiny import write_tiny

COLUMNS = (
    "annot_id,answer_0,answer_1,answer_2,answer_3,rationale_conditioned_on_a0_0,rationale_conditioned_on_a0_1,"
    "rationale_conditioned_on_a0_2,rationale_conditioned_on_a0_3,rationale_conditioned_on_a1_0,"
    "rationale_conditioned_on_a1_1,rationale_conditioned_on_a1_2,rationale_conditioned_on_a1_3,"
    "rationale_conditioned_on_a2_0,rationale_conditioned_on_a2_1,rationale_conditioned_on_a2_2,"
    "rationale_conditioned_on_a2_3,rationale_conditioned_on_a3_0,rationale_conditioned_on_a3_1,"
    "rationale_conditioned_on_a3_2,rationale_conditioned_on_a3_3")  # as VCR's leaderboard names them
ANSWERS = ("yes", "no", "2", "red")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of tiny weights with an adapter of each task, whose heads are made up."""
    folder = write_tiny(tmp_path_factory.mktemp("answers") / "weights")
    model = Predictor.load(folder).model
    for task, more in (("vqa", {"answers": ANSWERS}), ("vcr", {}), ("grounding", {})):
        info = AdapterInfo(task, "head", digest(base_file(folder)), **more)
        torch.manual_seed(5)
        head = info.head(32)
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=100 if task == "vcr" else 1)
        save_adapter(folder / f"tiny-{task}.safetensors", FineTuned(model, head), info)
    return folder


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (96, 64), (shade, 255 - shade, 90))
    image.paste((20, shade, 200), (10, 10, 50, 50))
    image.save(path)


def evaluated(weights, folder, *flags):
    assert main(["evaluate", *flags, "--weights", str(weights), "--json", str(folder / "f.json")]) == 0
    return json.loads((folder / "f.json").read_text())


def test_a_test_split_of_vqa_is_answered_as_its_server_takes_it(weights, tmp_path, capsys):
    questions = [{"question_id": 1000 + i, "image_id": 1 + i % 2, "question": f"is it {word} ?"}
                 for i, word in enumerate(("red", "a dog", "near"))]
    for split in ("test", "test-dev"):
        (tmp_path / f"v2_OpenEnded_mscoco_{split}2015_questions.json").write_text(json.dumps({"questions": questions}))
    for number in (1, 2):
        picture(tmp_path / "test2015" / f"COCO_test2015_{number:012d}.jpg", 70 * number)
    asked = ["vqa", "--data", str(tmp_path), "--split", "test-dev"]
    found = evaluated(weights, tmp_path, *asked, "--answers", str(tmp_path / "new" / "out.json"))
    assert found == {"n": 3, "skipped": 0, "unreadable": 0}
    said = json.loads((tmp_path / "new" / "out.json").read_text())
    assert [set(one) for one in said] == [{"question_id", "answer"}] * 3
    assert [one["question_id"] for one in said] == [1000, 1001, 1002]  # of the first and third picture alike
    adapter = TaskPredictor.load(Predictor.load(weights), weights / "tiny-vqa.safetensors")
    for one, asks in zip(said, questions, strict=True):
        seen = adapter.predictor.see(Photo.open(tmp_path / "test2015" / f"COCO_test2015_{asks['image_id']:012d}.jpg"))
        assert one["answer"] == adapter.ask(seen, TaskQuestion(TaggedText.plain(asks["question"]))).best[0].text
    capsys.readouterr()
    assert main(["evaluate", *asked, "--weights", str(weights)]) == 2
    assert "none for 'test-dev'. Choose one of those; `evaluate --answers` writes" in capsys.readouterr().err


def write_vcr(folder, split, *, labelled):
    """Five questions about two pictures in turn."""
    metadata = {"boxes": [[8, 8, 50, 50, 0.9], [40, 5, 90, 60, 0.8]], "segms": [[], []], "names": ["person", "dog"],
                "width": 96, "height": 64}
    for name, shade in (("a", 60), ("b", 200)):
        picture(folder / "vcr1images" / f"{name}.jpg", shade)
        (folder / "vcr1images" / f"{name}.json").write_text(json.dumps(metadata))
    lines = []
    for i, word in enumerate(("run", "sit", "eat", "look", "wait")):
        line = {"annot_id": f"{split}-{i}", "objects": ["person", "dog"], "img_fn": f"{'ab'[i % 2]}.jpg",
                "metadata_fn": f"{'ab'[i % 2]}.json", "question": ["why", "does", [0], word, "?"],
                "answer_choices": [[[0], "is", own, word] for own in ("old", "cold", "late", "happy")],
                "rationale_choices": [["the", own, "of", [1], "is", word] for own in ("ear", "colour", "food", "end")]}
        lines.append(line | ({"answer_label": i % 4, "rationale_label": (i + 2) % 4} if labelled else {}))
    (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def test_choices_of_vcr_are_written_as_its_leaderboard_takes_them_and_scores_them(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "fast_bf16", lambda: False)  # in float32, so that no two score alike
    data = tmp_path / "data"
    lines = write_vcr(data, "val", labelled=True)
    write_vcr(data, "test", labelled=False)
    rows = {}
    for split in ("val", "test"):
        file = tmp_path / f"{split}.csv"
        figures = evaluated(weights, tmp_path, "vcr", "--data", str(data), "--split", split, "--answers", str(file))
        header, *own = csv.reader(file.open(newline=""))
        assert ",".join(header) == COLUMNS and [row[0] for row in own] == [f"{split}-{i}" for i in range(5)]
        rows[split] = torch.tensor([[float(v) for v in row[1:]] for row in own]).view(5, 5, 4)
        assert torch.allclose(rows[split].sum(dim=2), torch.ones(5, 5), atol=1e-4)
        if split == "val":
            expected = figures
        else:
            assert figures == {"n": 5, "skipped": 0, "unreadable": 0}
    torch.testing.assert_close(rows["val"], rows["test"])
    assert len(rows["val"].flatten().unique()) > 90  # reasons differ with the answer they are given
    answers = torch.tensor([line["answer_label"] for line in lines])
    right = rows["val"][:, 0].argmax(dim=1) == answers
    reasons = rows["val"][range(5), 1 + answers].argmax(dim=1) == torch.tensor([n["rationale_label"] for n in lines])
    scored = (right.float().mean(), reasons.float().mean(), (right & reasons).float().mean())
    assert [expected[k] for k in ("answer", "rationale", "both")] == pytest.approx([float(s) for s in scored])


def test_phrases_are_answered_by_the_boxes_that_are_meant(weights, tmp_path):
    picture(tmp_path / "a.jpg", 60)
    lines = [{"photo": "a.jpg", "phrase": says, "box": box}
             for says, box in (("a ball", [0.1, 0.1, 0.5, 0.5]), ("the end", [0.6, 0.1, 0.9, 0.9]))]
    (tmp_path / "photos.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = evaluated(weights, tmp_path, "grounding", "--data", str(tmp_path), "--answers", str(tmp_path / "out.json"))
    said = json.loads((tmp_path / "out.json").read_text())
    assert [(one["id"], one["image"], one["expression"]) for one in said] == [
        (1, "a.jpg", "a ball"), (2, "a.jpg", "the end")]
    right = [one["given"]["box"] == pytest.approx(line["box"]) for one, line in zip(said, lines, strict=True)]
    assert found["given_boxes"]["accuracy"] == sum(right) / 2
    assert all(len(one["detected"]["box"]) == 4 and 0 <= one["given"]["score"] <= 1 for one in said)


def test_a_disk_that_refuses_the_answers_keeps_the_figures(weights, tmp_path, capsys):
    picture(tmp_path / "a.jpg", 60)
    (tmp_path / "photos.jsonl").write_text('{"photo": "a.jpg", "phrase": "a ball", "box": [0.1, 0.1, 0.5, 0.5]}\n')
    (tmp_path / "out.json.partial").symlink_to("/dev/full")
    assert main(["evaluate", "grounding", "--data", str(tmp_path), "--weights", str(weights), "--answers",
                 str(tmp_path / "out.json")]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["n"] == 1
    assert f"error: {tmp_path / 'out.json'} could not be written (No space left on device). Free some" in told.err


def test_one_photo_is_asked_by_command_what_an_adapter_is_asked(weights, tmp_path, capsys):
    picture(tmp_path / "a.jpg", 60)
    command = ["predict", "--image", str(tmp_path / "a.jpg"), "--weights", str(weights)]
    predictor = Predictor.load(weights)
    seen = predictor.see(Photo.open(tmp_path / "a.jpg"))

    def told(*flags):
        assert main([*command, *flags]) == 0
        return json.loads(capsys.readouterr().out)

    def adapter(task):
        return TaskPredictor.load(predictor, weights / f"tiny-{task}.safetensors")

    asked = TaskQuestion(TaggedText.plain("is it red ?"))
    found, answer = told("--question", "is it red ?"), adapter("vqa").ask(seen, asked)
    assert [(c["text"], c["probability"]) for c in found["top"]] == [
        (c.text, pytest.approx(c.probability)) for c in answer.best]
    assert found["without_picture"][0]["probability"] == pytest.approx(answer.blind[0].probability)
    assert len(found["boxes"]) == len(found["labels"]) == len(seen.labels) and found["task"] == "vqa"
    found = told("--phrase", "the ball", "--adapter", str(weights / "tiny-grounding.safetensors"))
    meant = adapter("grounding").point(seen, TaskQuestion(TaggedText.plain("the ball")))
    assert [r["probability"] for r in found["regions"]] == pytest.approx(list(meant.scores))
    assert found["best"] == meant.best
    (tmp_path / "boxes.json").write_text("[[0.1, 0.1, 0.5, 0.8]]")
    four = ["a dog [1]", "a cat", "rain", "the end"]
    found = told("--question", "what is [1] ?", "--choices", *four, "--boxes", str(tmp_path / "boxes.json"))
    chosen = adapter("vcr").choose(predictor.see(seen.photo, [[0.1, 0.1, 0.5, 0.8]]), TaskQuestion(
        TaggedText.read("what is [1] ?", 1), tuple(TaggedText.read(text, 1) for text in four)))
    assert [c["probability"] for c in found["choices"]] == pytest.approx(list(chosen.probabilities))
    assert [c["text"] for c in found["choices"]] == four and found["best"] == chosen.best


@pytest.mark.parametrize(("flags", "sentence"), [
    (["--phrase", "x", "--adapter", "vqa"], "was trained for vqa: ask it with --question. --phrase needs an adapter"),
    (["--question", "x", "--adapter", "vcr"], "was trained for vcr: ask it with --question and --choices. --question "
                                              "needs an adapter for vqa."),
    (["--caption", "x", "--choices", *"abcd"], "--choices are the answers to a question; give --question, too."),
    (["--question", "x", "--mask-region", "1"], "--mask-region and --masking hide regions beside a --caption; leave "),
    (["--question", " "], "The question"),
    (["--question", "what is [7] ?", "--choices", *"abcd", "--boxes", "none"], "“is [7]” names a region that is not ")])
def test_what_cannot_be_asked_is_said_in_a_sentence(weights, tmp_path, capsys, flags, sentence):
    picture(tmp_path / "a.jpg", 60)
    (tmp_path / "none").write_text("[]")
    named = {task: weights / f"tiny-{task}.safetensors" for task in ("vqa", "vcr")} | {"none": tmp_path / "none"}
    assert main(["predict", "--image", str(tmp_path / "a.jpg"), "--weights", str(weights),
                 *(str(named.get(flag, flag)) for flag in flags)]) == 2
    assert sentence in capsys.readouterr().err


def test_answers_of_what_asks_nothing_are_refused(weights, tmp_path, capsys):
    for what, file, sentence in (("proposals", "a.json", "proposals has no use for it"), ("vqa", "", "is a folder")):
        assert main(["evaluate", what, "--data", str(tmp_path), "--weights", str(weights), "--answers",
                     str(tmp_path / file)]) == 2
        assert sentence in capsys.readouterr().err
