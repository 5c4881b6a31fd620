"""Asking, choosing and pointing in a real browser."""

import pytest
from pages import ROOT
from playwright.sync_api import expect

pytestmark = pytest.mark.skipif(not list((ROOT / "assets" / "weights").glob("*-vqa.safetensors")),
                                reason="No adapters are shipped.")


@pytest.fixture
def tasks(visit, studio_url):
    """tasks(**options): a page with the tab open and the first question answered."""
    def opened(**options):
        page = visit(studio_url, **options)
        expect(page.locator("#tabs .tab-container button").first).to_be_attached()
        page.wait_for_timeout(500)  # the bar first measures which tabs it has room for
        if not page.get_by_role("tab", name="Ask, choose, point").count():
            page.locator("#tabs .overflow-menu > button").click()  # a narrow screen keeps the other tabs in a menu
        page.locator("#tabs button:visible", has_text="Ask, choose, point").last.click()
        expect(page.locator(".tasks .answer li")).to_have_count(10)
        return page
    return opened


def ask(page, text):
    """Types and presses Enter; the number of the answer that was there before."""
    before = page.locator(".tasks").get_attribute("data-answered")
    page.locator('.tasks [data-part="text"]').fill(text)
    page.locator('.tasks [data-part="text"]').press("Enter")
    return before


def test_a_question_is_answered_and_bad_ones_lose_nothing(tasks):
    page = tasks()
    notice = page.locator('.tasks [data-part="notice-text"]')
    expect(page.locator('.tasks [data-part="adapter-note"]')).to_contain_text("indoor rooms")
    for text, sentence in (("  ", "The question is empty"), ("dog " * 500, "at most 120 fit")):
        ask(page, text)
        expect(notice).to_contain_text(sentence)
        expect(page.locator('.tasks [data-part="text"]')).to_have_value(text)
        expect(page.locator(".tasks .answer li")).to_have_count(10)
    before = ask(page, "<script>alert(1)</script> 🐶")
    expect(page.locator(".tasks")).not_to_have_attribute("data-answered", before)
    expect(page.locator('.tasks [data-part="lit-words"]')).to_contain_text("script")
    assert page.problems == []


def test_words_point_at_a_region_and_by_keyboard_its_attention_is_shown(tasks):
    page = tasks()
    page.locator('.tasks .modes [data-mode="point"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tasks .box.meant .guess")).to_contain_text("%")
    page.locator(".tasks .chip[data-region]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator('.tasks [data-part="element"]')).to_be_visible()
    expect(page.locator('.tasks [data-part="light-note"]')).to_contain_text("Attention of the last layer")
    assert page.problems == []


def test_a_click_on_a_region_names_it_in_the_text_of_a_choice(tasks, tmp_path):
    page = tasks()
    page.locator('.tasks .modes [data-mode="choose"]').click()
    field = page.locator('.tasks [data-field="answers.1"]')
    expect(field).not_to_have_value("")
    field.fill("it is the star")
    page.locator('.tasks .box[data-region="3"]').click()
    expect(field).to_have_value("it is the star [3]")
    expect(field).to_be_focused()
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no adapter")
    page.locator('.tasks [data-part="adapter-file"]').set_input_files(str(damaged))
    expect(page.locator('.tasks [data-part="notice-text"]')).to_contain_text("damaged.safetensors cannot be read")
    expect(field).to_have_value("it is the star [3]")
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_scrolls_sideways_and_nothing_bars_anybody(tasks, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="axe is not installed.").Axe()
    page = tasks(color_scheme=scheme, viewport={"width": 390, "height": 844})
    for mode in ("ask", "point", "choose"):
        page.locator(f'.tasks .modes [data-mode="{mode}"]').click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        found = axe.run(page, context=".tasks")["violations"]
        assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []
