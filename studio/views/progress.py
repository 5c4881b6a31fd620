"""How far a run is, in words and figures, and the list of all runs, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from studio.views.clues import percent
from studio.views.curves import Axes, Line, chart

if TYPE_CHECKING:
    from studio.teaching.log import Log
    from studio.teaching.runs import Run

DOING = {"start": "Starting Python", "scenes": "Drawing scenes", "features": "Looking at the pictures"}
SAYS = {"waiting": "Waiting for its turn", "running": "Learning", "stopping": "Stopping after this step",
        "stopped": "Stopped", "finished": "Finished", "failed": "Failed", "broken off": "Broken off",
        "damaged": "Damaged"}
LEAST_LOSS = 0.1  # the loss axis is never shorter
NO_RUNS = '<div class="teach"><p class="empty">No runs yet.</p></div>'


def progress(run: Run) -> str:
    """State, bar and figures of one run."""
    log = run.log
    facts = [("Step", f"{log.step} of {log.steps}" if log.steps else "–"),
             ("Accuracy", percent(log.measured[-1].accuracy) if log.measured else "–"),
             ("By chance", percent(log.chance) if log.chance else "–"),
             ("Examples a second", f"{log.speed:.0f}" if log.speed else "–"),
             ("Time left", _left(run))]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    share, what = _done(run)
    first = (f'<p class="hint">The first point is what it gets right before it has learned anything, on {log.before} '
             "questions about a few other pictures. The curve begins when all pictures are looked at.</p>"
             if log.before and run.state == "running" else "")
    problem = f'<p class="problem">{escape(run.problem)}</p>' if run.problem else ""
    return (f'<div class="teach"><p class="state" data-state="{run.state}"><b>{escape(run.name)}</b>'
            f"<span>{escape(what)}</span></p>"
            f'<progress max="1" value="{share:.4f}" aria-label="{escape(what)}"></progress>'
            f"<dl>{cells}</dl>{first}{problem}</div>")


def curves(runs: Sequence[Run], now: int | None = None) -> str:
    """Accuracy and loss of one run, or of several to compare. now: a step that is marked."""
    shown = [run for run in runs if run.record]
    if not shown:
        return ""
    steps = max(max(run.log.steps, run.log.step) for run in shown)
    # A loss over a vocabulary of answers starts ten times higher than it soon is; the axis follows what is drawn.
    top = max([p.loss for run in shown for p in run.log.points] + [LEAST_LOSS]) * 1.05
    alone = shown[0].log.chance if len(shown) == 1 else 0.0
    accuracy = chart("Accuracy on held-out pictures", [
        Line(run.name, tuple((m.step, m.accuracy) for m in run.log.measured), k) for k, run in enumerate(shown)],
        Axes(steps, 1.0, percent=True, level=alone or None, level_name="chance", now=now))
    loss = chart("Loss in training", [
        Line(run.name, tuple((p.step, p.loss) for p in run.log.points), k) for k, run in enumerate(shown)],
        Axes(steps, top, now=now))
    return f'<div class="teach charts">{accuracy}{loss if any(run.log.points for run in shown) else ""}</div>'


def table(runs: Sequence[Run]) -> str:
    """All runs, the latest first."""
    if not runs:
        return NO_RUNS
    rows = "".join(_row(run) for run in runs)
    return ('<div class="teach list" tabindex="0" role="region" aria-label="All runs"><table><thead><tr>'
            '<th scope="col">Run</th><th scope="col">Task</th><th scope="col">Data</th><th scope="col">Moves</th>'
            '<th scope="col">Steps</th><th scope="col">Accuracy</th><th scope="col">State</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div>")


def _row(run: Run) -> str:
    if run.record is None:
        return (f'<tr><th scope="row">{escape(run.id)}</th><td colspan="5">{escape(run.problem)}</td>'
                f'<td data-state="damaged">Damaged</td></tr>')
    settings, log = run.record.order.settings, run.log
    accuracy = percent(log.measured[-1].accuracy) if log.measured else "–"
    state = SAYS[run.state] + (f": {run.problem}" if run.problem and run.state == "damaged" else "")
    return (f'<tr><th scope="row">{escape(run.name)}</th><td>{settings.task}</td>'
            f"<td>{escape(run.record.order.data)}</td><td>{settings.tune}</td>"
            f"<td>{log.step}{f' / {log.steps}' if log.steps else ''}</td><td>{accuracy}</td>"
            f'<td data-state="{run.state}">{escape(state)}</td></tr>')


def _done(run: Run) -> tuple[float, str]:
    """The share of what is going on that is done, and what it is."""
    log = run.log
    if run.state == "running" and (log.preparing or not log.steps):
        what, done, count = log.preparing or ("start", 0, 1)
        said = DOING.get(what, what)
        return done / max(1, count), said if what == "start" else f"{said}: {done} of {count}"
    share = 1.0 if run.state == "finished" else log.step / max(1, log.steps)
    return share, SAYS[run.state]


def _left(run: Run) -> str:
    log: Log = run.log
    if run.state != "running" or not log.points or log.preparing:
        return "–"
    seconds = int(log.points[-1].left)
    return f"{seconds // 60}:{seconds % 60:02d} min"
