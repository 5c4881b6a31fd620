"""The lessons beside the canvas: predict, then the model answers."""

from pages import answered, first_of, held, hidden_words, word
from playwright.sync_api import expect

from studio.lessons.lesson import all_lessons


def start(page, number):
    page.locator(".learn-open").click()
    page.locator(".learn [data-part='list'] button").nth(number).click()


def ready(page):
    expect(page.locator(".learn .choices button").first).to_be_enabled()


def test_every_step_of_every_lesson_is_answered_by_the_model_as_the_lesson_claims(visit, studio_url):
    page = visit(studio_url, viewport={"width": 1440, "height": 900})
    answered(page)
    page.locator(".learn-open").click()
    for lesson in all_lessons():
        page.locator(f'.learn [data-lesson="{lesson.name}"]').click()
        for number, step in enumerate(lesson.steps, start=1):
            expect(page.locator(".learn [data-part='place']")).to_have_text(f"Step {number} of {len(lesson.steps)}")
            ready(page)
            assert page.locator(".learn .choices .true").count() == 0  # nothing is told before the prediction
            page.locator(".learn .choices button").last.click()
            expect(page.locator(".learn [data-part='next']")).to_be_visible()
            expect(page.locator(".learn .choices .true")).to_contain_text(step.choices[step.expected].text)
            reveal = page.locator(".learn .reveal").inner_text()
            assert "(no answer)" not in reveal and "{" not in reveal
            page.locator(".learn [data-part='next']").click()
    expect(page.locator(".learn-open")).to_have_text("Learn · 8 of 8")
    assert page.problems == []


def test_a_lesson_shows_the_very_answer_of_the_canvas_beside_it(visit, studio_url):
    page = visit(studio_url, viewport={"width": 1440, "height": 900})
    answered(page)
    start(page, 0)
    ready(page)
    assert hidden_words(page) == []
    page.locator(".learn .choices button").first.click()
    expect(page.locator(".learn [data-part='next']")).to_be_visible()
    shown = page.locator("#canvas .answer .meter dd .number").first.inner_text()
    assert shown.replace("\u00a0", " ") in page.locator(".learn .reveal").inner_text().replace("\u00a0", " ")
    panel, photo = (page.locator(s).bounding_box() for s in (".learn", "#canvas .stage"))
    assert panel["x"] + panel["width"] <= photo["x"]  # beside it


def test_progress_is_kept_in_the_browser_and_a_lesson_goes_on_where_it_was(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    start(page, 0)
    ready(page)
    page.locator(".learn .choices button").first.click()
    expect(page.locator(".learn [data-part='next']")).to_be_visible()
    page.reload()
    answered(page)
    start(page, 0)
    expect(page.locator(".learn [data-part='place']")).to_have_text("Step 2 of 3")


def test_a_lesson_is_taken_by_keyboard_and_spoken_on_a_narrow_screen(visit, fake_url):
    page = visit(fake_url, viewport={"width": 390, "height": 844})
    answered(page)
    page.locator(".learn-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".learn h2")).to_be_focused()
    panel, photo = (page.locator(s).bounding_box() for s in (".learn", "#canvas .stage"))
    assert panel["y"] + panel["height"] <= photo["y"]  # above it
    page.locator(".learn [data-part='list'] button").first.focus()
    page.keyboard.press("Enter")
    ready(page)
    expect(page.locator(".learn h2")).to_have_text(all_lessons()[0].title)
    page.locator(".learn .choices button").first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".learn [data-part='next']")).to_be_focused()
    expect(page.locator(".learn [role='status']")).to_contain_text("you predicted: ")
    page.keyboard.press("Escape")
    expect(page.locator(".learn")).to_be_hidden()
    expect(page.locator(".learn-open")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_the_visitor_had_comes_back_by_undo_after_a_lesson(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    before = page.locator("#canvas [data-part='words']").inner_text()
    start(page, 1)
    ready(page)
    assert page.locator("#canvas [data-part='words']").inner_text() != before
    undo = page.locator("#canvas [data-part='undo']")
    while undo.get_attribute("aria-disabled") == "false":
        undo.click()
    expect(page.locator("#canvas [data-part='words']")).to_have_text(before, use_inner_text=True)


def test_a_word_clicked_while_the_answer_is_awaited_ends_the_waiting(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    start(page, 2)  # it hides a region, whose faithful answer comes later
    ready(page)
    asks = held(page, "ask")
    page.locator(".learn .choices button").first.click()
    ask = first_of(page, asks)
    word(page, "grass").click()
    reveal = page.locator(".learn .reveal")
    expect(reveal).to_contain_text("The canvas was changed before the answer came.")
    ask.continue_()
    page.unroute_all()
    reveal.get_by_role("button", name="Try again").click()
    expect(page.locator(".learn [data-part='next']")).to_be_visible()
    assert page.problems == []


def test_a_lesson_that_was_left_changes_nothing_of_the_one_begun_after_it(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    looks = held(page, "look")
    start(page, 0)
    first = first_of(page, looks)
    page.locator(".learn [data-part='back']").click()
    page.locator(".learn [data-part='list'] button").nth(1).click()
    first_of(page, looks).continue_()
    ready(page)
    with page.expect_response(lambda reply: '"look"' in (reply.request.post_data or "")):
        first.continue_()
    page.wait_for_timeout(300)
    words = page.locator("#canvas [data-part='words']").inner_text()
    assert words.replace("\n", "") == "A dog is standing in the grass."
    assert page.problems == []
