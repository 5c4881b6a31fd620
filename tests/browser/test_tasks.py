"""Asking, choosing and pointing in a real browser."""

import re

import pytest
from pages import ROOT, first_of, held, violations
from playwright.sync_api import expect

from tests.adapters import write_choosing

pytestmark = pytest.mark.skipif(not list((ROOT / "assets" / "weights").glob("*-vqa.safetensors")),
                                reason="No adapters are shipped.")


@pytest.fixture
def tasks(visit, studio_url):
    """tasks(**options): a page with the tab open and the first question answered."""
    def opened(**options):
        page = visit(studio_url, **options)
        page.get_by_role("tab", name="Ask, choose, point").click()
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


def test_an_answer_is_explained_by_every_way_with_its_proof(tasks):
    page = tasks()
    note, method = (page.locator(f'.tasks [data-part="{part}"]') for part in ("light-note", "method"))
    page.locator('.tasks [data-light="map"]').click()
    expect(note).to_contain_text("leaves an area of")  # the proof's own figures
    expect(note).to_contain_text("Consensus:")
    expect(page.locator('.tasks [data-part="lit-words"]')).to_contain_text("what color is the jacket ?")
    shares = page.locator(".tasks .chip[data-region] small").all_inner_texts()
    method.select_option("leave_one_out")
    expect(note).to_contain_text("Leave one out:")
    expect(note).to_contain_text("leaves an area of")
    expect(page.locator(".tasks .chip[data-region] small").first).to_contain_text("points")
    assert all("%" in text for text in shares)
    page.locator('.tasks .modes [data-mode="point"]').click()
    expect(page.locator(".tasks .box.meant .guess")).to_contain_text("%")
    page.locator('.tasks [data-light="map"]').click()
    expect(note).to_contain_text("leaves an area of")
    assert page.problems == []


def test_what_was_stopped_is_not_said_to_be_under_way_any_more(tasks):
    page = tasks()
    note, button = (page.locator(f'.tasks [data-{name}]') for name in ('part="light-note"', 'light="map"'))
    stop = page.locator('.tasks [data-part="map-work"]').get_by_role("button", name="Stop")
    for name, under_way, ended in (("task_map", "Being made…", "It was not made."),
                                   ("task_proof", "is being found out…", "Whether to believe it was not found out")):
        calls = held(page, name)
        button.click()
        expect(note).to_contain_text(under_way)
        stop.click()
        first_of(page, calls).fulfill(json={"error": "Stopped.", "kind": "StoppedError"})
        expect(note).to_contain_text(ended)
        expect(page.locator('.tasks [data-part="map-work"]')).to_have_text("Stopped.")
        page.unroute_all()
    button.click()
    expect(note).to_contain_text("leaves an area of")
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


def test_choosing_leaves_the_visitors_own_photo_and_texts_alone(visit, fake_url, picture):
    page = visit(fake_url)
    page.get_by_role("tab", name="Ask, choose, point").click()
    image, text, hint = (page.locator(f'.tasks [data-part="{part}"]') for part in ("image", "text", "choice-hint"))
    mode = {name: page.locator(f'.tasks .modes [data-mode="{name}"]') for name in ("ask", "choose")}
    expect(page.locator(".tasks .box").first).to_be_attached()
    draws = held(page, "draw")
    mode["choose"].click()
    draw = first_of(page, draws)
    mode["ask"].click()
    with page.expect_response(lambda r: "multipart" in r.request.headers.get("content-type", "")):
        draw.continue_()
    page.wait_for_timeout(200)
    expect(image).to_have_attribute("alt", re.compile("astronaut"))  # no scene for a mode that was left
    page.locator('.tasks [data-part="file"]').set_input_files(str(picture("mine.png")))
    expect(image).to_have_attribute("alt", "mine.png")
    text.fill("what is mine ?")
    mode["choose"].click()
    expect(hint).to_contain_text("press “Draw a scene” above")
    text.fill("where is it ?")
    expect(hint).to_be_hidden()
    assert draws == []
    page.locator('.tasks [data-part="draw-scene"]').click()
    first_of(page, draws).continue_()
    expect(image).to_have_attribute("alt", "a drawn scene")
    expect(text).to_have_value("where is it ?")
    mode["ask"].click()
    expect(text).to_have_value("what is mine ?")
    assert page.problems == []


def test_a_photo_that_could_not_be_looked_at_is_looked_at_again_by_asking(visit, fake_url, picture):
    page = visit(fake_url)
    page.get_by_role("tab", name="Ask, choose, point").click()
    studio, boxes = page.locator(".tasks"), page.locator(".tasks .box")
    expect(boxes.first).to_be_attached()
    looks = held(page, "look")
    page.locator('.tasks [data-part="file"]').set_input_files(str(picture("mine.png")))
    expect(studio).to_have_class(re.compile("looking"))
    first_of(page, looks).fulfill(json={"error": "Too many look now.", "kind": "BusyError"})
    expect(page.locator('.tasks [data-part="notice-text"]')).to_have_text("Too many look now.")
    expect(studio).not_to_have_class(re.compile("looking"))
    expect(boxes).to_have_count(0)
    page.locator('.tasks [data-part="text"]').press("Enter")
    first_of(page, looks).continue_()
    expect(boxes.first).to_be_attached()
    expect(page.locator('.tasks [data-part="notice"]')).to_be_hidden()
    assert page.problems == []


def test_an_adapter_handed_in_chooses_an_answer_and_a_reason(tasks, predictor, tmp_path):
    page = tasks()
    page.locator('.tasks [data-part="adapter-file"]').set_input_files(
        str(write_choosing(tmp_path / "choosing.safetensors", predictor)))
    expect(page.locator('.tasks .modes [data-mode="choose"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator('.tasks [data-field="answers.0"]')).not_to_have_value("")  # a scene with its question
    expect(page.locator(".tasks .four .chosen")).to_have_count(2)
    expect(page.locator('.tasks [data-part="missing"]')).to_be_hidden()
    expect(page.locator(".tasks fieldset .verdict").last).to_contain_text("Right would be" if page.locator(
        ".tasks fieldset").last.locator(".right.chosen").count() == 0 else "That is right")
    expect(page.locator('.tasks [data-part="light-note"]')).to_contain_text("region")
    letters = page.locator(".tasks fieldset").first.locator(".letter")
    other = letters.nth(1 if letters.first.get_attribute("aria-pressed") == "true" else 0)
    other.click()
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tasks .four .chosen")).to_have_count(2)
    assert page.problems == []


def test_the_tab_that_is_not_seen_takes_no_pasted_photo_and_new_adapters_are_looked_for(tasks):
    page = tasks()
    shown = page.locator('#canvas [data-part="image"]').get_attribute("src")
    before = page.locator(".tasks").get_attribute("data-answered")
    page.evaluate("""async () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 300, height: 200 });
      canvas.getContext('2d').fillRect(0, 0, 150, 200);
      const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
      const data = new DataTransfer();
      data.items.add(new File([blob], 'pasted.png', { type: 'image/png' }));
      document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
    }""")
    expect(page.locator('.tasks [data-part="image"]')).to_have_attribute("alt", "pasted.png")
    expect(page.locator(".tasks")).not_to_have_attribute("data-answered", before)
    assert page.locator('#canvas [data-part="image"]').get_attribute("src") == shown
    page.get_by_role("tab", name="Hide and see").click()
    expect(page.locator("#canvas .stage")).to_be_visible()
    with page.expect_request(lambda request: '"adapters"' in (request.post_data or "")):
        page.get_by_role("tab", name="Ask, choose, point").click()
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_scrolls_sideways_and_nothing_bars_anybody(tasks, scheme):
    page = tasks(color_scheme=scheme, viewport={"width": 390, "height": 844})
    page.locator('.tasks [data-light="map"]').click()
    page.locator('.tasks [data-part="method"]').select_option("leave_one_out")  # some words speak against the answer
    expect(page.locator(".tasks .lit.against").first).to_be_visible()
    for mode in (None, "ask", "point", "choose"):
        if mode:
            page.locator(f'.tasks .modes [data-mode="{mode}"]').click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert violations(page, ".tasks") == []
