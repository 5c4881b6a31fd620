"""A reliability plot of `evaluate calibration`: python -m studio.reliability FIGURES.json [MORE.json] --plot FILE.

One diagram for each head: accuracy against confidence, a point for each bin. A calibrated model has its points on the
diagonal. The engine computes the figures and does not draw, so that it needs no matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.lines import BROKEN, reason
from engine.errors import ConfigError, DataError, VLBertError
from engine.writing import refuse_overwriting, write_failed
from studio.views.figures import AGAINST, FOR, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"words": "Masked words", "regions": "Masked regions", "visible_regions": "Visible regions",
          "classes": "Detector's classes", "answers": "Answers"}
KINDS = (".svg", ".png")


def heads_of(path: Path) -> dict[str, dict[str, Any]]:
    """The figures of each head in a file that `evaluate calibration` wrote.

    Raises:
        DataError: The file is none, or has no bins.
    """
    try:
        raw = json.loads(path.read_bytes())
        found = {name: raw[name] for name in TITLES if name in raw}
        for own in found.values():
            own["ece"] = float(own["ece"])
            own["points"] = [(float(b["confidence"]), float(b["accuracy"])) for b in own["bins"]]
    except BROKEN as error:
        raise DataError(f"{path} is no file of figures ({reason(error)}). Write it with: python -m engine evaluate "
                        "calibration --json FILE.") from error
    if not found:
        raise DataError(f"{path} has figures of none of {', '.join(TITLES)}. Write it with: python -m engine evaluate "
                        "calibration --json FILE.")
    return found


def plot(heads: dict[str, dict[str, Any]], target: Path) -> None:
    """Draw a diagram for each head.

    Args:
        heads: by the name of the head, as `heads_of` reads them
        target: the file to write, .svg or .png

    Raises:
        DiskError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "studio", "font.size": 9}):
        made = Figure(figsize=(2.6 * len(heads), 3.0), layout="constrained")
        for place, (name, own) in enumerate(heads.items(), 1):
            _diagram(made.add_subplot(1, len(heads), place), TITLES[name], own, first=place == 1)
        try:
            made.savefig(target, dpi=150, metadata={"Date": None} if target.suffix == ".svg" else None)
        except OSError as error:
            raise write_failed(str(target), error) from error


def _diagram(axes: Axes, title: str, own: dict[str, Any], *, first: bool) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle="--")
    for confidence, accuracy in own["points"]:
        axes.plot([confidence, confidence], [confidence, accuracy], color=AGAINST, linewidth=1.0)
    axes.plot(*zip(*own["points"], strict=True), color=FOR, marker="o", markersize=3, linewidth=1.0)
    axes.set_title(f"{title}\nECE {100 * own['ece']:.1f} %, n = {own['n']:,}", fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy" if first else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the figures and draw them; 2 where the user can mend what is wrong."""
    parser = argparse.ArgumentParser(prog="studio.reliability", description="Draw a reliability plot.")
    parser.add_argument("figures", type=Path, nargs="+", help="files that `evaluate calibration --json` wrote; of a "
                        "head that several have, the last one is drawn")
    parser.add_argument("--plot", type=Path, required=True, help="the file to write, .svg or .png")
    flags = parser.parse_args(arguments)
    try:
        if flags.plot.suffix.lower() not in KINDS:
            raise ConfigError(f"{flags.plot} must end in .svg or .png.")
        refuse_overwriting(flags.plot, *flags.figures)
        plot({name: own for path in flags.figures for name, own in heads_of(path).items()}, flags.plot)
    except VLBertError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
