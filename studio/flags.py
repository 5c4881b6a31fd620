"""The flags of the page."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from engine.commands.shared import add_detector, detector_of
from engine.errors import ConfigError

ROOT = Path(__file__).parent.parent
WEIGHTS, RUNS = ROOT / "assets" / "weights", ROOT / "runs"


def read_flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="app.py", description="VL-BERT Studio: hide a word or a region "
                                     "of a photo and see what the model believes is there.")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or GRADIO_SERVER_NAME)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="ask Gradio for a public address (off by default)")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--mcp", action="store_true", help="also offer /predict and /explain by the Model "
                        "Context Protocol; needs pip install -r requirements-mcp.txt, not for a public page")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the model (default: assets/weights)")
    add_detector(parser)
    parser.add_argument("--public", action="store_true",
                        help="for a page that anybody can open: uploads of at most 16 MB, a limit on each visitor's "
                        "requests, no fine-tuning (the default on a Hugging Face Space)",
                        default="SPACE_ID" in os.environ)
    training = parser.add_argument_group("fine-tuning from the page")
    training.add_argument("--runs", type=Path, default=RUNS, metavar="DIR",
                          help="folder where runs, drawn scenes and visitors' own photos are kept (default: runs)")
    training.add_argument("--no-training", action="store_true", help="offer no fine-tuning, as a public page should")
    training.add_argument("--most-steps", type=int, default=0, metavar="N",
                          help="most steps of a run (default: no limit)")
    training.add_argument("--most-disk", type=int, default=0, metavar="MB",
                          help="most that the folder of runs may take; beyond it, photos and features that no run "
                          "needs are removed (default: no limit)")
    training.add_argument("--end-training", action="store_true",
                          help="stop the run that goes on when the studio ends (default: it goes on)")
    flags = parser.parse_args(arguments)
    if flags.mcp and (flags.public or flags.share):
        parser.error("--mcp is for programs on this machine. Leave it out, or --public and --share.")
    if flags.mcp and importlib.util.find_spec("mcp") is None:
        parser.error("--mcp needs a package that is not installed: pip install -r requirements-mcp.txt")
    try:
        flags.detector, flags.detector_device = detector_of(flags)
    except ConfigError as error:
        parser.error(str(error))
    return flags
