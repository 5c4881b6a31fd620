"""What a first-time visitor who presses Start on the defaults sees, and when: python -m studio.first_run --json FILE.

A real browser opens the tab “Teach”, presses Start with nothing changed, and reads the page until the run ends. Needs
Playwright and a Chromium, and about five minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.commands.shared import write
from engine.machine import processor
from studio.bench import SECONDS_TO_ANSWER, find_chromium, served
from studio.screenshots import open_tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

OFTEN = 100  # milliseconds between two looks
SECONDS_TO_END = 1200
GOAL = 90  # per cent
ENDED = ("finished", "failed", "stopped", "broken off", "damaged")
LOOK = """() => ({
  state: document.querySelector('#training-progress .state')?.dataset.state ?? '',
  doing: document.querySelector('#training-progress .state span')?.textContent ?? '',
  chart: document.querySelector('#training-charts svg')?.getAttribute('aria-label') ?? '',
})"""


def measure(url: str, seconds: float = SECONDS_TO_END) -> dict[str, Any]:
    """Press Start and follow the run to its end, as the page shows it.

    Returns seconds from the click: {"first_point", "over_90_percent", "end"}, null for what did not come; "state",
    how it ended; "points": [{"seconds", "step", "percent"}, …] in the order in which they were shown; "stages": [{
    "seconds", "doing"}, …]; "command"; "machine". Raises TimeoutError where it has not ended after `seconds`.
    """
    from playwright.sync_api import sync_playwright  # a development tool: the studio itself runs without it

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(1000 * SECONDS_TO_ANSWER)
            page.goto(url)
            page.wait_for_selector("#canvas .answer")
            open_tab(page, "Teach")
            command = page.locator("#training-command textarea").input_value()
            page.locator("#training-start").click()
            found = follow(page, time.monotonic(), seconds)
        finally:
            browser.close()
    return {**found, "command": command, "machine": f"{platform.machine()}, {os.cpu_count()} x {processor()}"}


def follow(page: Page, begun: float, seconds: float) -> dict[str, Any]:
    """What the open tab shows until the run ends. begun: by the monotonic clock."""
    points: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    while True:
        now, seen = round(time.monotonic() - begun, 1), page.evaluate(LOOK)
        point = re.search(r"(\d+) % at step (\d+)$", seen["chart"])
        if point and (shown := {"percent": int(point[1]), "step": int(point[2])}) not in [
                {k: p[k] for k in ("percent", "step")} for p in points[-1:]]:
            points.append({"seconds": now, **shown})
        doing = seen["doing"].partition(":")[0]
        if doing and doing not in [s["doing"] for s in stages[-1:]]:
            stages.append({"seconds": now, "doing": doing})
        if seen["state"] in ENDED:
            over = next((p["seconds"] for p in points if p["percent"] > GOAL), None)
            return {"first_point": points[0]["seconds"] if points else None, "over_90_percent": over, "end": now,
                    "state": seen["state"], "points": points, "stages": stages}
        if now > seconds:
            raise TimeoutError(f"The run has not ended after {seconds:.0f} seconds: {seen['state'] or 'not there'}.")
        page.wait_for_timeout(OFTEN)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="studio.first_run", description="Time a first run of the tab “Teach”.")
    parser.add_argument("--json", required=True, help="file to write the figures to, or - for standard output")
    parser.add_argument("--url", help="address of a running studio without runs (default: start one)")
    flags = parser.parse_args(arguments)
    if flags.url:
        figures = measure(flags.url)
    else:
        with tempfile.TemporaryDirectory() as runs, served("--runs", runs, "--end-training") as (url, _):
            figures = measure(url)
    write(figures, flags.json)


if __name__ == "__main__":
    main()
