"""Messages about regions that are not there, for pictures with none, one and several."""

from types import SimpleNamespace

import pytest

from engine.errors import CaptionError, MaskError
from engine.predictor import Predictor
from engine.structures.questions import TaggedText


@pytest.mark.parametrize(("count", "there"), [(0, "no regions"), (1, "only region 1"), (3, "regions 1 to 3")])
def test_a_region_that_is_not_there_is_refused_with_those_that_are(count, there):
    with pytest.raises(MaskError) as refused:
        Predictor.hidden_regions(SimpleNamespace(boxes=[None] * (count + 1)), [count + 1], "feature")
    assert str(refused.value) == f"There is no region {count + 1}; the photo has {there}."
    with pytest.raises(CaptionError, match=rf"names a region that is not there; the picture has {there}\.$"):
        TaggedText.read("dog [4]", count)
