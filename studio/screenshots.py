"""Each tab, light and dark, on a desk's screen and on a phone's: python -m studio.screenshots --out DIR [--url URL].

Files are called TAB-SCHEME-WIDTH.png. Needs Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.bench import SECONDS_TO_ANSWER, find_chromium, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENS = ((1440, 900), (390, 844))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABS = "#tabs > .tab-wrapper > [aria-hidden=true] button"  # all of them, as Gradio measures their width
OPEN = """(name) => [...document.querySelectorAll('#tabs > .tab-wrapper > :not([aria-hidden=true]) button')]
  .find((button) => button.textContent.trim() === name).click()"""  # in the row, or in the menu of a narrow screen
REST = 3000  # milliseconds in which a tab gets its first answers


def take(url: str, folder: Path) -> list[Path]:
    """The files written."""
    from playwright.sync_api import sync_playwright  # a development tool: the studio itself runs without it

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            return [path for scheme in SCHEMES for size in SCREENS
                    for path in _take(browser, url, folder, scheme, size)]
        finally:
            browser.close()


def _take(browser: Browser, url: str, folder: Path, scheme: Literal["light", "dark"],
          size: tuple[int, int]) -> Iterator[Path]:
    with opened(browser, url, scheme, size) as page:
        for name in tab_names(page):
            open_tab(page, name)
            path = folder / f"{'-'.join(name.lower().replace(',', ' ').split())}-{scheme}-{size[0]}.png"
            page.screenshot(path=path, full_page=True)
            yield path


@contextmanager
def opened(browser: Browser, url: str, scheme: Literal["light", "dark"], size: tuple[int, int]) -> Iterator[Page]:
    """The page with its first example answered."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    try:
        page.goto(url)
        page.wait_for_selector("#canvas .answer", timeout=1000 * SECONDS_TO_ANSWER)
        yield page
    finally:
        page.close()


def tab_names(page: Page) -> list[str]:
    """In their order."""
    names = page.evaluate(f"[...document.querySelectorAll('{TABS}')].map((tab) => tab.textContent.trim())")
    return [str(name) for name in names]


def open_tab(page: Page, name: str) -> None:
    """And give it the time for its first answers."""
    page.evaluate(OPEN, name)
    page.wait_for_timeout(REST)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="studio.screenshots", description="Picture each tab of the studio.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the pictures to")
    parser.add_argument("--url", help="address of a running studio (default: start one)")
    flags = parser.parse_args(arguments)
    if flags.url:
        take(flags.url, flags.out)
    else:
        with served() as (url, _):
            take(url, flags.out)


if __name__ == "__main__":
    main()
