"""No command writes over what it reads, under whatever name; flags without use are named."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli import main
from engine.data import shards
from engine.errors import ConfigError, DiskError
from engine.training.recipe import refuse_own_inputs
from engine.weights.shipped import read_with
from engine.writing import refuse_overwriting, write_failed
from studio.flags import read_flags
from tests.conftest import ROOT

WEIGHTS = ROOT / "assets" / "weights"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "read.json"
    path.parent.mkdir()
    path.write_text("what was there")
    return path


@pytest.mark.parametrize("name", ["itself", "roundabout", "symlink", "hard link", "linked folder"])
def test_a_file_is_recognised_under_every_name(file: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    if name == "symlink":
        out.symlink_to(file)
    elif name == "hard link":
        os.link(file, out)
    elif name == "linked folder":
        out.symlink_to(file.parent, target_is_directory=True)
        out = out / file.name
    else:
        out = file if name == "itself" else file.parent / ".." / "deep" / file.name
    with pytest.raises(ConfigError, match=rf"^{out} is a file that this command reads; it would be overwritten\."):
        refuse_overwriting(out, None, tmp_path / "none", file)
    with pytest.raises(ConfigError, match=rf"^{out} belongs to {tmp_path / 'deep'}, which this command reads"):
        refuse_overwriting(out, file.parent)
    assert file.read_text() == "what was there"


def test_new_and_other_files_may_be_written(file: Path, tmp_path: Path) -> None:
    (file.parent / "loop").symlink_to(file.parent, target_is_directory=True)
    (tmp_path / "other").write_text("what was there")
    refuse_overwriting(tmp_path / "other", file, file.parent)
    refuse_overwriting(file.parent / "new", file, file.parent)


PICTURE = "photo.png"
COMMANDS = {
    "published": ["convert", "published", "X", "X"],
    "published, its detector": ["convert", "published", "Y.detector.safetensors", "Y.safetensors"],
    "detectron2": ["convert", "detectron2", "X", "X"],
    "thin": ["thin", "X", "X"],
    "thin, the base": ["thin", "X", "W/mini-vlbert.safetensors", "--weights", "W"],
    "average, the first": ["average", "W", "V", "W"],
    "average, the second": ["average", "V", "W", "W"],
    "predict, the photo": ["predict", "--image", PICTURE, "--caption", "a [MASK]", "--json", PICTURE],
    "predict, the boxes": ["predict", "--image", PICTURE, "--caption", "a [MASK]", "--boxes", "X", "--json", "X"],
    "predict, the adapter": ["predict", "--image", PICTURE, "--phrase", "it", "--adapter", "X", "--json", "X"],
    "predict, the detector": ["predict", "--image", PICTURE, "--caption", "a [MASK]", "--detector", "X", "--json", "X"],
    "predict, detectron2's": ["predict", "--image", PICTURE, "--caption", "a [MASK]", "--detector", "detectron2:C:X",
                              "--json", "X"],
    "predict, the weights": ["predict", "--image", PICTURE, "--caption", "a [MASK]", "--weights", "W", "--json",
                             "W/vocab.txt"],
    "evaluate, the data": ["evaluate", "vqa", "--data", "D", "--json", "D/qa_dev.tsv"],
    "evaluate, a picture": ["evaluate", "vqa", "--data", "D", "--answers", "D/images/photo.png"],
    "evaluate, the adapter": ["evaluate", "vqa", "--data", "D", "--weights", "W", "--answers",
                              "W/mini-vqa.safetensors"],
    "bench": ["bench", "--weights", "W", "--json", "W/mini-vlbert.safetensors"],
    "finetune, what it goes on from": ["finetune", "grounding", "--data", "D", "--after", "R/X", "--out", "R"],
    "ablate": ["ablate", "--data", "D", "--text", "X", "--run", "R", "--bert", "W", "--json", "X"],
}


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """X and Y… files of weights, W and V folders of weights, D data, R a run."""
    for folder in ("W", "V", "D/images", "R"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("X", "Y.detector.safetensors", "R/X", "D/qa_dev.tsv", "W/mini-vqa.safetensors",
                 *(f"{folder}/{name}" for folder in "WV" for name in ("vocab.txt", "labels.json",
                   "mini-vlbert.safetensors", "mini-detector.safetensors"))):
        (tmp_path / name).write_text(f"what {name} holds")
    for name in (PICTURE, "D/images/photo.png"):
        Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_overwrites_an_input(inputs: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    before = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()}
    assert main(COMMANDS[command]) == 2
    said = capsys.readouterr().err
    assert "which this command reads; it would be overwritten. Name another" in said.replace(
        "is a file that this", "which this") and said.count("\n") == 1
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_does_not_replace_the_weights_it_starts_from(inputs: Path) -> None:
    shutil.copytree("W", "R/weights")
    with pytest.raises(ConfigError, match=r"^R/weights/mini-detector\.safetensors is a file that this command reads"):
        refuse_own_inputs(Path("R"), *read_with(Path("R/weights")))
    refuse_own_inputs(Path("R"), *read_with(Path("W")))


def test_a_shard_does_not_replace_a_picture(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    picture = tmp_path / "images" / "dev-000000.partial"
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(picture, "png")
    before = picture.read_bytes()
    record = {"image": picture.name, "width": 32, "height": 24, "boxes": [], "captions": []}
    (tmp_path / "entities_dev.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(ConfigError, match="is a file that this command reads"):
        shards.write(tmp_path, "dev", tmp_path / "images", 4)
    assert picture.read_bytes() == before


@pytest.mark.parametrize("command", [
    ["finetune", "vqa", "--data", "D", "--out", "R2"], ["evaluate", "vqa", "--data", "D"],
    ["predict", "--image", PICTURE, "--caption", "a [MASK]"], ["evaluate", "proposals", "--data", "D"]])
def test_a_device_without_a_detector_is_refused(inputs: Path, capsys: pytest.CaptureFixture[str],
                                                command: list[str]) -> None:
    assert main([*command, "--detector-device", "cpu"]) == 2
    assert capsys.readouterr().err.startswith("error: --detector-device has no use without --detector: the detector of")
    assert not Path("R2").exists()


def test_the_app_refuses_a_device_without_a_detector(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_flags(["--detector-device", "cpu"])
    assert ended.value.code == 2 and "--detector-device has no use without --detector" in capsys.readouterr().err
    assert (read_flags([]).detector, read_flags([]).detector_device) == ("", "auto")
    assert read_flags(["--detector", "F", "--detector-device", "cpu"]).detector_device == "cpu"


@pytest.mark.parametrize(("target", "why"), [
    ("X/deep/F.json", r"^error: X/deep/F\.json could not be written \((Not a directory|File exists)\)\. A file stands "
                      r"where a folder is needed; name another folder, then run the same command again\.\n$"),
    ("R", r"^error: R is a folder; name a file to write\.\n$")])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(inputs: Path, capsys: pytest.CaptureFixture[str],
                                                                   target: str, why: str) -> None:
    assert main(["predict", "--image", PICTURE, "--caption", "a [MASK]", "--weights", "W", "--json", target]) == 2
    assert re.match(why, capsys.readouterr().err)


@pytest.mark.parametrize(("number", "advice"), [(2, "Create its folder"), (13, "Allow writing there"),
                                                (28, "Free some space on this disk"), (122, "Free some space"),
                                                (30, "That disk can only be read"), (9999, "See that files can be")])
def test_the_advice_follows_the_cause(number: int, advice: str) -> None:
    error = write_failed("F", OSError(number, "why"), "; kept")
    assert isinstance(error, DiskError)
    assert str(error).startswith(f"F could not be written (why); kept. {advice}")
    assert str(error).endswith(", then run the same command again.")
    assert ("space" in str(error)) == (number in (28, 122))
