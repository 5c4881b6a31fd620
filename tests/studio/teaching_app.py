"""The app with tiny weights whose runs give way to nobody: the page is what is tested, not patience."""

import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from fake_predictor import FakeExplainer, FakePredictor  # noqa: E402  (found through the path above)

import app  # noqa: E402
import studio.jobs  # noqa: E402
from studio.teaching.jobs import Jobs  # noqa: E402

if __name__ == "__main__":
    studio.jobs.Jobs = partial(Jobs, nice=0)
    app.main(sys.argv[1:], load=FakePredictor.load, explain=FakeExplainer)
