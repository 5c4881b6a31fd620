"""The model card of an adapter that was taught here: Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.views.clues import percent

if TYPE_CHECKING:
    from studio.teaching.runs import Run


def card(run: Run, command: str) -> str:
    """What it is, what it was taught with, and how well it does."""
    assert run.record is not None
    order, log = run.record.order, run.log
    figures = "\n".join(f"| {m.step} | {percent(m.accuracy)} | "
                        f"{', '.join(f'{k} {percent(v)}' for k, v in m.kinds) or '–'} |" for m in log.measured)
    return f"""# {run.name.replace("#", "")}

An adapter of VL-BERT Studio for the task `{order.settings.task}`: a task head, and how the weights moved
(`{order.settings.tune}`). It fits only the VL-BERT it was taught on, whose digest it carries.

- Data: {order.data}; {log.examples} examples to learn from, {log.held_out} about other pictures to measure on
- Steps: {log.step} of {log.batch} examples
- Guessing reaches {percent(log.chance)}

Measured on the held-out pictures while it learned:

| step | accuracy | by kind |
| --- | --- | --- |
{figures}

    {command}
    python -m engine evaluate {order.settings.task} --data DIR --adapter {log.adapter} --json -

The accuracy is that of a few held-out examples of the same data, chosen before the run; other data may differ.
"""
