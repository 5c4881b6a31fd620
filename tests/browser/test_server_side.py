"""Messages about servers in front of the studio, a studio that is gone, and a camera that cannot be opened."""

import time

import pytest
from pages import answered, notice, upload
from playwright.sync_api import expect

HTML = "<html><body><h1>413 Request Entity Too Large</h1></body></html>"


@pytest.mark.parametrize(("status", "sentence", "again"), [
    (413, "The file is too large for a server between this browser and the studio (HTTP 413). Save the picture smaller",
     False),
    (502, "The studio does not answer the server in front of it (HTTP 502). Wait a moment, then try again.", True),
    (200, "A server in front of the studio answered instead of it (HTTP 200). Reload the page", False),
])
def test_what_a_server_before_the_studio_answers_is_shown(visit, fake_url, picture, status, sentence, again):
    page = visit(fake_url)
    answered(page)
    page.route("**/component_server/**", lambda route: route.fulfill(status=status, content_type="text/html", body=HTML)
               if b"open_photo" in (route.request.post_data_buffer or b"") else route.continue_())
    upload(page, picture())
    expect(notice(page)).to_contain_text(sentence)
    expect(page.locator('.studio [data-part="notice-again"]')).to_be_visible(visible=again)
    page.unroute_all()
    page.locator(".studio .word").first.click()  # what was there before is kept, and goes on
    expect(page.locator(".studio .answer")).to_have_count(2)
    assert [problem.split(":")[0] for problem in page.problems] == ([] if status == 200 else [str(status)])
    page.problems.clear()  # the browser reports that status, as it should


def test_a_page_whose_studio_is_gone_while_the_model_loads_calls_ever_more_rarely(visit, fake_url):
    calls = []

    def lost(route):
        if '"fn_name":"status"' in (route.request.post_data or ""):
            calls.append(time.monotonic())
            route.abort()
        else:
            route.continue_()

    page = visit("about:blank")
    page.route("**/component_server/**", lost)
    page.goto(fake_url)
    page.wait_for_timeout(20_000)
    assert 4 <= len(calls) <= 14  # of two canvases; without longer pauses there were 49 of one
    page.unroute_all()
    answered(page)
    assert page.problems and all("ERR_FAILED" in problem for problem in page.problems)
    page.problems.clear()


def test_over_plain_http_the_camera_says_what_it_needs(visit, fake_url):
    page = visit("about:blank")
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(fake_url)
    answered(page)
    page.locator('.studio [data-part="camera"]').first.click()
    expect(notice(page)).to_contain_text("opens the camera for a page over https or on localhost only")
    assert page.problems == []
