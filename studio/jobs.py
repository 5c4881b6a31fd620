"""The runs of this studio, and what they have taught, for every tab that can use an adapter."""

from __future__ import annotations

import argparse

from studio.teaching.jobs import Jobs, Limits, Taught
from studio.teaching.orders import Places

_open: list[Jobs] = []


def open_jobs(flags: argparse.Namespace) -> Jobs | None:
    """The runs that the flags of the page ask for; None where it trains nothing."""
    jobs = None if not flags.training or flags.public else Jobs(
        Places(flags.runs, flags.weights), Limits(flags.most_steps, flags.most_disk))
    _open[:] = [jobs] if jobs else []
    return jobs


def finished_adapters() -> list[Taught]:
    """The adapters of finished runs, the latest first; none where the page trains nothing."""
    return [taught for jobs in _open for taught in jobs.finished_adapters()]
