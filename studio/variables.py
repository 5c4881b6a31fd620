"""Environment variables for the flags of a parser: a Space takes no flags, but has variables."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Mapping

PREFIX = "VLBERT_"
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def variable(option: str) -> str:
    """The environment variable of a flag: VLBERT_MOST_STEPS for --most-steps."""
    return PREFIX + option.lstrip("-").replace("-", "_").upper()


def settable(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.Action]]:
    """By environment variable: the flag, and its action. Every flag of the parser has one, except --help."""
    return {variable(option): (option, action) for action in parser._actions for option in action.option_strings
            if option.startswith("--") and action.dest != argparse.SUPPRESS and action.dest != "help"}


def list_variables(parser: argparse.ArgumentParser) -> None:
    """Add its environment variable to the help of each flag."""
    for action in {id(action): action for _, action in settable(parser).values()}.values():
        action.help = f"{action.help} [{variable(action.option_strings[0])}]"


def read_variables(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Make what the environment says the parser's defaults, so that the command line wins.

    An empty variable counts as not set. A bad value ends the program as the same value of the flag does.
    """
    known = settable(parser)
    for name, (option, action) in known.items():
        if environment.get(name):
            parser.set_defaults(**{action.dest: _value(parser, name, option, action, environment[name])})
    for name in environment:
        meant = difflib.get_close_matches(name, known, 1, 0.85) if name.startswith(PREFIX) else []
        if name not in known and meant:
            print(f"{parser.prog}: {name} has no effect. The variable is called {meant[0]}.", file=sys.stderr)


def _value(parser: argparse.ArgumentParser, name: str, option: str, action: argparse.Action, text: str) -> object:
    if isinstance(action, argparse.BooleanOptionalAction):
        if text.lower() not in (*YES, *NO):
            parser.error(f"{name}: {text!r} is neither yes nor no. Write 1 or 0.")
        return (text.lower() in YES) != option.startswith("--no-")
    parser.exit_on_error = False
    try:
        return getattr(parser.parse_args([f"{option}={text}"]), action.dest)
    except argparse.ArgumentError as error:
        parser.error(f"{name}: {error.message}")
    finally:
        parser.exit_on_error = True
