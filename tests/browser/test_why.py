"""Why?: maps with their proof, hidings without a request, attention, heads, and what is taken away."""

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlparse

import pandas as pd
import pytest
from pages import ROOT, answered, box, card, chip, upload, violations, word
from playwright.sync_api import Page, expect

from engine.explain.methods import METHODS

if not list((ROOT / "assets" / "weights").glob("*.safetensors")):
    pytest.skip("Explanations need the shipped weights.", allow_module_level=True)

LONG = 300_000  # milliseconds: hundreds of passes, on a machine that may be busy
HOSTILE = "</script><script>parent.document.title='taken'</script>"
CAPTION = "A large dog with its mouth open is standing in the grass."


def why(page: Page):
    return page.locator(".studio .why")


def explained(page: Page, tab: str = "map") -> None:
    """The first example is answered, its single hidings are known, and a tab of "Why?" is open."""
    answered(page)
    expect(page.locator(".studio")).to_have_attribute("data-hidings", re.compile(r"\d+"))
    page.locator(f"#why-tab-{tab}").click()
    why(page).scroll_into_view_if_needed()


def mapped(page: Page, method: str = r"\w+") -> None:
    expect(why(page)).to_have_attribute("data-map", re.compile(f"^{method}$"))


def proven(page: Page) -> None:
    """Whatever the proof says: with other weights it may say something else."""
    expect(why(page)).to_have_attribute("data-proof", re.compile("better than|disagree"), timeout=LONG)


def choose(page: Page, method: str) -> None:
    page.locator(f'.studio [data-method="{method}"]').click()
    mapped(page, method)


def listen(page: Page) -> list[str]:
    """What is asked of any server from now on, save the map that opening the page began and its proof."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith(("data:", "blob:"))
            and not re.search("why_(map|proof|progress)", request.post_data or "") else None)
    return asked


def taken(page: Page, what: str) -> Path:
    page.locator("#why-tab-take").click()
    with page.expect_download(timeout=LONG) as download:
        page.locator(f'.studio [data-take="{what}"]').click()
    return Path(download.value.path())


def test_a_map_stands_beside_its_proof_and_its_numbers(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    mapped(page)
    expect(page.locator(".studio .methods [role=radio]")).to_have_count(len(METHODS) - 1)  # all but chance
    proven(page)
    expect(page.locator(".studio .claim")).to_contain_text("random order")
    expect(page.locator(".studio .charts svg path.line")).to_have_count(6)
    expect(page.locator(".studio .facts")).to_contain_text("Rank correlation with leave-one-out")

    values = page.locator(".studio .numbers tbody td:nth-child(2)")
    page.locator('.studio .sort[data-column="value"]').click()
    shown = [float(v.replace("−", "-")) for v in values.all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    page.locator('.studio .sort[data-column="value"]').click()
    rising = [float(v.replace("−", "-")) for v in values.all_inner_texts()]
    assert rising == sorted(rising)
    assert page.problems == []


def test_another_example_under_what_if_leaves_no_table_of_old_values_under_new_words(visit, fake_url):
    page = visit(fake_url)
    answered(page)
    page.locator("#canvas .why").scroll_into_view_if_needed()
    first = page.locator('#canvas [data-part="numbers"] tbody th')
    expect(first).to_have_count(10)
    page.locator("#why-tab-compare").click()
    old = page.locator('#canvas [data-part="numbers"]').inner_html()
    page.locator('#canvas [data-part="examples"] button').nth(1).click()  # its caption has fewer words
    expect(page.locator('#canvas [data-part="image"]')).to_have_attribute("alt", re.compile("^horses"))
    expect(page.locator('#canvas [data-part="studio"]')).to_have_attribute("data-hidings", re.compile("."))
    page.wait_for_timeout(300)
    assert page.locator('#canvas [data-part="numbers"]').inner_html() == old
    page.locator("#why-tab-map").click()
    expect(first.first).to_be_visible()
    assert page.locator('#canvas [data-part="numbers"]').inner_html() != old
    assert page.problems == []


def test_the_first_explanation_comes_by_itself_and_is_dropped_when_the_visitor_goes_on(visit, studio_url):
    page = visit(studio_url, viewport={"width": 1366, "height": 420})  # "Why?" is out of sight
    asked = []

    def note(route):
        sent = route.request.post_data or ""
        asked.append(re.search(r'"fn_name": ?"(\w+)"', sent).group(1))
        if '"why_map"' in sent and len(held) < 1 and waiting:
            held.append((route, int(re.search(r'"work": ?(\d+)', sent).group(1))))
        else:
            stopped.extend(re.findall(r'"work": ?(\d+)', sent) if "why_stop" in sent else [])
            route.continue_()

    held, stopped, waiting = [], [], []
    page.route("**/component_server/", note)
    page.reload()
    answered(page)
    mapped(page)
    assert asked.index("ask") < asked.index("why_map") and "why_proof" not in asked
    assert page.evaluate("scrollY") == 0
    waiting.append(True)
    word(page, "grass").click()
    expect(card(page, "grass")).to_be_visible()
    while not held:
        page.wait_for_timeout(50)
    [(route, work)] = held
    word(page, "mouth").click()
    expect(card(page, "mouth")).to_be_visible()
    mapped(page)
    assert str(work) in stopped
    sentence = page.locator('.studio [data-part="map-sentence"]')
    now = sentence.inner_text()
    with page.expect_response(lambda response: response.request == route.request):
        route.continue_()
    page.wait_for_timeout(200)  # what came of it is painted no more
    assert sentence.inner_text() == now and page.problems == []


def test_a_step_taken_before_the_ways_of_explaining_are_known_leaves_no_error(visit, studio_url):
    page = visit("about:blank")
    held = []
    page.route("**/component_server/", lambda route: held.append(route)
               if not held and '"why_methods"' in (route.request.post_data or "") else route.continue_())
    page.goto(studio_url)
    answered(page)
    while not held:
        page.wait_for_timeout(50)
    word(page, "grass").click()  # nothing is there to be explained now, until it is answered
    held[0].continue_()
    expect(card(page, "grass")).to_be_visible()
    mapped(page)
    page.wait_for_timeout(200)
    assert page.problems == []


def test_what_an_explanation_gives_is_said_where_there_is_none_yet(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    mapped(page)
    empty = page.locator(".studio .why-empty")
    expect(empty).to_be_hidden()
    page.locator('.studio [data-part="reset"]').click()
    expect(empty).to_contain_text("Hide a word or a box: here you see")
    expect(page.locator(".studio .why [role=tab]").first).to_be_hidden()
    chip(page, 0).click()
    expect(page.locator('.studio [data-part="map-sentence"]')).to_contain_text("has")
    expect(empty).to_be_hidden()
    expect(page.locator(".studio .asked .pill")).to_have_count(1)
    expect(page.locator(".studio")).to_have_attribute("data-masking", "pixels")  # the faithful answer came before


def test_another_method_answer_and_element_can_be_asked_about(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    mapped(page)
    choose(page, "relevance")
    expect(page.locator('.studio [data-part="method-source"]')).to_contain_text("2103.15679")
    sentence = page.locator('.studio [data-part="map-sentence"]')
    expect(sentence).to_contain_text("“dog” has")
    page.locator('.studio [data-part="answer"]').select_option("puppy")
    expect(sentence).to_contain_text("“puppy” has")
    word(page, "grass").click()
    card(page, "grass").locator(".why-this").click()
    expect(sentence).to_contain_text("“grass” has")
    expect(page.locator('.studio .asked [aria-pressed="true"]')).to_contain_text("grass")


def test_pointing_at_a_word_or_a_region_shows_the_answer_without_it_and_asks_nothing(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    effect = card(page, "dog").locator(".effect")
    asked = listen(page)
    word(page, "large").hover()
    expect(effect).to_contain_text("Without “large”: dog")
    box(page, 1).hover()
    expect(effect).to_contain_text("Without “dog 1”: dog")
    page.mouse.move(2, 2)
    page.locator('.studio .tokens [data-word="11"]').focus()
    expect(effect).to_contain_text("Without “grass”: dog")
    expect(page.locator('.studio [data-part="pointed"]')).to_contain_text("Without “grass”")
    assert asked == []

    shown = effect.inner_text()
    word(page, "grass").click()
    expect(card(page, "grass")).to_be_visible()
    after = card(page, "dog").locator(".rank").first.inner_text()
    assert shown.split("→")[1].split("%")[0].strip() == after.rsplit("·", 1)[1].split("%")[0].strip()


def test_attention_comes_once_and_layers_heads_and_directions_change_without_a_request(visit, studio_url):
    page = visit(studio_url)
    explained(page, "attention")
    expect(why(page)).to_have_attribute("data-attention", re.compile(r"[1-9]\d*"))
    cells = page.locator(".studio .cell")
    expect(cells.first).to_have_attribute("aria-label", re.compile(r"layer 1, head 1: entropy .* nats; text → region"))
    sentence, asked = page.locator('.studio [data-part="attention-sentence"]'), listen(page)
    said = {sentence.inner_text()}
    cells.last.click()
    said.add(sentence.inner_text())
    for part, value in (("mode", "layer"), ("layer", "1"), ("way", "to"), ("mode", "rollout"), ("way", "from")):
        page.locator(f'.studio [data-part="attention-{part}"]').select_option(value)
        said.add(sentence.inner_text())
    assert len(said) == 7
    shares = [float(v) for v in re.findall(r"([\d.]+)\s%", sentence.inner_text())]
    assert abs(sum(shares) - 100) < 1  # a rollout spreads the whole

    def lit(kind):
        return page.evaluate(f"""[...document.querySelectorAll('.studio .{kind}')]
          .filter((n) => Number(n.style.getPropertyValue('--heat')) > 0).length""")
    assert lit("area") > 0 and lit("token") == 0
    page.locator('.studio .areas [data-region="1"]').dispatch_event("click")  # others may lie over it
    expect(sentence).to_contain_text("“dog 1” looks at")
    page.mouse.move(2, 2)
    assert lit("token") > 0 and lit("area") == 0
    assert asked == []


def test_heads_are_switched_off_and_on_and_ranked(visit, studio_url):
    page = visit(studio_url)
    explained(page, "heads")
    echo = page.locator(".studio .echo").first  # the true word alone may keep its percent
    first = echo.inner_text()
    for head in range(12):
        page.locator(f'.studio .switch[data-head="5 {head}"]').click()
    expect(page.locator('.studio .switch[aria-pressed="true"]')).to_have_count(12)
    expect(echo).not_to_have_text(first, use_inner_text=True)
    page.locator('.studio [data-part="heads-on"]').click()
    expect(echo).to_have_text(first, use_inner_text=True)
    expect(why(page)).not_to_have_class(re.compile("stale"))
    page.locator('.studio [data-part="heads-rank"]').click()
    expect(why(page)).to_have_attribute("data-heads", re.compile(r"[1-9]\d*"))
    changes = [abs(float(c.replace("−", "-"))) for c in
               page.locator('.studio [data-part="heads-list"] td').all_inner_texts()]
    assert changes == sorted(changes, reverse=True)


def test_long_work_shows_its_progress_and_stops(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    mapped(page)
    page.locator('.studio [data-method="shapley"]').click()
    working = page.locator('.studio [data-part="map-work"]')
    working.get_by_role("button", name="Stop").click()
    expect(working).to_contain_text("Stopped.")
    expect(why(page)).to_have_attribute("data-map", "")
    choose(page, "relevance")


def test_bertviz_is_drawn_in_its_frame_whatever_the_caption_says(visit, studio_url):
    page = visit(studio_url)
    explained(page, "attention")
    page.locator('.studio [data-part="edit"]').click()
    page.locator('.studio [data-part="text"]').fill(f"A dog {HOSTILE} runs")
    page.keyboard.press("Enter")
    word(page, "runs").click()
    expect(card(page, "runs")).to_be_visible()
    expect(why(page)).not_to_have_class(re.compile("stale"))
    why(page).evaluate("e => e.scrollIntoView()")  # the caption is above it; attention is asked once somebody looks
    page.locator('.studio [data-part="bertviz-head"]').scroll_into_view_if_needed()
    asked = listen(page)
    frame = page.frame_locator(".studio .bertviz iframe")
    page.locator('.studio [data-part="bertviz-head"]').click()
    expect(frame.locator("#vis svg")).to_be_visible()
    expect(frame.locator("select#filter option")).to_have_count(5)
    expect(frame.locator("#vis")).to_contain_text("<")
    page.locator('.studio [data-part="bertviz-model"]').click()
    expect(frame.locator("svg").first).to_be_visible()
    here = urlparse(studio_url).netloc
    assert asked and [u for u in asked if urlparse(u).netloc not in (here, "")] == []
    assert "taken" not in page.title() and page.problems == []
    assert page.locator(".studio .bertviz iframe").get_attribute("sandbox") == "allow-scripts"


def test_what_is_held_is_compared_with_what_comes_after(visit, studio_url):
    page = visit(studio_url)
    explained(page, "compare")
    page.locator('.studio [data-part="hold"]').click()
    page.locator('.studio [data-part="edit"]').click()
    page.locator('.studio [data-part="text"]').fill("A small dog with its mouth open is standing in the grass.")
    page.keyboard.press("Enter")
    columns = page.locator(".studio .column")
    expect(columns.nth(1).locator(".said mark")).to_have_text("small")
    expect(columns.nth(0).locator(".said mark")).to_have_text("large")
    page.locator('.studio .examples button').nth(1).click()
    expect(columns.nth(1).locator("figure.differs")).to_be_visible()
    page.locator('.studio [data-part="hold-back"]').click()
    expect(columns.nth(1).locator("mark")).to_have_count(0)


def test_the_same_word_hidden_twice_is_compared_with_its_own_like_also_on_a_phone(visit, fake_url):
    page = visit(fake_url, viewport={"width": 390, "height": 844})
    answered(page)

    def write(caption):
        page.locator('.studio [data-part="edit"]').click()
        page.locator('.studio [data-part="text"]').fill(caption)
        page.keyboard.press("Enter")

    write("Dog and dog.")  # the stand-in believes in “Dog” otherwise than in “dog”
    expect(page.locator('.studio .word[data-word="0"]')).to_have_attribute("aria-pressed", "true")  # hidden before
    page.locator('.studio .word[data-word="2"]').click()
    expect(page.locator(".studio .answer")).to_have_count(2)
    page.locator("#why-tab-compare").click()
    page.locator('.studio [data-part="hold"]').click()
    write("Dog or dog.")
    columns = page.locator(".studio .column")
    expect(columns.locator(".said mark")).to_have_text(["and", "or"])
    expect(columns.locator(".held-answer")).to_have_count(4)
    assert columns.locator(".held-answer mark, li.moved").count() == 0
    left, right = columns.nth(0).bounding_box(), columns.nth(1).bounding_box()
    assert left["width"] > 300 and right["y"] >= left["y"] + left["height"]


def test_another_checkpoint_answers_the_same_beside_this_one(visit, studio_url):
    page = visit(studio_url)
    explained(page, "compare")
    choice = page.locator('.studio [data-part="checkpoint"]')
    expect(choice.locator("option").first).to_be_attached()
    if choice.locator("option").count() < 2:
        pytest.skip("This server has no other checkpoint.")
    name = choice.locator("option").nth(1).inner_text()
    choice.select_option(index=1)
    columns = page.locator(".studio .column")
    expect(why(page)).to_have_attribute("data-checkpoint", name)
    expect(columns.nth(0).locator("h3")).to_have_text("By this model")
    expect(columns.nth(1).locator(".facts mark")).to_have_text([name])
    expect(columns.nth(1).locator(".held-answer h4")).to_have_text("word dog")
    word(page, "grass").click()
    expect(why(page)).to_have_attribute("data-checkpoint", "")
    columns.nth(1).evaluate("e => e.scrollIntoView()")  # it is drawn anew meanwhile; it is asked once somebody looks
    expect(columns.nth(1).locator(".held-answer h4")).to_have_text(["word dog", "word grass"])
    page.locator('.studio [data-part="hold"]').click()
    word(page, "grass").click()
    columns.nth(1).evaluate("e => e.scrollIntoView()")
    expect(columns.nth(1).locator(".held-answer h4")).to_have_text(["word dog"])
    expect(columns.nth(0).locator(".held-answer h4 mark")).to_have_text(["word grass"])
    assert page.problems == []


def test_pixels_and_feature_are_hidden_side_by_side(visit, studio_url):
    page = visit(studio_url)
    explained(page, "leak")
    expect(page.locator('.studio [data-part="leak-body"]')).to_contain_text("Hide a region of the photo first")
    chip(page, 0).click()
    expect(page.locator(".studio .leak dt")).to_have_text(["fast: feature hidden", "faithful: pixels hidden"])
    feature, pixels = page.locator(".studio .leak .number").all_inner_texts()
    answer = page.locator('.studio .answer[data-kind="region"] .rank').first
    expect(answer).to_contain_text(pixels)
    expect(page.locator(".studio .leak")).to_contain_text(re.compile("leak"))
    assert feature.endswith("%")


def test_files_hold_what_the_page_shows(visit, studio_url):
    page = visit(studio_url)
    explained(page)
    mapped(page)
    choose(page, "leave_one_out")
    table = pd.read_csv(taken(page, "csv"))
    row = table[(table.kind == "word") & (table.name == "large")].iloc[0]
    assert row["change"] == pytest.approx(-row["value"], abs=1e-6)  # leave-one-out is the change itself
    areas = [a.get_attribute("aria-label") for a in page.locator(".studio .areas .area").all()]
    assert len(table) == len(CAPTION.split()) + 1 + len(areas)
    assert table[table.kind == "region"]["name"].tolist() == [  # as the page names them
        re.match(r"Region (.+?)(?:, hidden)?(?:: |$)", area)[1] for area in areas]
    hidings = pd.read_csv(taken(page, "hidings"))
    assert set(hidings["asked kind"]) == {"word"} and len(hidings) == len(table) - 1

    drawing = ET.parse(taken(page, "svg")).getroot()
    assert drawing.tag.endswith("svg") and "dog" in " ".join(drawing.itertext())
    assert taken(page, "png").read_bytes().startswith(b"\x89PNG")

    report = taken(page, "report").read_text()
    assert not re.search(r"(?:src|href)=(?![\"']?data:)", report) and "<script" not in report
    for told in ("What it rests on", "raw attention", "Model card", "torch", "dog"):
        assert told.casefold() in report.casefold()


def test_a_link_reopens_the_same_state_also_of_a_visitors_own_photo(visit, studio_url, picture):
    page = visit(studio_url)
    explained(page, "heads")
    page.locator('.studio .switch[data-head="0 1"]').click()
    word(page, "grass").click()
    link = linked(page)
    other = visit(link)
    expect(other.locator(".studio .answer")).to_have_count(2)
    there, here = (card(p, "grass").locator(".rank").first.inner_text() for p in (other, page))
    assert there == here

    upload(page, picture("mine.png"))
    expect(page.locator('.studio [data-part="image"]')).to_have_attribute("alt", "mine.png")
    page.locator(".studio .word").nth(1).click()
    expect(page.locator(".studio .answer")).to_have_count(1)
    again = visit(linked(page))
    expect(again.locator('.studio [data-part="image"]')).to_have_attribute("alt", "mine.png")
    expect(again.locator(".studio .answer")).to_have_count(1)
    lost = visit(f"{studio_url}#see=" + "eyJwaG90byI6eyJrZXB0IjoieCJ9fQ")  # a photo that nobody kept
    expect(lost.locator('.studio [data-part="notice"]')).to_contain_text("no longer keeps the photo of this link")


def linked(page: Page) -> str:
    expect(why(page)).not_to_have_class(re.compile("stale"))
    page.locator("#why-tab-take").click()
    page.locator('.studio [data-take="link"]').click()
    return page.locator('.studio [data-part="take-note"] input').input_value()


def test_a_program_gets_the_numbers_that_the_page_shows(visit, studio_url):
    client = pytest.importorskip("gradio_client")
    page = visit(studio_url)
    explained(page)
    mapped(page)
    choose(page, "leave_one_out")
    table = pd.read_csv(io.BytesIO(taken(page, "csv").read_bytes()))
    studio = client.Client(studio_url, verbose=False)
    asks = {"photo": client.handle_file(str(ROOT / "assets" / "examples" / "dog.jpg")), "caption": CAPTION,
            "hidden_words": [2], "hidden_regions": []}
    said = studio.predict(**asks, api_name="/predict")
    assert said["words"][0]["percent"] in card(page, "dog").locator(".rank").first.inner_text().replace("\xa0", " ")
    made = studio.predict(**asks, index=2, method="leave_one_out", api_name="/explain")
    assert made["words"] == pytest.approx(table[table.kind == "word"]["value"].tolist(), abs=1e-6)
    assert made["regions"][1:] == pytest.approx(table[table.kind == "region"]["value"].tolist(), abs=1e-6)
    with pytest.raises(Exception, match="There is no method 'magic'"):
        studio.predict(**asks, index=2, method="magic", api_name="/explain")
    json.dumps(made)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 390)])
def test_every_way_of_looking_is_accessible_and_fits(visit, studio_url, scheme, width):
    page = visit(studio_url, color_scheme=scheme, viewport={"width": width, "height": 844})
    explained(page)
    mapped(page)
    for tab in ("map", "attention", "heads", "compare", "leak", "take"):
        page.locator(f"#why-tab-{tab}").click()
        if tab == "attention":
            expect(page.locator(".studio .cell").first).to_be_visible()
        if tab == "compare":
            page.locator('.studio [data-part="hold"]').click()
        assert violations(page, ".studio .why") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
