import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from fake_predictor import FakeExplainer, FakePredictor

import app
from studio import page as page_module
from studio.explaining.explanations import Explanations
from studio.jobs import open_jobs
from studio.lane import MOST_WAITING, Lane
from studio.page import build_page
from studio.service import Service

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_built_before_pytorch_is_imported():
    code = ("import sys, app; from pathlib import Path; from studio.page import build_page; from studio.service import "
            "Service; build_page(Service(lambda: None), Path('none.md')); sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_studio_is_private_unless_asked_otherwise():
    flags = app.read_flags([])
    assert flags.share is False and flags.host is None
    assert flags.weights == ROOT / "assets" / "weights"


def test_an_unknown_flag_is_refused(capsys):
    with pytest.raises(SystemExit):
        app.read_flags(["--unheard-of"])
    assert "unrecognized arguments: --unheard-of" in capsys.readouterr().err


@pytest.fixture
def launched(monkeypatch):
    """launched(*flags): the page that `app.py` builds, and what it is launched with; nothing is served."""
    said = []
    monkeypatch.setattr(gr.Blocks, "launch", lambda page, **how: said.append((page, how)))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: None)

    def made(*flags):
        app.main(flags, load=FakePredictor.load, explain=FakeExplainer)
        return said[-1]

    return made


def test_what_anybody_uploads_leaves_the_disk_within_minutes(launched, tmp_path):
    private, _ = launched("--runs", str(tmp_path))
    assert 0 < private.delete_cache[0] <= private.delete_cache[1] == 24 * 3600  # a download is there for a day
    public, _ = launched("--public")
    assert sum(public.delete_cache) <= 600


def test_a_thread_is_left_for_stop_however_many_wait_in_every_lane(launched, monkeypatch):
    lanes, init = [], Lane.__init__
    monkeypatch.setattr(Lane, "__init__", lambda lane, name: (lanes.append(name), init(lane, name))[1])
    _, how = launched("--public")
    assert "quick" in lanes and how["max_threads"] >= MOST_WAITING * (len(lanes) + 1)


@pytest.mark.parametrize("training", [True, False])
def test_the_page_with_and_without_training_has_the_documented_endpoints(training, tmp_path):
    jobs = open_jobs(app.read_flags(["--runs", str(tmp_path / "runs")])) if training else None
    page = build_page(Service(FakePredictor), Path("none.md"), jobs)
    assert set(page.get_api_info()["named_endpoints"]) == {"/predict", "/explain", "/ask"}


def test_each_canvas_of_a_page_keeps_photos_of_its_own(photo):
    service = Service(FakePredictor)
    page = build_page(service, Path("none.md"))
    arrive = next(block.fn for block in page.fns.values() if block.fn and block.fn.__name__ == "arrive")
    hide, tasks = (canvas["visitor"] for canvas in arrive(SimpleNamespace(session_hash="here")))
    ticket = service.visitors.keep(hide, photo(1))
    for shade in range(2, 7):
        service.visitors.keep(tasks, photo(shade))
    assert service.visitors.photo(hide, ticket).pixels[0, 0, 0] == 1


def test_what_is_under_way_for_a_visitor_stops_when_the_page_is_closed(monkeypatch):
    made = []
    monkeypatch.setattr(page_module, "Explanations", lambda service: made.append(Explanations(service)) or made[0])
    page = build_page(Service(FakePredictor), Path("none.md"))
    functions = {block.fn.__name__: block.fn for block in page.fns.values() if block.fn}
    here, there = SimpleNamespace(session_hash="here"), SimpleNamespace(session_hash="there")
    one, two = (canvas["visitor"] for canvas in functions["arrive"](here))
    other = functions["arrive"](there)[0]["visitor"]
    works = made[0].works
    with works.begin(one, 1) as work, works.begin(two, 1) as second, works.begin(other, 1) as others:
        functions["leave"](here)
        assert work.is_stopped() and second.is_stopped() and not others.is_stopped()
