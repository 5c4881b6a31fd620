"""What the page shows of the runs, computed anew at each look, and sent only where something has changed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from dataclasses import dataclass, fields
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from studio.teaching.examples import NONE, Examples, picture, read_examples
from studio.teaching.jobs import Jobs
from studio.teaching.runs import ACTIVE, Run
from studio.views.card import card
from studio.views.invitation import INVITATION
from studio.views.progress import curves, progress, table
from studio.views.watched import history, watched

RESUMABLE = ("stopped", "failed", "broken off")
AT_ONCE = "Stop at once"
_filling = threading.Lock()
MOST_WORDS = 60  # characters of an example in the list


@dataclass(frozen=True)
class Shown:
    """The components that a look fills, in the order of its answer."""

    run: gr.Dropdown
    compare: gr.Dropdown
    progress: gr.HTML
    charts: gr.HTML
    stop: gr.Button
    resume: gr.Button
    example: gr.Dropdown
    moment: gr.Slider
    watched: gr.HTML
    history: gr.HTML
    table: gr.HTML
    adapter: gr.DownloadButton
    card: gr.DownloadButton
    manage: gr.Group
    timer: gr.Timer
    seen: gr.State

    @property
    def all(self) -> list[Any]:
        return [getattr(self, f.name) for f in fields(self)]


@dataclass(frozen=True)
class Seen:
    """What a visitor was shown last. key: of everything; last: the latest moment; chosen: the run and its state."""

    key: str = ""
    last: int = 0
    chosen: tuple[str, str] = ("", "")


def look(jobs: Jobs, id: str | None, compare: list[str] | None, example: int | None, moment: float | None,
         seen: Seen | None) -> list[Any]:
    """Values for `Shown.all`. id: the run that is followed; None or one that is gone: the latest active one."""
    runs, seen = jobs.runs(), seen or Seen()
    run = next((r for r in runs if r.id == id), None) or next((r for r in runs if r.state in ACTIVE), None) or next(
        iter(runs), None)
    examples = read_examples(run) if run else NONE
    key = repr((run and run.id, compare, example, moment,
                [(r.id, r.state, r.name, len(r.log.points), len(r.log.measured), r.log.step, r.log.preparing)
                 for r in runs],
                len(examples.moments)))
    if key == seen.key:
        return [gr.skip()] * len(fields(Shown))
    last = examples.moments[-1][0] if examples.moments else 0
    # Whoever looks at the latest moment goes along with it; whoever went back in time stays there.
    live = moment is None or moment >= seen.last or (run.id if run else "") != seen.chosen[0]
    now = last if live else int(moment or 0)
    number = example if example is not None and example < len(examples.asked) else 0
    names = [(r.name, r.id) for r in runs]
    others = [r for r in runs if r.id in (compare or []) and (run is None or r.id != run.id)]
    return [
        gr.Dropdown(choices=names, value=run.id if run else None, visible=bool(runs)),
        gr.Dropdown(choices=names, value=[r.id for r in others]),
        (progress(run) + _command(jobs, run)) if run else INVITATION,
        curves([run, *others], now if examples.moments else None) if run and _has_curve(run) else "",
        gr.Button(visible=run is not None and run.state in ACTIVE,
                  value=AT_ONCE if run and run.state == "stopping" else "Stop"),
        gr.Button(visible=run is not None and run.state in RESUMABLE),
        gr.Dropdown(choices=[(_words(a, n), n) for n, a in enumerate(examples.asked)],
                    value=number if examples.asked else None, visible=bool(examples.asked)),
        gr.Slider(maximum=max(1, last), value=now, visible=len(examples.moments) > 1),
        *_example(jobs, run, examples, number, now),
        table(runs),
        *_downloads(jobs, run, seen),
        gr.Group(visible=run is not None),
        gr.Timer(active=any(r.state in ACTIVE for r in runs)),
        Seen(key, last, (run.id, run.state) if run else ("", "")),
    ]


def _has_curve(run: Run) -> bool:
    return bool(run.log.steps or run.log.measured)


def _example(jobs: Jobs, run: Run | None, examples: Examples, number: int, now: int) -> tuple[str, str]:
    """The example at this moment, and its history."""
    if run is None or not examples.moments:
        return "", ""
    asked = examples.asked[number]
    step, beliefs = examples.at(now)
    return (watched(asked, beliefs[number], picture(jobs.places, run, asked)),
            history(asked, examples.of(number), step, max(run.log.steps, 1)))


def _downloads(jobs: Jobs, run: Run | None, seen: Seen) -> tuple[Any, Any]:
    """The adapter and its card, copied out of the folder of runs, which is served to nobody."""
    if run is not None and (run.id, run.state) == seen.chosen:
        return gr.skip(), gr.skip()
    if run is None or run.adapter is None or run.record is None:
        return gr.DownloadButton(visible=False), gr.DownloadButton(visible=False)
    folder = Path(_outbox()) / run.id / str(run.adapter.stat().st_mtime_ns)  # a run that goes on leaves another one
    adapter = folder / run.adapter.name
    with _filling:
        if not adapter.exists():
            withdraw(run.id)
            folder.mkdir(parents=True)
            try:
                os.link(run.adapter, adapter)
            except OSError:
                shutil.copyfile(run.adapter, adapter)
        (folder / "README.md").write_text(card(run, run.command(jobs.places)), encoding="utf-8")
    return gr.DownloadButton(value=str(adapter), visible=True), gr.DownloadButton(value=str(folder / "README.md"),
                                                                                 visible=True)


def withdraw(id: str) -> None:
    """Offer nothing of this run for download any more."""
    shutil.rmtree(Path(_outbox()) / id, ignore_errors=True)


@cache
def _outbox() -> str:
    return tempfile.mkdtemp(prefix="vlbert-adapters-")


def _command(jobs: Jobs, run: Run) -> str:
    command = run.command(jobs.places)
    return (f'<details class="teach command"><summary>The command that started it</summary><code>{escape(command)}'
            "</code></details>") if command else ""


def _words(asked: Any, number: int) -> str:
    text = asked["text"]
    return f"{number + 1}. {text[:MOST_WORDS]}{'…' if len(text) > MOST_WORDS else ''}"
