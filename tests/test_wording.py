"""Ranges and values in the words of messages."""

import pytest

from engine.config import EncoderConfig, FineTuneConfig, RecipeConfig
from engine.errors import ConfigError, MaskError
from engine.structures.photo import Photo
from engine.training.schedule import TrainingConfig
from engine.wording import kind, limits, numbered, shown
from tests.conftest import ROOT


@pytest.mark.parametrize(("settings", "wrong", "sentence"), [
    (FineTuneConfig, {"batch_size": 0}, "batch_size is 0; it must be at least 1."),
    (FineTuneConfig, {"epochs": -1.0}, "epochs is -1.0; it must be at least 0."),
    (FineTuneConfig, {"log_every": 0}, "log_every is 0; it must be at least 1 step."),
    (FineTuneConfig, {"held_out": 0.9}, "held_out is 0.9; it must lie between 0 and 0.5."),
    (RecipeConfig, {"views": 17}, "views is 17; it must lie between 0 and 16."),
    (EncoderConfig, {"hidden": 4}, "hidden is 4; it must be at least 8."),
    (TrainingConfig, {"drops": (0.5,)}, "The schedule is triangle and drops is 0.5; the schedule `steps` needs drops, "
                                        "and no other one has any."),
    (TrainingConfig, {"schedule": "steps"}, "The schedule is steps and drops is empty; the schedule `steps` needs "
                                            "drops, and no other one has any."),
    (TrainingConfig, {"schedule": "steps", "drops": (0.9, 0.7)}, "drops is 0.9 0.7; give rising shares of the run "
                                                                 "between 0 and 1, such as 0.7 0.9.")])
def test_a_range_is_told_in_words(settings, wrong, sentence):
    with pytest.raises(ConfigError) as refused:
        settings(**{"epochs": 1.0, "batch_size": 1} | wrong if settings is TrainingConfig else wrong)
    assert str(refused.value) == sentence


def test_ranges_values_and_numbers():
    assert [limits(1, None, "steps"), limits(32, None, "pixels"), limits(None, 9), limits(0, 1)] == [
        "be at least 1 step", "be at least 32 pixels", "be at most 9", "lie between 0 and 1"]
    assert [shown(v) for v in (True, None, "K\u00fcche", [1, "x"])] == ["true", "null", '"K\u00fcche"', '[1, "x"]']
    assert shown("x" * 200) == f'"{"x" * 79}…' and shown("\ud800") == '"?"'
    assert [kind(v) for v in (None, True, 1, "x", [], {})] == [
        "nothing", "true or false", "a number", "a text", "a list", "an object"]
    assert [numbered("region", n) for n in (0, 1, 2)] == ["no regions", "only region 1", "regions 1 to 2"]


@pytest.mark.parametrize(("boxes", "there"), [([], "no regions"), ([[0, 0, 0.5, 0.5]], "only region 1")])
def test_a_region_that_is_not_there_is_told_with_those_that_are(predictor, boxes, there):
    seen = predictor.see(Photo.open(ROOT / "assets" / "examples" / "dog.jpg"), boxes)
    with pytest.raises(MaskError, match=rf"^There is no region 2; the photo has {there}\.$"):
        predictor.ask(seen, "a dog", [], [2])
