"""Captions in any script, words that the model cannot read, masks as people write them, and the detector's labels."""

import re

from pages import answered, box, card, chip, word
from playwright.sync_api import expect


def write(page, text):
    page.locator('#canvas [data-part="edit"]').click()
    page.locator('#canvas [data-part="text"]').fill(text)
    page.keyboard.press("Enter")


def test_a_caption_from_right_to_left_runs_so_and_the_arrow_keys_follow(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    write(page, "[MASK] بني يجري على العشب")
    expect(word(page, "العشب")).to_be_visible()
    places = [w.bounding_box()["x"] for w in page.locator("#canvas .word").all()]
    assert places == sorted(places, reverse=True) and len(places) == 5
    word(page, "بني").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.word") == "2"
    tokens = page.locator('#canvas [data-part="tokens"]')
    expect(tokens.locator(".token")).to_have_count(5)
    assert tokens.evaluate("(node) => getComputedStyle(node).direction") == "rtl"


def test_what_the_vocabulary_does_not_hold_is_named_visible_or_hidden(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    write(page, "A red circle 🔴 beside a cafe\u0301 on the <mask> .")
    expect(page.locator('#canvas [data-part="caption-note"]')).to_have_text(
        "The model's vocabulary does not hold “🔴”: it sees [UNK] in its place.")
    assert [w.inner_text() for w in page.locator("#canvas .word .text").all()][5:8] == ["a", "cafe\u0301", "on"]
    expect(page.locator('#canvas .word[aria-pressed="true"]')).to_have_attribute(
        "aria-label", re.compile("^<mask>, hidden, the model says"))
    expect(word(page, "🔴")).to_have_attribute("title", re.compile("visible, but not in the model’s vocabulary"))
    word(page, "🔴").click()
    expect(card(page, "🔴")).to_contain_text("The model’s vocabulary does not hold “🔴”: while it is visible")
    expect(card(page, "🔴").locator(".meter")).to_be_hidden()


def test_a_horse_that_the_detector_calls_a_dog_gets_no_tick_for_dog(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    page.locator('#canvas [data-part="examples"] button').nth(1).click()
    expect(page.locator('#canvas [data-part="image"]')).to_have_attribute("alt", re.compile("^horses"))
    expect(chip(page, 0)).to_contain_text("dog")
    page.locator('#canvas .word[aria-pressed="true"]').click()
    box(page, 1).focus()
    page.keyboard.press("Enter")
    expect(page.locator('#canvas [data-part="mode"]')).to_have_attribute("data-masking", "pixels")
    shown = card(page, "dog")
    expect(shown.locator(".guesses li").first).to_contain_text("horse")
    expect(shown.locator(".rank").first).to_contain_text("Detector’s label: dog")
    assert shown.locator(".true").count() == 0 and shown.locator(".label").inner_text().startswith("dog")
    said = shown.locator(".verdict").inner_text()
    assert "the detector’s label “dog”" in said and "misled" not in said


def test_a_chip_says_how_probable_its_label_is_and_the_rank_score_is_named(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    expect(box(page, 1)).to_have_attribute("aria-label", re.compile("48\u00a0%, visible"))
    first = page.locator('#canvas [data-part="regions"] [data-region="1"]')
    expect(first.locator("small")).to_have_text("48\u00a0%")
    first.hover()
    expect(page.locator('#canvas [data-part="tag"]')).to_contain_text("48\u00a0% · rank score 0.97")
