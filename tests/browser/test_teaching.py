"""A person teaches the model from the page: Start, first points, Stop, and everything is there again afterwards."""

import json
import re
import shutil

import pytest
from pages import ROOT, answered
from playwright.sync_api import expect

from engine.config import FineTuneConfig, ScenesConfig
from studio.bench import served
from studio.lessons.lesson import all_lessons
from studio.teaching.orders import Order
from studio.teaching.runs import Record
from tests.tiny import write_tiny

APP = ROOT / "tests" / "studio" / "teaching_app.py"
PATIENCE = 500_000  # milliseconds for a child on a busy machine


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teaching")
    return folder / "runs", write_tiny(folder / "weights")


@pytest.fixture(scope="module")
def idle_url(folders):
    """A studio that nobody starts a run in."""
    with served("--runs", str(folders[0].parent / "idle"), "--weights", str(folders[1]), app=APP) as (url, _):
        yield url


def opened(visit, url, **options):
    page = visit(url, **options)
    page.get_by_role("tab", name="Teach").click()
    expect(page.locator("#training-start")).to_be_visible()
    return page


def test_start_shows_the_first_point_stop_stops_and_another_studio_finds_the_run(visit, folders):
    runs, weights = folders
    with served("--runs", str(runs), "--weights", str(weights), app=APP) as (url, _):
        page = opened(visit, url)
        expect(page.locator("#training-runs")).to_contain_text("No runs yet")
        page.get_by_label("Scenes", exact=True).fill("8")
        page.get_by_label("Epochs", exact=True).fill("100000")
        page.get_by_label("Epochs", exact=True).blur()
        command = page.locator("#training-command textarea")
        expect(command).to_have_value(re.compile("--scenes 8 .*--epochs 100000"))
        page.locator("#training-start").click()
        expect(page.locator("#training-progress .state")).to_contain_text("grounding, 8 scenes")
        expect(page.locator("#training-charts svg[role=img]").first).to_have_attribute(
            "aria-label", re.compile("at step"), timeout=PATIENCE)
        expect(page.locator("#training-watched .region").first).to_be_visible(timeout=PATIENCE)
        # The same page opened anew, and the studio started anew, find it.
        page.reload()
        page.get_by_role("tab", name="Teach").click()
        expect(page.locator("#training-stop")).to_be_visible()
        assert page.problems == []
    with served("--runs", str(runs), "--weights", str(weights), app=APP) as (url, _):
        page = opened(visit, url)
        expect(page.locator("#training-progress .state")).to_contain_text("grounding, 8 scenes")
        page.locator("#training-stop").click()
        expect(page.locator("#training-resume")).to_be_visible(timeout=PATIENCE)
        expect(page.locator("#training-progress .state")).to_contain_text("Stopped")
        page.get_by_label("New name of the chosen run").fill("<b>mine</b>")
        page.get_by_role("button", name="Rename").click()
        expect(page.locator("#training-runs tbody th")).to_have_text("<b>mine</b>")
        page.locator("#training-delete").click()
        page.locator("#training-sure").click()
        expect(page.locator("#training-runs")).to_contain_text("No runs yet")
        assert page.problems == []


@pytest.fixture
def two_runs(folders):
    """In the folder of the studio that nobody starts a run in, until the test ends."""
    runs = folders[0].parent / "idle"
    made = [runs / "20260101-120000-aaaa", runs / "20260101-120001-bbbb"]
    for name, run in zip(("first", "second"), made, strict=True):
        run.mkdir(parents=True)
        settings = FineTuneConfig(held_out=0.25, evaluate_every=1)
        Record(name, Order(settings, ScenesConfig(scenes=8)), 1.0, 0.0).write(run)
    yield
    for run in made:
        shutil.rmtree(run, ignore_errors=True)


def test_only_the_run_that_the_question_names_is_deleted(visit, idle_url, two_runs):
    page = opened(visit, idle_url)
    sure, rows = page.locator("#training-sure"), page.locator("#training-runs tbody th")
    expect(rows).to_have_text(["second", "first"])
    page.locator("#training-delete").click()
    expect(sure).to_have_text("Yes, delete “second” for good")
    page.get_by_label("Run", exact=True).click()
    page.get_by_role("option", name="first").click()
    expect(sure).to_be_hidden()
    page.locator("#training-delete").click()
    expect(sure).to_have_text("Yes, delete “first” for good")
    sure.click()
    expect(rows).to_have_text(["second"])
    expect(sure).to_be_hidden()
    assert page.problems == []


def test_the_form_follows_an_example_of_ones_own_and_checks_photos_for_another_task(visit, idle_url, picture, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("a.png", "b.png"):
        picture(f"mine/{name}", size=(60, 40) if name == "a.png" else (64, 40))
    (mine / "photos.csv").write_text("photo,question,answer\na.png,what is it,grass\nb.png,what is it,sky\n")
    page = opened(visit, idle_url)
    command = page.locator("#training-command textarea")
    page.get_by_role("button", name="Watch an example of your own").click()
    example = page.locator("#training-own-photo")
    example.locator('input[type="file"]').set_input_files(str(mine / "a.png"))
    expect(command).to_have_value(re.compile("is a photo and words about it"))
    example.get_by_label("Remove").or_(example.get_by_label("Clear")).first.click()
    expect(command).to_have_value(re.compile("^python -m engine finetune"))
    page.get_by_label("my own photos").check()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(mine))
    expect(page.locator("#own-report")).to_contain_text("it lacks phrase")
    page.get_by_label("answer a question").check()
    expect(page.locator("#own-report")).to_contain_text("2 lines about 2 photos can be used")
    assert page.problems == []


def test_uploaded_photos_keep_their_names_and_boxes_are_read_as_the_visitor_states_them(visit, idle_url, picture,
                                                                                        tmp_path):
    names = ["<Wow!> $5 {0}?.png", "Screenshot 3.04\u202fPM.png", "two  spaces.png"]
    (tmp_path / "mine").mkdir()
    for number, name in enumerate(names):
        picture(f"mine/{name}", size=(160, 120 + number))
    (tmp_path / "mine" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400))
    (tmp_path / "mine" / "photos.jsonl").write_text("".join(json.dumps(
        {"photo": name, "phrase": "the square", "box": [88, 36, 48, 60]}) + "\n" for name in [*names, "IMG_1.HEIC"]))
    page = opened(visit, idle_url)
    page.get_by_label("my own photos").check()
    report = page.locator("#own-report")
    page.locator('#training input[type="file"]').first.set_input_files(sorted((tmp_path / "mine").iterdir()))
    expect(report).to_contain_text("3 of 3 boxes, such as 88, 36, 48, 60, cannot be x1, y1, x2, y2")
    page.get_by_role("button", name="How the boxes are written").click()
    page.get_by_label("x, y, width, height").check()
    expect(report).to_contain_text("3 lines about 3 photos can be used")
    expect(report).to_contain_text("The boxes were taken as x, y, width, height in pixels")
    expect(report).to_contain_text("line 4: IMG_1.HEIC is HEIC, which is not read; save it as JPEG or PNG")
    assert report.locator(".region").first.get_attribute("style").startswith("left:55.00%;top:30.00%;width:30.00%")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(tmp_path / "mine"))
    expect(report).to_contain_text("3 lines about 3 photos can be used")
    assert page.problems == []


def test_what_a_form_lacks_is_said_on_the_page_and_nothing_starts(visit, idle_url, tmp_path):
    page = opened(visit, idle_url, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("my own photos").check()
    page.locator("#training-start").click()
    expect(page.locator("#training-notice")).to_contain_text("no photos of yours yet")
    (tmp_path / "bad.csv").write_text("photo,phrase\n")
    page.locator('#training input[type="file"]').first.set_input_files(str(tmp_path / "bad.csv"))
    expect(page.locator("#own-report")).to_contain_text("it lacks x1, y1, x2, y2")
    expect(page.locator("#training-runs")).to_contain_text("No runs yet")


def test_a_lesson_starts_a_run_and_shows_it_beside_the_canvas(visit, folders, tmp_path):
    _, weights = folders
    with served("--runs", str(tmp_path), "--weights", str(weights), "--end-training", app=APP) as (url, _):
        page = visit(url, viewport={"width": 1440, "height": 900})
        answered(page)
        last = all_lessons()[-1]
        assert last.steps[-1].watch
        page.evaluate("(done) => localStorage.setItem('vl-bert-studio lessons', JSON.stringify(done))",
                      {last.name: len(last.steps) - 1})
        page.reload()
        answered(page)
        page.locator(".learn-open").click()
        page.locator(f'.learn [data-lesson="{last.name}"]').click()
        expect(page.locator(".learn .choices button").first).to_be_enabled()
        expect(page.locator(".learn [data-part='watch']")).to_be_hidden()
        page.locator(".learn .choices button").first.click()
        page.locator(".learn [data-part='watch']").click()
        watching = page.locator(".learn [data-part='watching']")
        expect(watching).to_contain_text("grounding, 600 scenes")
        expect(page.locator("#canvas .stage")).to_be_visible()  # the tab is the same as before
        expect(watching).to_contain_text("Drawing scenes", timeout=PATIENCE)  # it goes on being followed
        page.get_by_role("tab", name="Teach").click()
        expect(page.locator("#training-runs tbody tr")).to_have_count(1)
        page.locator("#training-stop").click()
        expect(page.locator("#training-progress .state")).to_contain_text(re.compile("Stop"))
        assert page.problems == []
