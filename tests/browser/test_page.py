"""The page by itself: it loads, keeps to its own host, and fits each screen."""

import re
from urllib.parse import urlparse

import pytest
from pages import FAKE_APP, answered, card, hidden_words, link_to, word
from playwright.sync_api import expect

from studio.bench import served


def test_the_page_answers_a_first_example_by_itself_and_asks_no_other_host(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    expect(page.locator('.studio [data-part="model-text"]')).to_contain_text("Model:")
    page.locator('.studio [data-part="model"]').click()
    expect(page.locator("#model-card")).to_be_visible()
    here = urlparse(studio_url).netloc
    elsewhere = [u for u in page.requested if urlparse(u).netloc != here and not u.startswith(("data:", "blob:"))]
    assert elsewhere == []
    assert page.problems == []


def test_what_was_refused_at_first_comes_by_itself_or_is_tried_again(visit, fake_url):
    page = visit("about:blank")
    refused = ["examples"] * 2 + ["open_example", "look", "ask"]

    def answer(route):
        sent = route.request.post_data or ""
        name = next((name for name in refused if f'"fn_name":"{name}"' in sent), None)
        if not name:
            return route.continue_()
        refused.remove(name)
        return route.fulfill(json={"error": f"No {name} now.", "kind": "BusyError"})

    page.route("**/component_server/**", answer)
    page.goto(fake_url)
    said, again = (page.locator(f'#canvas [data-part="notice{part}"]') for part in ("-text", "-again"))
    expect(page.locator('#canvas [data-part="wait"]')).to_contain_text("No photo is open")
    for name in ("open_example", "look", "ask"):
        expect(said).to_have_text(f"No {name} now.")
        expect(page.locator("#canvas .studio")).not_to_have_class(re.compile("looking"))
        again.click()
    answered(page)
    expect(page.locator('#canvas [data-part="notice"]')).to_be_hidden()
    assert page.problems == [] and refused == []


def test_a_link_is_opened_also_in_an_open_page_and_a_damaged_one_is_said_to_be_so(visit, fake_url):
    link = link_to(photo={"number": 1}, shows="horses", caption="Two horses", words=[1])
    page = visit(fake_url + link[:-9])  # cut short
    answered(page)
    said, words = page.locator('#canvas [data-part="notice"]'), page.locator('#canvas [data-part="words"]')
    expect(said).to_be_visible()
    expect(said).to_contain_text("This link is incomplete")
    page.get_by_role("tab", name="Ask, choose, point").click()
    page.evaluate("link => { location.hash = link; }", link)
    expect(words).to_contain_text("Two")
    expect(card(page, "horses")).to_be_visible()
    expect(said).to_be_hidden()
    for damaged in (link_to(), link_to(photo={"number": 0}, heads=[1]), link_to(photo={"number": 0}, caption=5)):
        page.evaluate("link => { location.hash = link; }", damaged)
        expect(said).to_be_visible()
        page.locator('#canvas [data-part="notice-close"]').click()
    assert words.inner_text().startswith("Two") and page.problems == []


def test_weights_that_are_missing_are_named_on_the_page(visit, tmp_path):
    with served("--weights", str(tmp_path / "nowhere")) as (url, _):
        page = visit(url)
        expect(page.locator('.studio [data-part="empty"]')).to_contain_text("nowhere")
        page.locator(".learn-open").click()
        page.locator(".learn [data-part='list'] button").first.click()
        expect(page.locator(".learn .reveal")).to_contain_text("There are no answers without a model.")
        expect(page.locator('.studio [data-part="model-text"]')).to_have_text("No model")
        expect(page.locator('.studio [data-part="image"]')).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1366, 768)])
def test_who_has_read_nothing_is_told_where_to_click_until_something_was_clicked(visit, fake_url, width, height):
    page = visit(fake_url, viewport={"width": width, "height": height})
    answered(page)
    over, beside = page.locator("#canvas .invite.over"), page.locator("#canvas h2 .invite")
    expect(over).to_have_text("click a box to hide it")
    expect(beside).to_have_text("click a word to hide it")
    assert over.bounding_box()["y"] + over.bounding_box()["height"] <= height  # seen without scrolling
    marked = "getComputedStyle(document.querySelector('#canvas h2 .invite')).backgroundColor"
    height_of = "document.querySelector('#canvas .sentence').offsetTop"  # wherever the page is scrolled to
    before = page.evaluate(marked), page.evaluate(height_of)
    word(page, "grass").click()
    expect(over).to_be_hidden()
    assert page.evaluate(marked) != before[0] and page.evaluate(height_of) == before[1]
    page.locator('.studio [data-part="undo"]').click()
    expect(over).to_be_hidden()


def test_on_a_phone_every_tab_is_in_the_bar_and_none_in_a_menu(visit, studio_url):
    page = visit(studio_url, viewport={"width": 390, "height": 844})
    answered(page)
    tabs = page.locator("#tabs > .tab-wrapper").get_by_role("tab")
    names = tabs.all_inner_texts()
    assert names[:2] == ["Hide and see", "Ask, choose, point"] and len(names) == len(set(names)) >= 2
    for tab in tabs.all():
        area = tab.bounding_box()
        assert area["x"] >= 0 and area["x"] + area["width"] <= 390
    expect(page.locator("#tabs .overflow-menu > button")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1366, 768)])
def test_no_screen_scrolls_sideways(visit, fake_url, width, height):
    page = visit(fake_url, viewport={"width": width, "height": height}, has_touch=width < 500)
    answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    word(page, "grass").click()
    expect(card(page, "grass")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_light_and_dark(visit, fake_url, scheme):
    page = visit(fake_url, color_scheme=scheme)
    answered(page)
    ratios = page.evaluate("""() => {
      const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
      const shine = (c) => c.slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = (node) => {
        for (let n = node; n; n = n.parentElement) {
          const c = rgb(getComputedStyle(n).backgroundColor);
          if (c.length < 4 || c[3] > 0) return c;
        }
        return [255, 255, 255];
      };
      const names = ['h1', '.lead', '.word', '.verdict', '.rank', '.meter dt', '.chip small', '.explain p',
        '.tools button:not(:disabled)'];
      return Object.fromEntries(names.map((name) => {
        const node = document.querySelector('.studio ' + name);
        const [a, b] = [shine(rgb(getComputedStyle(node).color)), shine(ground(node))].sort((x, y) => y - x);
        return [name, (a + 0.05) / (b + 0.05)];
      }));
    }""")
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}
    dark = page.evaluate("getComputedStyle(document.querySelector('.studio h1')).color")
    assert (max(int(v) for v in dark[4:-1].split(",")) > 128) == (scheme == "dark")


def test_what_is_shown_is_what_the_engine_says(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    assert len(hidden_words(page)) == 1
    shown = card(page, "dog")
    expect(shown.locator("ol li")).to_have_count(5)
    expect(shown.locator(".meter dt")).to_contain_text(["with every clue", "without the picture", "without the words"])
    expect(shown.locator(".rank").first).to_contain_text("True word: dog · rank 1")
    expect(shown.locator(".verdict")).to_contain_text("“dog”")


def test_while_the_model_loads_the_page_is_there_and_nothing_invites_to_a_click_that_would_do_nothing(visit):
    with served("--loading", "25", app=FAKE_APP) as (url, _):
        page = visit(url)
        model = page.locator('.studio [data-part="model-text"]')
        expect(model).to_have_text("Loading the model…")
        expect(page.locator('#canvas [data-part="image"]')).to_be_visible()
        page.get_by_role("tab", name="Ask, choose, point").click()
        note, button = page.locator('.tasks [data-part="adapter-note"]'), page.locator('.tasks [data-part="submit"]')
        expect(note).to_contain_text("The model is loading")
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(page.locator(".tasks")).to_have_attribute("data-model", "ready")
        expect(note).not_to_contain_text("The model is loading")
        expect(page.locator('.tasks [data-part="missing"]')).to_contain_text("“answer a question”")
        page.locator('.tasks .modes [data-mode="point"]').click()
        expect(page.locator('.tasks [data-part="commands"]')).to_contain_text("finetune grounding")
        page.get_by_role("tab", name="Hide and see").click()
        answered(page)
        expect(model.first).to_have_text("Model: fake")
