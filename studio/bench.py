"""Click to painted, measured in a real browser: python -m studio.bench --json FILE [--clicks N] [--url URL].

A trusted click on a word of the first example is timed by the browser itself, from the click event to the end of the
frame that shows the new answer. Needs Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.shared import write
from engine.machine import processor

if TYPE_CHECKING:
    from playwright.sync_api import Page

APP = Path(__file__).parent.parent / "app.py"
SECONDS_TO_SERVE, SECONDS_TO_ANSWER = 120, 180
WARM_UP = 5
REST = 200  # milliseconds

# Resolves with milliseconds from the next click event to the end of the frame after the answer is in the page.
TIME_A_CLICK = """() => {
  window.painted = new Promise((resolve) => {
    const studio = document.querySelector('.studio');
    let begun = null;
    addEventListener('click', (event) => { begun = event.timeStamp; }, { once: true, capture: true });
    const watcher = new MutationObserver(() => {
      watcher.disconnect();
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve(performance.now() - begun);
        channel.port2.postMessage(null);
      });
    });
    watcher.observe(studio, { attributes: true, attributeFilter: ['data-answered'] });
  });
}"""


def measure_clicks(url: str, n: int = 60) -> dict[str, Any]:
    """Hide and show words of the first example `n` times, one word staying hidden so that each click asks the model.

    Returns {"p50", "p95", "n", "unit": "ms", "first_answer": seconds from opening the page, "machine"}.
    """
    from playwright.sync_api import sync_playwright  # a development tool: the studio itself runs without it

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            begun = time.monotonic()
            page.goto(url)
            page.wait_for_selector(".studio .answer", timeout=1000 * SECONDS_TO_ANSWER)
            first_answer = time.monotonic() - begun
            taken = [_time_click(page, number) for number in range(WARM_UP + n)][WARM_UP:]
        finally:
            browser.close()
    return {"p50": round(statistics.median(taken), 1), "p95": round(_quantile(taken, 0.95), 1), "n": n, "unit": "ms",
            "first_answer": round(first_answer, 2),
            "machine": f"{platform.machine()}, {os.cpu_count()} x {processor()}"}


def find_chromium() -> str:
    """Path of a Chromium. Raises FileNotFoundError where there is none.

    The headless shell comes first: it computes nothing for windows, tabs and menus that nobody sees.
    """
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    raise FileNotFoundError("There is no Chromium. Install it, for example with `apt-get install chromium`.")


@contextmanager
def served(*flags: str, app: Path = APP) -> Iterator[tuple[str, float]]:
    """Start the app on a free port and yield its address and the seconds until the page was served; then stop it.

    Raises TimeoutError or, where the app ends by itself, RuntimeError.
    """
    port = free_port()
    url, begun = f"http://127.0.0.1:{port}/", time.monotonic()
    process = subprocess.Popen([sys.executable, str(app), "--port", str(port), *flags], cwd=APP.parent,
                               stdout=subprocess.DEVNULL)
    try:
        while not answers(url):
            if process.poll() is not None:
                raise RuntimeError(f"{app.name} ended with code {process.returncode} before it served a page.")
            if time.monotonic() - begun > SECONDS_TO_SERVE:
                raise TimeoutError(f"{app.name} served no page within {SECONDS_TO_SERVE} seconds.")
            time.sleep(0.05)
        yield url, time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="studio.bench", description="Measure click to painted in a real browser.")
    parser.add_argument("--json", required=True, help="file to write the figures to, or - for standard output")
    parser.add_argument("--clicks", type=int, default=60, help="clicks to measure (default: 60)")
    parser.add_argument("--url", help="address of a running studio (default: start one)")
    flags = parser.parse_args(arguments)
    if flags.url:
        figures: dict[str, Any] = {"click": measure_clicks(flags.url, flags.clicks)}
    else:
        with served() as (url, seconds):
            figures = {"served": round(seconds, 2), "click": measure_clicks(url, flags.clicks)}
    write(figures, flags.json)


def _time_click(page: Page, number: int) -> float:
    """One click in milliseconds. Pointer and browser come to rest before it, as they do under a person's hand."""
    shown = page.locator('.studio .word[aria-pressed="true"]')
    words = page.locator(".studio .word")
    area = (shown.last if number % 2 else words.nth(words.count() - 2)).bounding_box()
    if area is None:
        raise RuntimeError("The word to click is not on the screen.")
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.evaluate(TIME_A_CLICK)
    page.wait_for_timeout(REST)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(REST)
    return float(page.evaluate("() => window.painted"))


def answers(url: str) -> bool:
    """Whether a page is served there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    main()
