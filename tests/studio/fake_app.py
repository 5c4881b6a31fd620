"""The app with the stand-in predictor; extra flag --loading SECONDS: how long the model takes to load."""

import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from fake_predictor import FakeExplainer, FakePredictor  # noqa: E402  (found through the path above)

import app  # noqa: E402

if __name__ == "__main__":
    flags = sys.argv[1:]
    seconds = float(flags[flags.index("--loading") + 1]) if "--loading" in flags else 0.0
    if "--loading" in flags:
        del flags[flags.index("--loading"):flags.index("--loading") + 2]
    app.main(flags, load=partial(FakePredictor.load, seconds=seconds), explain=FakeExplainer)
