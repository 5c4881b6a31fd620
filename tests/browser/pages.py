"""What a person does on the page, by name."""

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Route, expect

ROOT = Path(__file__).parent.parent.parent
FAKE_APP = ROOT / "tests" / "studio" / "fake_app.py"

expect.set_options(timeout=60_000)  # a shared machine may be slow, and nothing here is about speed


def listen(page: Page) -> None:
    """From now on `page.problems` gets whatever the browser reports as wrong, `page.requested` every address.

    Uncaught errors, errors on the console, dialogs, answers of 400 and above and requests that failed; a request that
    the page itself gives up, as when it is closed, is none.
    """
    page.problems, page.requested = [], []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            page.problems.append(f"console: {message.text}")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            page.problems.append(f"{request.failure}: {request.url}")

    page.on("console", said)
    page.on("requestfailed", failed)
    page.on("response", lambda r: page.problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: page.problems.append(error.stack or str(error)))
    page.on("dialog", lambda dialog: (page.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: page.requested.append(request.url))


def answered(page: Page) -> None:
    """The first example is open, its hidden word answered."""
    expect(page.locator(".studio .answer")).to_have_count(1)
    expect(page.locator(".studio .box").first).to_be_attached()


def word(page: Page, text: str) -> Locator:
    return page.locator(f'.studio .word[aria-label^="{text},"]').first


def card(page: Page, truth: str) -> Locator:
    return page.locator(".studio .answer", has=page.locator("h3 b", has_text=truth))


def chip(page: Page, number: int) -> Locator:
    """A region by its place in the list under the photo, from 0."""
    return page.locator('.studio [data-part="regions"] .chip').nth(number)


def box(page: Page, region: int) -> Locator:
    return page.locator(f'.studio .box[data-region="{region}"]')


def hidden_words(page: Page) -> list[int]:
    found = page.locator('.studio .word[aria-pressed="true"]')
    return [int(w.get_attribute("data-word")) for w in found.all()]


def upload(page: Page, path) -> None:
    page.locator('.studio [data-part="file"]').set_input_files(str(path))


def notice(page: Page) -> Locator:
    return page.locator('.studio [data-part="notice"]')


def link_to(**fields) -> str:
    """The end of an address that opens the page in this state."""
    return "#see=" + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def violations(page: Page, within: str | None = None) -> list[tuple[str, list[str]]]:
    """Rule and elements of each violation that axe reports, on the whole page or within a selector.

    Only violations are processed: for every element that passes a rule, too, axe takes several times as long.
    """
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="axe is not installed.").Axe()
    found = axe.run(page, context=within, options={"resultTypes": ["violations"]})["violations"]
    return [(rule["id"], [node["html"][:150] for node in rule["nodes"]]) for rule in found]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From and to fractions of the photo."""
    area = page.locator('.studio [data-part="frame"]').bounding_box()
    points = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=6)
    page.mouse.up()


def held(page: Page, name: str) -> list[Route]:
    """The calls of this name that wait from now on until the test lets them through."""
    calls: list[Route] = []
    page.route("**/component_server/**", lambda route: calls.append(route)
               if f'"fn_name":"{name}"' in (route.request.post_data or "") else route.continue_())
    return calls


def first_of(page: Page, calls: list[Route]) -> Route:
    """The longest held of these calls, once there is one."""
    for _ in range(3000):
        if calls:
            return calls.pop(0)
        page.wait_for_timeout(20)
    raise AssertionError("Nothing was asked of the studio.")
