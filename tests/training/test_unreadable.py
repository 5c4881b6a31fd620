"""A photo that cannot be read is left out of every stage of pre-training, and of what is measured."""

import pytest
import torch

from engine.config import DetectorConfig, EncoderConfig, ModelConfig, PretrainingConfig, RecipeConfig
from engine.data import scenes
from engine.data.features import FeatureCache
from engine.data.flickr8k import read
from engine.data.unreadable import readable_photos, silenced, unreadable_photos
from engine.detector.detector import Detector
from engine.errors import DataError
from engine.model.vlbert import VLBert
from engine.structures.photo import Photo
from engine.training import checkpoint
from engine.training.stage_material import captioned, gathered
from engine.training.stages import features_stage, pretraining_stage, tuning_stage
from tests.conftest import ROOT

CONFIG = ModelConfig(
    name="tiny", precomputed=True, encoder=EncoderConfig(hidden=32, layers=1, heads=4, feed_forward=64),
    detector=DetectorConfig(depth=50, stage5="map", classes=4, square_side=64, source_side=64, proposals=True),
    pretraining=PretrainingConfig(alignment=0.5, word_probability=0.5, region_probability=0.5))


def cut(path):
    """Take away the last half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


@pytest.fixture
def data(tmp_path):
    """Four scenes, of which the second has lost half of its picture and the fourth all of it."""
    scenes.write(tmp_path / "data", 4, seed=1)
    cut(tmp_path / "data" / "images" / "00001.jpg")
    (tmp_path / "data" / "images" / "00003.jpg").unlink()
    return tmp_path / "data"


def test_features_pretraining_and_tuning_go_on_without_it(data, tmp_path, capsys):
    recipe = RecipeConfig(epochs=1, tuning_epochs=1, views=1, precision="no")
    material = gathered(CONFIG, recipe, [str(data)], tmp_path / "run", ROOT / "assets" / "weights" / "vocab.txt")
    torch.manual_seed(0)
    detector, model = Detector.from_config(CONFIG.detector).eval(), VLBert.from_config(CONFIG)
    corpus = material.pieces.captions(["a red ball .", "a blue star ."])
    features_stage(material, detector)
    assert FeatureCache(tmp_path / "run" / "features", captioned(material.photos)[0]).unreadable.keys() == {1, 3}
    captions = sum(len(material.photos[i].captions) for i in (1, 3))
    said = f"2 pictures cannot be read, which leaves out {captions} captions: The picture is damaged or cut off."
    assert said in capsys.readouterr().err
    pretraining_stage(material, detector, model, corpus, {})
    assert said in capsys.readouterr().err
    tuning_stage(material, detector, model, corpus)
    assert said in capsys.readouterr().err
    examples = [checkpoint.load(tmp_path / "run" / stage / "state.pt")["origin"]["examples"]
                for stage in ("pretraining", "tuning")]
    assert examples == [sum(len(material.photos[i].captions) for i in (0, 2)), 2]


def test_what_is_measured_lacks_it_and_nothing_else(data, monkeypatch):
    photos = read(data, "train")
    kept, left_out = readable_photos(photos)
    assert kept == [photos[0], photos[2]] and left_out.pictures.count == 2
    assert left_out.count == len(photos[1].captions) + len(photos[3].captions)
    opened, read_photo = [], Photo.open
    with monkeypatch.context() as counting:
        counting.setattr(Photo, "open", lambda source: opened.append(source) or read_photo(source))
        why = unreadable_photos([*photos, photos[1], photos[2]])
    assert why.keys() == {1, 3, 4} and why[4] == why[1] and opened == [p.path for p in photos]  # none twice
    same, _ = silenced(photos, unreadable_photos(photos))
    assert [bool(p.boxes or p.captions) for p in same] == [True, False, True, False]
    assert [p.path for p in same] == [p.path for p in photos]
    for number in (0, 2):
        cut(photos[number].path)
    with pytest.raises(DataError, match=r"There is nothing to use in this data: 4 pictures cannot be read, which "
                                        r"leaves out \d+ captions: The picture .*\(00000.jpg\) .*\(00001.jpg\) .* …$"):
        readable_photos(photos)
