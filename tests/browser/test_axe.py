"""No accessibility violation that axe reports, on any tab and in the lessons, light and dark."""

import pytest
from pages import answered, violations
from playwright.sync_api import expect

from studio.screenshots import open_tab, tab_names


@pytest.mark.parametrize("scheme, width", [("light", 1440), ("dark", 390)])
def test_no_tab_bars_anybody(visit, studio_url, scheme, width):
    page = visit(studio_url, color_scheme=scheme, viewport={"width": width, "height": 900})
    answered(page)
    names = tab_names(page)
    assert names[0] == "Hide and see" and len(names) > 1
    found = {}
    for name in names:
        open_tab(page, name)
        found[name] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert found == {name: [] for name in names}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_lesson_bars_anybody(visit, studio_url, scheme):
    page = visit(studio_url, color_scheme=scheme, viewport={"width": 1440, "height": 900})
    answered(page)
    page.locator(".learn-open").click()
    assert violations(page) == []
    page.locator(".learn [data-part='list'] button").first.click()
    expect(page.locator(".learn .choices button").first).to_be_enabled()
    assert violations(page) == []
    page.locator(".learn .choices button").last.click()
    expect(page.locator(".learn [data-part='next']")).to_be_visible()
    assert violations(page) == []
