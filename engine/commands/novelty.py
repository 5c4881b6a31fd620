"""How unlike the training photographs a picture is: `novelty` fits the measure, `evaluate novelty` measures it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.commands.shared import WEIGHTS, write
from engine.errors import DataError

PHOTOS = 400  # of each source


def add_novelty(p: argparse.ArgumentParser) -> None:
    p.add_argument("--data", nargs="+", required=True, metavar="FOLDER[:SPLIT]",
                   help="photographs that the model was trained on (default split train)")
    p.add_argument("--development", nargs="+", required=True, metavar="FOLDER:SPLIT",
                   help="others, which choose the threshold: at most 2 %% of each source lie beyond it; every other "
                   "photograph is used, and `evaluate novelty` measures on those between")
    p.add_argument("--photos", type=int, default=PHOTOS, help=f"how many of each source (default {PHOTOS})")
    p.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the weights; the file is written there")
    p.set_defaults(run_command=_novelty)


def _novelty(options: argparse.Namespace) -> None:
    from engine.measure.novelty import fitted
    from engine.weights.novelty import save_novelty

    found = fitted(options.data, options.development, options.photos)
    about = " ".join(Path(source).name for source in options.data)
    sys.stdout.write(f"{save_novelty(options.weights, found, about)}\n")


def evaluate_novelty(options: argparse.Namespace, sources: Sequence[str]) -> None:
    """Write the figures of photographs and of pictures of other kinds.

    Args:
        options: of `evaluate`.
        sources: of photographs, FOLDER:SPLIT each.

    Raises:
        DataError: the weights have no measure, or the photographs cannot be read.
    """
    from engine.measure.novelty import measure
    from engine.weights.novelty import load_novelty

    novelty = load_novelty(options.weights)
    if novelty is None:
        raise DataError(f"{options.weights} has no measure of novelty. Fit one: python -m engine novelty.")
    write(measure(novelty, sources, PHOTOS if options.limit is None else options.limit, options.others), options.json)
