"""Own photo and own words outlast a reload in the tab's own storage, and can be forgotten."""

import re

import pytest
from pages import answered, box, card, hidden_words, notice, upload, word
from playwright.sync_api import expect


def opened(page, name):
    expect(page.locator('#canvas [data-part="image"]')).to_have_attribute("alt", name)
    expect(page.locator("#canvas .word").first).to_be_visible()


def write(page, text):
    page.locator('#canvas [data-part="edit"]').click()
    page.locator('#canvas [data-part="text"]').fill(text)
    page.keyboard.press("Enter")


NO_ROOM = """const put = Storage.prototype.setItem;
  Storage.prototype.setItem = function (key, text) {
    if (text.length > 2000) throw new DOMException('full', 'QuotaExceededError');
    put.call(this, key, text);
  };"""


@pytest.fixture
def mine(visit, fake_url, picture):
    """A page with an own photo, an own caption, a hidden word, a hidden region."""
    page = visit(fake_url)
    answered(page)
    expect(page.locator('#canvas [data-part="kept"]')).to_be_hidden()  # an example is there again anyway
    upload(page, picture("mine.png"))
    opened(page, "mine.png")
    write(page, "my own red kite")
    word(page, "red").click()
    expect(card(page, "red")).to_be_visible()
    box(page, 2).focus()
    page.keyboard.press("Enter")
    expect(box(page, 2)).to_have_attribute("aria-pressed", "true")
    return page


def test_photo_caption_and_what_is_hidden_are_there_again_after_a_reload_and_gone_once_forgotten(mine):
    page = mine
    expect(page.locator('#canvas [data-part="kept-text"]')).to_contain_text("Kept in this browser tab for a reload")
    page.wait_for_function("sessionStorage.getItem('vl-bert-studio kept canvas photo')")
    page.reload()
    opened(page, "mine.png")
    expect(word(page, "kite")).to_be_visible()
    expect(card(page, "red")).to_be_visible()
    assert hidden_words(page) == [2]
    expect(box(page, 2)).to_have_attribute("aria-pressed", "true")
    page.locator('#canvas [data-part="kept-switch"]').click()
    expect(page.locator('#canvas [data-part="kept-text"]')).to_contain_text("Nothing is kept")
    word(page, "kite").click()
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => !key.endsWith(' off'))") == []
    page.reload()
    answered(page)
    opened(page, "a German shepherd in dry grass")


def test_a_photo_that_the_browser_has_no_room_for_is_named_before_and_after_the_reload(visit, fake_url, picture):
    page = visit("about:blank")
    page.add_init_script(NO_ROOM)
    page.goto(fake_url)
    answered(page)
    upload(page, picture("noise.png", size=(900, 700)))
    opened(page, "noise.png")
    write(page, "my own kite")
    expect(word(page, "kite")).to_be_visible()
    expect(page.locator('#canvas [data-part="kept-text"]')).to_contain_text("This browser tab cannot keep the photo")
    page.reload()
    answered(page)
    expect(notice(page)).to_contain_text("open it once more. Its caption was: my own kite")


def test_what_was_asked_in_the_other_tab_is_there_again_too(visit, studio_url, picture):
    page = visit(studio_url)
    page.get_by_role("tab", name="Ask, choose, point").click()
    shown, text = page.locator('#tasks [data-part="image"]'), page.locator('#tasks [data-part="text"]')
    expect(shown).to_have_attribute("alt", re.compile("^an astronaut"))
    page.locator('#tasks [data-part="file"]').set_input_files(str(picture("asked.png")))
    expect(shown).to_have_attribute("alt", "asked.png")
    text.fill("what is on the left?")
    page.wait_for_function("sessionStorage.getItem('vl-bert-studio kept tasks photo')")
    page.reload()
    page.get_by_role("tab", name="Ask, choose, point").click()
    expect(shown).to_have_attribute("alt", "asked.png")
    expect(text).to_have_value("what is on the left?")


def test_a_question_outlasts_a_photo_that_could_not_be_kept(visit, studio_url, picture):
    page = visit("about:blank")
    page.add_init_script(NO_ROOM)
    page.goto(studio_url)
    page.get_by_role("tab", name="Ask, choose, point").click()
    shown, text = page.locator('#tasks [data-part="image"]'), page.locator('#tasks [data-part="text"]')
    expect(shown).to_have_attribute("alt", re.compile("^an astronaut"))
    page.locator('#tasks [data-part="file"]').set_input_files(str(picture("noise.png", size=(900, 700))))
    expect(shown).to_have_attribute("alt", "noise.png")
    text.fill("what is on the left?")
    expect(page.locator('#tasks [data-part="kept-text"]')).to_contain_text("This browser tab cannot keep the photo")
    page.reload()
    page.get_by_role("tab", name="Ask, choose, point").click()
    expect(page.locator('#tasks [data-part="notice"]')).to_contain_text("open it once more")
    expect(text).to_have_value("what is on the left?")
    page.locator('#tasks [data-part="file"]').set_input_files(str(picture("again.png", size=(900, 700))))
    expect(shown).to_have_attribute("alt", "again.png")
    expect(text).to_have_value("what is on the left?")
