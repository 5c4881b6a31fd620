"""A real Chromium and a real `python app.py`; with a stand-in model where no weights are shipped."""

import io
import os
import sys
from pathlib import Path
from urllib.parse import urljoin

import pytest
from PIL import Image

from studio.bench import answers, find_chromium, served

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (requirements-test.txt).")

sys.path.insert(0, str(Path(__file__).parent))

from pages import FAKE_APP, ROOT, listen  # noqa: E402  (found through the path above)

UNREACHABLE = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE", "Failed to fetch", "network error",
               "Connection errored out")
PATIENCE = 60_000  # milliseconds: a shared machine may be slow, and nothing here is about speed


@pytest.fixture(scope="package")
def chromium():
    with sync_api.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=find_chromium(), args=[
            "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def studio_url():
    """The app as a person starts it; a running studio where STUDIO_URL names one."""
    if "STUDIO_URL" in os.environ:
        yield os.environ["STUDIO_URL"]
        return
    shipped = list((ROOT / "assets" / "weights").glob("*.safetensors"))
    with served(app=ROOT / "app.py" if shipped else FAKE_APP) as (url, _):
        yield url


@pytest.fixture(scope="package")
def fake_url():
    """Made-up beliefs, but the same on every machine; takes two seconds to load."""
    with served("--loading", "2", app=FAKE_APP) as (url, _):
        yield url


@pytest.fixture(scope="package")
def browsers():
    """Contexts that nobody uses now: what Chromium has compiled of the page is kept in them."""
    return []


@pytest.fixture
def visit(chromium, browsers):
    """visit(url, **options of the browser context): a visitor of their own with the page open.

    Nothing of one visitor is left for the next: their pages are closed, what they stored is deleted. A test fails at
    its end where the browser reported an error on any of its pages (`pages.listen`), from the first request on. Once
    the server is stopped, its pages may say that they cannot reach it.
    """
    used, alone, pages = [], [], []

    def opened(url, **options):
        shown = {"viewport": {"width": 1366, "height": 900}, "color_scheme": "light"}
        shown |= {name: options.pop(name) for name in shown if name in options}
        if options:
            context = chromium.new_context(**shown, **options)
            alone.append(context)
        else:
            context = browsers.pop() if browsers else chromium.new_context()
            used.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.set_viewport_size(shown["viewport"])
        page.emulate_media(color_scheme=shown["color_scheme"])
        if url.startswith("http"):
            context.new_cdp_session(page).send("Storage.clearDataForOrigin", {
                "origin": urljoin(url, "/").rstrip("/"), "storageTypes": "local_storage"})
        listen(page)
        pages.append((page, page.problems))
        page.goto(url)
        return page

    yield opened
    reported = [problem for page, problems in pages for problem in problems
                if not (any(sign in problem for sign in UNREACHABLE) and not answers(page.url))]
    for context in used:
        for page in context.pages:
            page.close()
        context.clear_cookies()
        browsers.append(context)
    for context in alone:
        context.close()
    assert reported == []


@pytest.fixture
def picture(tmp_path):
    """picture(name, mode, size, format): the path of a picture file, its right half darker."""
    def made(name="picture.png", mode="RGB", size=(320, 200), kind=None, **options):
        whole = Image.new("RGB", size, (120, 150, 90))
        whole.paste((60, 40, 20), (size[0] // 2, 0, *size))
        file = io.BytesIO()
        if mode == "I;16":
            whole = whole.convert("L").convert("I").point(lambda v: v * 256)
        whole.convert(mode).save(file, kind or ("JPEG" if name.endswith(".jpg") else "PNG"), **options)
        path = tmp_path / name
        path.write_bytes(file.getvalue())
        return path
    return made
