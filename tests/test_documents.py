"""The documents: their links lead somewhere, their commands exist, and README is a valid card of a Space."""

import re
from functools import cache
from pathlib import Path

import pytest

import studio.bench
import studio.first_run
import studio.load
from engine.cli import main
from studio.flags import read_flags
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *(f for folder in ("engine", "studio", "assets", "tests")
                                   for f in sorted((ROOT / folder).rglob("*.md")))]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # that the Hub knows
PROGRAMS = {"studio.bench": studio.bench.main, "studio.load": studio.load.main,
            "studio.first_run": studio.first_run.main, "app.py": read_flags}
VERBS = "pretrain|finetune|ablate|evaluate|predict|convert|thin|average|novelty|scenes|shard|bench"
COMMAND = re.compile(rf"-m engine ({VERBS})\b(.*)|^({VERBS}) (.*--.*)|"
                     r"(studio\.bench|studio\.load|studio\.first_run|app\.py)(.*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def anchors(document: Path) -> set[str]:
    """The names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_link_to_a_file_or_a_heading_leads_there(document) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        if not link.startswith("https://") and (not target.exists() or (heading and heading not in anchors(target))):
            broken.append(link)
    assert not broken


def commands(text: str) -> list[tuple[str, set[str]]]:
    """(program or verb, its flags) of each command in code."""
    text = text.replace("\\\n", " ")
    code = re.findall(r"`([^`]+)`", text) + re.findall(r"^ {4}(.*)$", text, re.MULTILINE)
    found = []
    for line in code:
        for command in re.split(r"&&|;", " ".join(line.split("# ")[0].split())):
            if match := COMMAND.search(command.strip()):
                name, rest = [part for part in match.groups() if part is not None]
                found.append((name, set(FLAG.findall(rest))))
    return found


def test_every_command_takes_the_flags_that_the_documents_give_it(capsys) -> None:
    @cache
    def flags_of(name: str) -> set[str]:
        with pytest.raises(SystemExit):
            PROGRAMS[name](["--help"]) if name in PROGRAMS else main([name, "--help"])
        return set(FLAG.findall(capsys.readouterr().out))

    found = [(d.name, *c) for d in DOCUMENTS for c in commands(d.read_text(encoding="utf-8"))]
    assert {name for _, name, _ in found} == {*PROGRAMS, *VERBS.split("|")}
    assert not [(document, name, wrong) for document, name, flags in found if (wrong := flags - flags_of(name))]


def test_readme_is_short_and_its_head_is_a_card_that_a_space_takes() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    end = lines.index("---", 1)
    head = dict(line.split(": ", 1) for line in lines[1:end])
    assert len(lines) <= 120 and [line.split("#")[0].strip() for line in lines[end + 2:end + 4]] == ["make app",
                                                                                                    "make test"]
    assert f"gradio=={head['sdk_version']}" in (ROOT / "requirements.txt").read_text().splitlines()
    assert head["sdk"] == "gradio" and (ROOT / head["app_file"]).is_file() and len(head["short_description"]) <= 60
    assert {head["colorFrom"], head["colorTo"]} <= COLOURS
