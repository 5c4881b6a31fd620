"""Hiding words and regions, by mouse and by keyboard."""

import re

from pages import answered, box, card, chip, drag, hidden_words, upload, word
from playwright.sync_api import expect


def test_a_click_on_a_word_hides_it_and_another_shows_it_again(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    word(page, "grass").click()
    expect(card(page, "grass").locator(".verdict")).to_contain_text("“grass”")
    expect(page.locator(".studio .answer")).to_have_count(2)
    word(page, "grass").click()
    expect(page.locator(".studio .answer")).to_have_count(1)
    card(page, "dog").locator(".show").click()
    expect(page.locator('.studio [data-part="empty"]')).to_be_visible()
    assert page.problems == []


def test_a_hidden_region_is_answered_fast_and_then_faithfully(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    mode = page.locator('.studio [data-part="mode"]')
    page.evaluate("""() => {
      window.modes = [];
      const node = document.querySelector('.studio [data-part="studio"], .studio[data-part="studio"]');
      new MutationObserver(() => window.modes.push(node.dataset.masking))
        .observe(node, { attributes: true, attributeFilter: ['data-masking'] });
    }""")
    chip(page, 0).click()
    expect(mode).to_have_text("faithful: pixels hidden")
    assert page.evaluate("window.modes").index("feature") < page.evaluate("window.modes").index("pixels")
    region = page.locator('.studio .answer[data-kind="region"]')
    expect(region.locator(".rank").first).to_contain_text("Detector’s label:")
    expect(region.locator(".meter dt").last).to_contain_text("without the caption")
    expect(box(page, 1)).to_have_attribute("aria-pressed", "true")


def test_words_and_regions_hide_together_and_undo_and_reset_bring_them_back(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    chip(page, 1).click()
    word(page, "large").click()
    expect(page.locator(".studio .answer")).to_have_count(3)
    page.keyboard.press("Control+z")
    expect(page.locator(".studio .answer")).to_have_count(2)
    page.locator('.studio [data-part="reset"]').click()
    expect(page.locator(".studio .answer")).to_have_count(0)
    page.locator('.studio [data-part="undo"]').click()
    expect(page.locator(".studio .answer")).to_have_count(2)


def test_the_smallest_box_under_the_pointer_is_the_one_hidden(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    listed = page.locator(".studio .chip").count()
    drag(page, (0.05, 0.05), (0.95, 0.95))
    expect(page.locator(".studio .chip")).to_have_count(listed + 1)
    drag(page, (0.02, 0.86), (0.06, 0.93))
    expect(page.locator(".studio .chip")).to_have_count(listed + 2)
    box(page, 22).hover()
    expect(page.locator('.studio [data-part="tag"]')).to_be_visible()
    box(page, 22).click()
    expect(box(page, 22)).to_have_attribute("aria-pressed", "true")
    expect(box(page, 21)).to_have_attribute("aria-pressed", "false")


def test_a_drawn_box_gets_a_label_and_can_be_moved_resized_and_deleted(visit, studio_url):
    page = visit(studio_url)
    answered(page)
    before = page.locator(".studio .box").count()
    drag(page, (0.30, 0.30), (0.50, 0.55))
    expect(page.locator(".studio .box")).to_have_count(before + 1)
    drawn = box(page, before + 1)
    expect(drawn).not_to_have_attribute("aria-label", "Region new box, visible")
    place = drawn.bounding_box()
    grip = page.locator('.studio [data-grip="se"]').bounding_box()
    page.mouse.move(grip["x"] + 13, grip["y"] + 13)
    page.mouse.down()
    page.mouse.move(grip["x"] + 63, grip["y"] + 53, steps=4)
    page.mouse.up()
    expect(drawn).not_to_have_attribute("aria-label", "Region new box, visible")
    larger = drawn.bounding_box()
    assert abs(larger["width"] - place["width"] - 50) < 3 and abs(larger["height"] - place["height"] - 40) < 3
    page.locator('.studio [data-part="delete"]').click()
    expect(page.locator(".studio .box")).to_have_count(before)


def test_everything_can_be_done_without_a_mouse(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    page.locator(".studio .word").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(card(page, "large")).to_be_visible()
    assert page.evaluate("document.activeElement.dataset.word") == "1"
    page.keyboard.press("Space")
    expect(card(page, "large")).to_have_count(0)

    box(page, 1).focus()
    page.keyboard.press("Enter")
    expect(box(page, 1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator('.studio [data-part="spoken"]')).to_contain_text("is hidden: the model says")
    place = box(page, 1).bounding_box()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator('.studio [data-part="undo"]')).to_have_attribute("aria-disabled", "false")
    page.wait_for_function("document.querySelector('.studio .box.mine')")
    expect(box(page, 1)).not_to_have_attribute("aria-label", re.compile("new box"))
    moved = box(page, 1).bounding_box()
    assert moved["x"] > place["x"] and moved["height"] > place["height"]
    assert page.evaluate("document.activeElement.dataset.region") == "1"
    count = page.locator(".studio .box").count()
    page.keyboard.press("Delete")
    expect(page.locator(".studio .box")).to_have_count(count - 1)

    page.locator('.studio [data-part="draw"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".studio .box")).to_have_count(count)
    assert page.evaluate("document.activeElement.dataset.region") == str(count)


def test_the_caption_is_edited_in_place_and_hidden_words_stay_hidden(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    page.locator('.studio [data-part="edit"]').click()
    page.keyboard.press("Control+a")
    page.keyboard.type("Look: a big brown dog and a dog")
    page.keyboard.press("Enter")
    expect(word(page, "big")).to_be_visible()
    assert hidden_words(page) == [5]  # the first dog still, not the second
    expect(card(page, "dog")).to_have_count(1)


def test_an_answer_to_an_older_question_is_dropped(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    page.evaluate("""() => {
      const words = document.querySelectorAll('.studio .word');
      for (let round = 0; round < 3; round += 1) for (let i = 0; i < 4; i += 1) words[i].click();
    }""")
    expect(page.locator(".studio .answer")).to_have_count(3)
    assert hidden_words(page) == [0, 1, 3]  # each was clicked three times, and the third word was hidden before


def test_a_photo_that_the_studio_has_dropped_is_handed_in_again(visit, fake_url, picture):
    page = visit(fake_url)
    answered(page)
    for shade in range(4):  # the studio keeps three photos for each visitor
        upload(page, picture(f"{shade}.png", size=(300 + shade, 200)))
        expect(page.locator('.studio [data-part="image"]')).to_have_attribute("alt", f"{shade}.png")
        expect(page.locator(".studio .word").first).to_be_visible()
    for _ in range(4):
        page.locator('.studio [data-part="undo"]').click()
    answered(page)
    word(page, "grass").click()
    expect(card(page, "grass")).to_be_visible()
    assert page.locator('.studio [data-part="notice"]').is_hidden()


def test_a_finger_scrolls_the_page_and_draws_only_after_new_box(visit, fake_url):
    page = visit(fake_url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    answered(page)
    count = page.locator(".studio .box").count()
    page.locator('.studio [data-part="frame"]').scroll_into_view_if_needed()
    area = page.locator('.studio [data-part="frame"]').bounding_box()
    fingers = page.context.new_cdp_session(page)

    def swipe():
        for step in range(7):
            x, y = (area[k] + area[s] * (0.2 + 0.08 * step) for k, s in (("x", "width"), ("y", "height")))
            fingers.send("Input.dispatchTouchEvent", {"type": "touchStart" if step == 0 else "touchMove",
                                                      "touchPoints": [{"x": x, "y": y}]})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe()
    assert page.locator(".studio .box").count() == count
    page.evaluate("""async () => {
      for (let before = -1; before !== scrollY;) {
        before = scrollY;
        await new Promise((resolve) => { setTimeout(resolve, 300); });
      }
      scrollTo(0, 0);
    }""")  # a swipe makes the page glide on
    page.locator('.studio [data-part="draw"]').click()
    expect(page.locator('.studio .frame.drawing')).to_be_visible()
    area = page.locator('.studio [data-part="frame"]').bounding_box()
    swipe()
    expect(page.locator(".studio .box")).to_have_count(count + 1)
