"""The flags of the page."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import os
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from pathlib import Path

from engine.commands.shared import add_detector, detector_of
from engine.errors import ConfigError
from studio.variables import list_variables, read_variables

ROOT = Path(__file__).parent.parent
WEIGHTS, RUNS = ROOT / "assets" / "weights", ROOT / "runs"
# Only a Space's own proxies reach its container, and their addresses are private ones.
SPACE_PROXIES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8"
EPILOG = ("Every flag can be set by the environment variable in brackets, switches by 1 and 0, each --no-… by a "
          "variable of its own as well, as in VLBERT_NO_TRAINING=1. The command line wins.")


def read_flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line, and the environment where the command line says nothing.

    Ends the program with a sentence and exit code 2 for a value that cannot be used.
    """
    parser = build_parser(on_space="SPACE_ID" in os.environ)
    read_variables(parser, os.environ)
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


def build_parser(on_space: bool) -> argparse.ArgumentParser:
    """The flags with their environment variables in the help. on_space: whether a Hugging Face Space runs the page."""
    parser = argparse.ArgumentParser(prog="app.py", description="VL-BERT Studio: hide a word or a region "
                                     "of a photo and see what the model believes is there.", epilog=EPILOG)
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or GRADIO_SERVER_NAME)")
    parser.add_argument("--port", type=_port, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action=BooleanOptionalAction, default=False,
                        help="ask Gradio for a public address (off by default)")
    parser.add_argument("--open", action=BooleanOptionalAction, default=False, help="open the page in the browser")
    parser.add_argument("--mcp", action=BooleanOptionalAction, default=False,
                        help="also offer /predict, /explain and /ask by the Model Context Protocol; needs pip install "
                        "-r requirements-mcp.txt, not for a public page")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the model (default: assets/weights)")
    add_detector(parser)
    parser.add_argument("--public", action=BooleanOptionalAction, default=on_space,
                        help="for a page that anybody can open: uploads of at most 16 MB, a limit on each visitor's "
                        "requests, no fine-tuning (the default on a Hugging Face Space)")
    parser.add_argument("--trusted-proxies", type=_networks, metavar="ADDRESSES",
                        default=_networks(SPACE_PROXIES if on_space else ""),
                        help="addresses or networks of the proxies in front of the page, separated by commas; only "
                        "their X-Forwarded-For is believed (default: none; on a Space its own)")
    _add_training(parser.add_argument_group("fine-tuning from the page"))
    list_variables(parser)
    return parser


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--runs", type=Path, default=RUNS, metavar="DIR",
                       help="folder where runs, drawn scenes and visitors' own photos are kept (default: runs)")
    group.add_argument("--training", action=BooleanOptionalAction, default=True,
                       help="offer fine-tuning (the default; a public page never does)")
    group.add_argument("--most-steps", type=_count, default=0, metavar="N", help="most steps of a run "
                       "(default: no limit)")
    group.add_argument("--most-disk", type=_count, default=0, metavar="MB",
                       help="most that the folder of runs may take; beyond it, photos and features that no run "
                       "needs are removed (default: no limit)")
    group.add_argument("--end-training", action=BooleanOptionalAction, default=False,
                       help="stop the run that goes on when the studio ends (default: it goes on)")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def _networks(text: str) -> tuple[str, ...]:
    """Addresses and networks as uvicorn takes them; none for an empty text."""
    return tuple(_network(part.strip()) for part in text.split(",") if part.strip())


def _network(text: str) -> str:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an address nor a network; write for example "
                                         "10.0.0.7 or 10.0.0.0/8") from None
    if not found.prefixlen:
        raise argparse.ArgumentTypeError(f"{text!r} is everybody; name the proxies alone")
    return str(found)
