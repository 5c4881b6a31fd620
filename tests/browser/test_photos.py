"""Photos from everywhere, good and bad: a bad one gets a sentence, and what the visitor had stays."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from pages import answered, box, card, chip, first_of, held, hidden_words, link_to, notice, upload, word
from PIL import Image
from playwright.sync_api import expect

from engine.measure.other_kinds import document
from engine.structures.novelty import UNLIKE


def opened(page, name):
    expect(page.locator('.studio [data-part="image"]')).to_have_attribute("alt", name)
    expect(page.locator(".studio .word").first).to_be_visible()


def question(page, text):
    """Hide a word, and return what the page sent to the server for it."""
    with page.expect_request(lambda r: '"ask"' in (r.post_data or "")) as sent:
        word(page, text).click()
    expect(card(page, text)).to_be_visible()
    return sent.value.post_data_json


def png_bomb(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data


def whole_jpeg():
    file = io.BytesIO()
    Image.effect_noise((400, 300), 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("notes.txt", b"This is no picture.", "notes.txt: This file is not a picture that can be read."),
    ("empty.jpg", b"", "empty.jpg: The file is empty."),
    ("cut.jpg", whole_jpeg()[:3000], "cut.jpg: The picture is damaged or cut off."),
    ("bomb.png", png_bomb(20000, 20000), "bomb.png: The picture has over 64 megapixels. Make it smaller first."),
    ("dot.png", png_bomb(1, 1), "dot.png: The picture is 1 x 1 pixels; it needs at least 2 x 2."),
], ids=["text", "empty", "cut off", "bomb", "one pixel"])
def test_a_bad_file_gets_a_sentence_and_what_the_visitor_had_stays(visit, fake_url, tmp_path, name, content, sentence):
    page = visit(fake_url)
    answered(page)
    word(page, "grass").click()
    expect(card(page, "grass")).to_be_visible()
    before = page.locator('.studio [data-part="image"]').get_attribute("src")
    path = tmp_path / name
    path.write_bytes(content)
    upload(page, path)
    expect(notice(page)).to_contain_text(sentence)
    assert page.locator('.studio [data-part="image"]').get_attribute("src") == before
    expect(page.locator(".studio .answer")).to_have_count(2)
    page.locator('.studio [data-part="notice-close"]').click()
    expect(notice(page)).to_be_hidden()


@pytest.mark.parametrize(("name", "options"), [
    ("cmyk.jpg", {"mode": "CMYK", "kind": "JPEG"}),
    ("deep.png", {"mode": "I;16"}),
    ("glass.png", {"mode": "RGBA"}),
    ("palette.gif", {"mode": "P", "kind": "GIF"}),
    ("wide.png", {"size": (5000, 40)}),
])
def test_every_kind_of_picture_can_be_asked_about(visit, studio_url, picture, name, options):
    page = visit(studio_url)
    answered(page)
    upload(page, picture(name, **options))
    opened(page, name)
    word(page, "photo").click()
    expect(card(page, "photo").locator(".verdict")).to_contain_text("“photo”")
    assert notice(page).is_hidden()


def test_a_turned_photo_is_shown_and_seen_upright(visit, fake_url, picture):
    page = visit(fake_url)
    answered(page)
    turned = Image.Exif()
    turned[0x0112] = 6
    upload(page, picture("turned.jpg", size=(300, 200), exif=turned.tobytes()))
    opened(page, "turned.jpg")
    page.wait_for_function("document.querySelector('.studio [data-part=\"image\"]').naturalHeight === 300")
    frame = page.locator('.studio [data-part="frame"]').bounding_box()
    assert frame["height"] > frame["width"]


def test_an_animation_gives_its_first_frame(visit, fake_url, tmp_path):
    frames = [Image.new("RGB", (90, 60), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    page = visit(fake_url)
    answered(page)
    upload(page, tmp_path / "moving.gif")
    opened(page, "moving.gif")


def test_two_visitors_never_see_each_others_photo(visit, fake_url, picture):
    one, two = visit(fake_url), visit(fake_url)
    answered(one)
    answered(two)
    upload(one, picture("mine.png"))
    opened(one, "mine.png")
    assert two.locator('.studio [data-part="image"]').get_attribute("alt") == "a German shepherd in dry grass"
    stolen, sent = question(one, "photo"), question(two, "grass")
    forged = {**sent, "data": {**stolen["data"], "visitor": sent["data"]["visitor"]}}
    reply = two.request.post(f"{fake_url}gradio_api/component_server/", data=forged).json()
    assert reply["kind"] == "PhotoGoneError"
    assert "picture" not in reply and "regions" not in reply


def test_a_photo_can_be_pasted_dropped_and_taken_with_the_camera(visit, fake_url):
    page = visit(fake_url, permissions=["camera"])
    answered(page)
    hand_over = """([kind, name]) => new Promise((resolve) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 80, height: 60 });
      canvas.toBlob((blob) => {
        const data = new DataTransfer();
        data.items.add(new File([blob], name, { type: 'image/png' }));
        const event = kind === 'paste' ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true })
          : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
        document.querySelector('.studio').dispatchEvent(event);
        resolve();
      });
    })"""
    page.evaluate(hand_over, ["paste", "pasted.png"])
    opened(page, "pasted.png")
    page.evaluate(hand_over, ["drop", "dropped.png"])
    opened(page, "dropped.png")
    page.locator('.studio [data-part="camera"]').click()
    page.wait_for_function("document.querySelector('.studio video').videoWidth > 0")
    page.locator('.studio [data-part="shoot"]').click()
    opened(page, "camera.jpg")


@pytest.mark.parametrize(("caption", "sentence"), [
    ("   ", "The caption is empty."),
    ("a " * 500, "at most 120 fit"),
])
def test_a_caption_that_cannot_be_read_leaves_the_old_one_in_use(visit, studio_url, caption, sentence):
    page = visit(studio_url)
    answered(page)
    page.locator('.studio [data-part="edit"]').click()
    page.locator('.studio [data-part="text"]').fill(caption)
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text(sentence)
    assert page.locator('.studio [data-part="text"]').input_value() == caption
    page.keyboard.press("Escape")
    assert hidden_words(page) == [2]
    expect(card(page, "dog")).to_be_visible()


def test_markup_emoji_and_chinese_in_captions_and_file_names_are_only_text(visit, studio_url, picture):
    page = visit(studio_url)
    answered(page)
    word(page, "dog").click()
    evil = "<script>alert(1)</script> <img src=x onerror=alert(2)> 🐕 狗 ${alert(3)} {{dog}}"
    page.locator('.studio [data-part="edit"]').click()
    page.locator('.studio [data-part="text"]').fill(evil)
    page.keyboard.press("Enter")
    expect(word(page, "狗")).to_be_visible()
    assert page.locator('.studio [data-part="words"]').inner_text().replace("\n", "") == evil
    word(page, "script").click()
    expect(card(page, "script")).to_be_visible()
    upload(page, picture("<img src=x onerror=alert(4)>.png"))
    opened(page, "<img src=x onerror=alert(4)>.png")
    path = picture("<script>alert(5)<\u2215script>.png")
    path.write_bytes(b"no picture")
    upload(page, path)
    expect(notice(page)).to_contain_text("<script>alert(5)<\u2215script>.png: This file is not a picture")
    assert page.locator(".studio script, .studio img:not([data-part]):not(.examples img)").count() == 0
    assert page.problems == []


def test_more_than_a_hundred_boxes_are_refused_and_the_last_is_taken_back(visit, fake_url):
    boxes = [[x / 10, y / 10, x / 10 + 0.08, y / 10 + 0.08] for y in range(10) for x in range(10)][:99]
    page = visit(fake_url + link_to(photo={"number": 0}, caption="A dog runs", words=[1], boxes=boxes))
    answered(page)
    for count in (99, 100):
        expect(page.locator(".studio .box")).to_have_count(count)
        page.locator('.studio [data-part="draw"]').focus()
        page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("There are 101 boxes; at most 100 fit.")
    expect(page.locator(".studio .box")).to_have_count(100)
    chip(page, 0).click()
    expect(box(page, 1)).to_have_attribute("aria-pressed", "true")


def test_after_a_restart_the_studio_gives_a_new_name_and_gets_the_photo_again(visit, fake_url, picture):
    page = visit(fake_url)
    answered(page)
    upload(page, picture("mine.png"))
    opened(page, "mine.png")
    before = question(page, "photo")["data"]["visitor"]
    asks = held(page, "ask")
    word(page, "of").click()
    first_of(page, asks).fulfill(json={"error": "The studio was started anew.", "kind": "VisitorGoneError"})
    with page.expect_response(lambda r: "multipart" in r.request.headers.get("content-type", "")):
        first_of(page, asks).continue_()  # by the new name, which has no photo yet
    last = first_of(page, asks)
    last.continue_()
    expect(card(page, "of")).to_be_visible()
    assert last.request.post_data_json["data"]["visitor"] != before
    expect(notice(page)).to_be_hidden()
    expect(page.locator('.studio [data-part="image"]')).to_have_attribute("alt", "mine.png")


def test_closing_the_page_drops_its_photo(visit, chromium, fake_url):
    page = visit(fake_url)
    answered(page)
    asked = question(page, "grass")
    page.close()
    address = f"{fake_url}gradio_api/component_server/"
    request = chromium.new_context().request
    for _ in range(60):
        reply = request.post(address, data=asked).json()
        if reply.get("kind") == "PhotoGoneError":
            return
        time.sleep(0.5)
    pytest.fail("The photo was still kept 30 seconds after its page was closed.")


def test_a_picture_unlike_the_training_photographs_gets_one_line_and_a_photograph_none(visit, studio_url, tmp_path):
    page = visit(studio_url)
    answered(page)
    note = page.locator('#canvas [data-part="photo-note"]')
    expect(note).to_be_hidden()
    path = tmp_path / "page.png"
    document(np.random.default_rng(1)).save(path)
    upload(page, path)
    opened(page, "page.png")
    expect(note).to_have_text(UNLIKE)
    word(page, "photo").click()
    expect(card(page, "photo")).to_be_visible()
    expect(note).to_be_visible()
    page.locator('#canvas [data-part="examples"] button').nth(1).click()
    expect(page.locator('#canvas [data-part="image"]')).not_to_have_attribute("alt", "page.png")
    expect(page.locator("#canvas .word").first).to_be_visible()
    expect(note).to_be_hidden()
