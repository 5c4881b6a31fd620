"""Every flag by the command line and by its environment variable, and what ends the program with a sentence."""

import os
from pathlib import Path

import pytest

from studio.flags import ROOT, SPACE_PROXIES, build_parser, read_flags
from studio.variables import settable

VALUES = {"host": ("0.0.0.0", "0.0.0.0"), "port": ("8123", 8123), "weights": ("other", Path("other")),
          "detector": ("c4.safetensors", "c4.safetensors"), "detector_device": ("cpu", "cpu"),
          "trusted_proxies": ("10.0.0.7, 10.1.0.0/16", ("10.0.0.7/32", "10.1.0.0/16")),
          "runs": ("there", Path("there")),
          "most_steps": ("9", 9), "most_disk": ("50", 50)}


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No variable of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("VLBERT_") or name == "SPACE_ID"]:
        monkeypatch.delenv(name)


def flags_of(parser):
    return [o for action in parser._actions for o in action.option_strings if o.startswith("--") and o != "--help"]


def test_every_flag_can_be_set_by_an_environment_variable_and_the_command_line_wins(monkeypatch):
    for flag in flags_of(build_parser(on_space=False)):
        name, dest = f"VLBERT_{flag[2:].replace('-', '_').upper()}", flag[2:].removeprefix("no-").replace("-", "_")
        text, value = VALUES.get(dest, ("1", not flag.startswith("--no-")))
        if dest == "mcp":
            pytest.importorskip("mcp")
        with monkeypatch.context() as environment:
            if dest == "detector_device":
                environment.setenv("VLBERT_DETECTOR", "c4.safetensors")
            environment.setenv(name, text)
            assert getattr(read_flags([]), dest) == value, flag
            other = [flag, "77"] if dest in ("port", "most_steps", "most_disk") else (
                [flag, "127.0.0.1"] if dest in VALUES else [f"--{dest.replace('_', '-')}"
                                                            if flag.startswith("--no-") else f"--no-{flag[2:]}"])
            assert getattr(read_flags(other), dest) != value, flag
            environment.setenv(name, "")
            plain = "auto" if dest == "detector_device" else getattr(build_parser(False).parse_args([]), dest)
            assert getattr(read_flags([]), dest) == plain, flag


def test_every_variable_is_listed_in_the_help_and_in_the_guide_to_spaces():
    parser = build_parser(on_space=False)
    said, guide = parser.format_help(), (ROOT / "studio" / "SPACE.md").read_text(encoding="utf-8")
    first = {name for name, (option, action) in settable(parser).items() if option == action.option_strings[0]}
    assert len(first) == 15 and all(f"[{name}]" in "".join(said.split()) and f"`{name}`" in guide for name in first)


def test_a_space_can_show_other_weights_and_trusts_its_own_proxies(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    monkeypatch.setenv("VLBERT_WEIGHTS", "/data/weights")
    flags = read_flags([])
    assert flags.public and flags.weights == Path("/data/weights")
    assert ",".join(flags.trusted_proxies) == SPACE_PROXIES
    monkeypatch.setenv("VLBERT_PUBLIC", "no")
    assert not read_flags([]).public


@pytest.mark.parametrize(("flag", "value", "why"), [
    ("port", "abc", "a port is a whole number from 1 to 65535, not 'abc'"),
    ("port", "70000", "a port is a whole number from 1 to 65535, not '70000'"),
    ("most-steps", "-1", "'-1' is not a whole number from 0 up"),
    ("trusted-proxies", "10.0.0.0/8,nginx", "'nginx' is neither an address nor a network; write for example"),
    ("trusted-proxies", "*", "'*' is neither an address nor a network; write for example"),
    ("trusted-proxies", "0.0.0.0/0", "'0.0.0.0/0' is everybody; name the proxies alone"),
])
def test_a_bad_value_ends_with_the_same_sentence_from_both_places(flag, value, why, monkeypatch, capsys):
    name = f"VLBERT_{flag.upper().replace('-', '_')}"
    for arguments, begins in (([f"--{flag}={value}"], f"app.py: error: argument --{flag}: "),
                              ([], f"app.py: error: {name}: ")):
        with pytest.raises(SystemExit) as ended:
            read_flags(arguments)
        assert ended.value.code == 2 and begins + why in capsys.readouterr().err
        monkeypatch.setenv(name, value)


def test_a_switch_is_yes_or_no_and_a_misspelt_variable_is_named(monkeypatch, capsys):
    monkeypatch.setenv("VLBERT_WEIGTHS", "/data")
    assert read_flags([]).weights == ROOT / "assets" / "weights"
    assert "VLBERT_WEIGTHS has no effect. The variable is called VLBERT_WEIGHTS." in capsys.readouterr().err
    monkeypatch.setenv("VLBERT_OPEN", "perhaps")
    with pytest.raises(SystemExit):
        read_flags([])
    assert "VLBERT_OPEN: 'perhaps' is neither yes nor no. Write 1 or 0." in capsys.readouterr().err
