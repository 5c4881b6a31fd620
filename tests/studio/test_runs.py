"""Runs of the page: real children that learn from a few scenes, stopped, killed, found again; folders that are damaged;
forms that say what the command line says."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine.cli import parser
from engine.commands.shared import settings_of
from engine.config import FineTuneConfig, ScenesConfig
from engine.errors import ConfigError
from engine.predictor import Predictor
from engine.training import checkpoint
from engine.training.finetune import own_example
from engine.training.watching import Probe
from engine.weights.adapters import base_digests, load_adapter
from engine.weights.shipped import load_model
from studio import forms, jobs
from studio.errors import RequestError
from studio.flags import read_flags
from studio.service import Service
from studio.tabs import training_view
from studio.tabs.training_form import MAIN, MORE, START, order_of
from studio.tabs.training_form import SCENES as SCENES_SOURCE
from studio.teaching.before import Before
from studio.teaching.jobs import Jobs, Limits
from studio.teaching.orders import ROOT, Order, Places
from studio.teaching.runs import Record, read_run
from studio.views.clues import percent
from studio.views.progress import curves, progress
from tests.tiny import CONFIG, write_tiny

PATIENCE = 500.0  # seconds for a child on a busy machine
QUICK = FineTuneConfig(steps=4, batch_size=4, rank=2, held_out=0.25, evaluate_every=2, log_every=1, extra_regions=0)
SCENES = ScenesConfig(scenes=8)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return Places(folder / "runs", write_tiny(folder / "weights"))


def wait(jobs_, id, until):
    """The run once `until` holds; every look also works on the queue."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        jobs_.tick()
        run = jobs_.run(id)
        if until(run):
            return run
        time.sleep(0.2)
    raise AssertionError(f"{run.state} at step {run.log.step}: {run.problem} {(run.folder / 'output.txt').read_text()}")


def steps_after_start(run, number):
    """The steps that the child told of that was the `number`-th to start, from 0."""
    starts = (run.folder / "log.jsonl").read_text().split('"what": "start"')[1:]
    lines = starts[number].splitlines()[1:] if number < len(starts) else []
    return [json.loads(line)["step"] for line in lines if '"losses"' in line and line.endswith("}")]


def test_a_run_outlives_its_studio_stops_within_a_step_goes_on_and_survives_a_kill(places):
    # A studio that starts an endless run and ends at once.
    endless = Order(replace(QUICK, steps=1_000_000, evaluate_every=1000), SCENES)
    source = ("import sys; from pathlib import Path; from studio.teaching.jobs import Jobs; "
              "from studio.teaching.orders import Order, Places; import json; "
              "print(Jobs(Places(Path(sys.argv[1]), Path(sys.argv[2])), nice=0)"
              ".submit(Order.from_json(json.loads(sys.argv[3])), 'endless'))")
    started = subprocess.run([sys.executable, "-c", source, str(places.runs), str(places.weights),
                              json.dumps(endless.to_json())], cwd=ROOT, capture_output=True, text=True, check=True)
    first = started.stdout.strip()
    studio = Jobs(places, nice=0)
    run = wait(studio, first, lambda r: r.log.step >= 3)
    assert (run.state, run.name) == ("running", "endless")
    assert os.getsid(run.record.pid) != os.getsid(0)
    with pytest.raises(RequestError, match="Stop it first"):
        studio.delete(first)

    # One at a time: the next one waits, and begins when the first has stopped.
    second = studio.submit(Order(QUICK, SCENES), "  quick ")
    studio.tick()
    assert studio.run(second).state == "waiting"
    studio.stop(first)
    stopped = wait(studio, first, lambda r: r.state not in ("running", "stopping"))
    assert stopped.state == "stopped"
    saved = checkpoint.load(stopped.folder / "state.pt")["step"]
    assert saved == stopped.log.step
    finished = wait(studio, second, lambda r: r.state not in ("waiting", "running"))
    assert (finished.state, finished.log.step, finished.log.steps) == ("finished", 4, 4)
    assert [m.step for m in finished.log.measured] == [0, 2, 4]
    assert "features" not in (finished.folder / "log.jsonl").read_text()  # the first run's are there
    studio.tick()
    assert not (finished.folder / "state.pt").exists()
    (taught,) = studio.finished_adapters()
    assert (taught.run, taught.name, taught.task) == (second, "quick", "grounding")
    load_adapter(taught.path, load_model(places.weights)[1], base_digests(places.weights), CONFIG)

    # It goes on where it stopped, is killed, and goes on again from its last checkpoint.
    for number in (1, 2):
        studio.resume(first)
        run = wait(studio, first, lambda r, number=number: len(steps_after_start(r, number)) >= 2)
        assert steps_after_start(run, number)[0] == saved + 1
        assert [p.step for p in run.log.points] == list(range(1, run.log.step + 1))
        os.kill(run.record.pid, signal.SIGKILL)
        broken = wait(studio, first, lambda r: r.state != "running")
        assert broken.state == "broken off" and "Resume" in broken.problem
    with pytest.raises(RequestError, match=r"quick.*finished"):
        studio.resume(second)
    studio.delete(first)
    assert [r.id for r in studio.runs()] == [second]


def test_the_first_point_comes_from_the_studio_until_the_run_measures_itself(places, tmp_path):
    service = Service(lambda: Predictor.load(places.weights))
    service.start()
    while service.status.state == "loading":
        time.sleep(0.01)
    studio = Jobs(Places(tmp_path, places.weights), python="true", nice=0)  # a process that ends at once
    id = studio.submit(Order(QUICK, SCENES))
    run = studio.run(id)
    Before(service, studio.places).measure(run.record.order, run.folder)
    log = studio.run(id).log
    (first,) = log.measured
    assert first.step == 0 and 0 <= first.accuracy <= 1 and 0 < log.chance < 1 and log.before >= 12
    assert f"{percent(first.accuracy)[:-2]} % at step 0" in curves([studio.run(id)]).replace("\u00a0", " ")
    with (run.folder / "log.jsonl").open("a") as out:
        out.write('{"event": "evaluated", "step": 0, "accuracy": 0.123, "kinds": {}}\n'
                  '{"event": "before", "accuracy": 0.9, "chance": 0.9, "n": 3, "kinds": {}}\n')
    log = studio.run(id).log
    assert [m.accuracy for m in log.measured] == [0.123] and log.before == 0
    gone = tmp_path / "gone"
    Before(service, studio.places).measure(run.record.order, gone)
    assert not gone.exists()


def test_a_run_that_cannot_learn_says_why(places):
    studio = Jobs(Places(places.runs.parent / "failing", places.weights), Limits(steps=3), nice=0)
    id = studio.submit(Order(QUICK, SCENES), None)
    assert studio.run(id).name == "grounding, 8 scenes"
    run = wait(studio, id, lambda r: r.state not in ("waiting", "running"))
    assert run.state == "failed" and "would take 4 steps" in run.problem and "at most 3" in run.problem
    assert "--most-steps 3" in run.command(studio.places)


def test_a_run_that_goes_on_tells_of_its_steps_at_once_and_not_of_the_time_before(tmp_path):
    start = '{"event": "preparing", "what": "start", "done": 0, "count": 1}\n'
    begun = '{"event": "begun", "examples": 96, "held_out": 8, "steps": 40, "batch": 32, "chance": 0.2, "step": 0}\n'

    def told(step, elapsed, left):
        return json.dumps({"step": step, "steps": 40, "losses": {"sum": 1.0}, "elapsed": elapsed, "left": left}) + "\n"

    folder = tmp_path / "log"
    folder.mkdir()
    Record("r", Order(QUICK, SCENES), 1.0, 1.0, os.getpid(), psutil.Process().create_time()).write(folder)
    lines = start + begun + '{"event": "evaluated", "step": 0, "accuracy": 0.2, "kinds": {}}\n'
    lines += told(5, 1.0, 9.0) + told(10, 2.0, 6.0) + '{"event": "stopped"}\n' + start
    (folder / "log.jsonl").write_text(lines)
    assert "Starting Python" in progress(read_run(folder))
    (folder / "log.jsonl").write_text(lines + begun + told(15, 5.0, 65.0))
    first = progress(read_run(folder))
    assert "Learning" in first and 'value="0.3750"' in first and "1:05 min" in first and read_run(folder).log.speed == 0
    (folder / "log.jsonl").write_text(lines + begun + told(15, 5.0, 65.0) + told(20, 15.0, 40.0))
    assert read_run(folder).log.speed == 16.0  # 5 steps of 32 in 10 seconds


def test_a_second_click_on_stop_kills_nothing_unless_the_page_said_at_once(places, tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(psutil.Process, "send_signal", lambda process, number: sent.append(number))
    studio = Jobs(Places(tmp_path, places.weights))
    folder = tmp_path / "20260101-120000-abcd"
    folder.mkdir()
    Record("r", Order(QUICK, SCENES), 1.0, 1.0, os.getpid(), psutil.Process().create_time()).write(folder)
    studio.stop(folder.name)
    studio.stop(folder.name)  # from another tab, which shows it running still
    studio.stop(folder.name, at_once=True)  # the button said so, but only since the click before
    assert sent == [signal.SIGTERM] and studio.run(folder.name).state == "stopping"
    monkeypatch.setattr("studio.teaching.jobs.DOUBLE_CLICK", 0.0)
    studio.stop(folder.name)
    studio.stop(folder.name, at_once=True)
    assert sent == [signal.SIGTERM, signal.SIGKILL]


def test_a_process_that_got_the_same_number_since_is_not_the_run(places, tmp_path):
    record = Record("old", Order(QUICK, SCENES), 1.0, 1.0, pid=os.getpid(), born=1000.0)
    record.write(tmp_path)
    assert record.process() is None and read_run(tmp_path).state == "broken off"


@pytest.mark.parametrize("record", [
    None, "", "{", "[]", "null", '{"name": "x"}', "\0\0\0", "[" * 100_000,
    '{"name": "x", "order": {"settings": {"task": "rm -rf"}, "scenes": {}, "own": "", "probe": ""}, "made": 1, '
    '"asked": 1, "pid": 0, "born": 0}',
    '{"name": "x", "order": {"settings": {}, "scenes": {}, "own": "../../etc", "probe": ""}, "made": 1, "asked": 1, '
    '"pid": 0, "born": 0}'])
def test_a_damaged_run_is_listed_as_damaged_and_harms_nothing(tmp_path, record):
    studio = Jobs(Places(tmp_path, tmp_path))
    folder = tmp_path / "20260101-120000-abcd"
    folder.mkdir()
    if record is not None:
        (folder / "run.json").write_text(record)
    other = tmp_path / "20260101-120001-abcd"
    other.mkdir()
    Record("whole", Order(QUICK, SCENES), 1.0, 0.0).write(other)
    (other / "log.jsonl").write_bytes(b'{"event": "evaluated"}\n\xff\xfe\n[1]\n{"step": "x", "losses": 3}\n')
    (tmp_path / "elsewhere").mkdir()
    studio.tick()
    assert [(r.id, r.state) for r in studio.runs()] == [(other.name, "stopped"), (folder.name, "damaged")]
    with pytest.raises(RequestError):
        studio.rename(folder.name, "better")
    for name in ("../elsewhere", "elsewhere", "..", ""):
        with pytest.raises(RequestError, match="no such run"):
            studio.delete(name)
    studio.delete(folder.name)
    assert (tmp_path / "elsewhere").is_dir() and not folder.exists()


def test_a_finished_run_without_its_adapter_is_damaged(tmp_path):
    Record("gone", Order(QUICK, SCENES), 1.0, 1.0, pid=2**22 + 1, born=1.0).write(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"event": "finished", "file": "../../../etc/passwd"}\n')
    run = read_run(tmp_path)
    assert run.state == "damaged" and "passwd is missing" in run.problem and run.adapter is None


def test_the_disk_limit_refuses_a_run_and_stops_one(tmp_path, places):
    studio = Jobs(Places(tmp_path, places.weights), Limits(megabytes=1))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "large").write_bytes(bytes(3 * 2**20))
    with pytest.raises(RequestError, match="take 3 MB; at most 1"):
        studio.submit(Order(QUICK, SCENES))
    assert studio.runs() == []


def test_where_space_is_short_what_no_run_needs_makes_room(tmp_path, places):
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    studio = Jobs(Places(runs, places.weights), Limits(megabytes=3))
    for folder in (elsewhere, *(runs / "own" / name for name in ("vqa-named", "vqa-spare", "vqa-new", "arriving-1")),
                   runs / "cache/scenes-8-0"):
        folder.mkdir(parents=True)
        (folder / "photo.jpg").write_bytes(b"x")
    (runs / "own/vqa-link").symlink_to(elsewhere)
    order = Order(replace(QUICK, task="vqa"), ScenesConfig(), own="vqa-named")
    going = Record("r", order, 1.0, 1.0, os.getpid(), psutil.Process().create_time())
    (runs / "20260101-120000-abcd").mkdir()
    going.write(runs / "20260101-120000-abcd")

    def left():
        return sorted(f.name for place in ("own", "cache") for f in (runs / place).iterdir())

    before = left()
    studio.check_disk()
    assert left() == before  # there is space
    (runs / "cache/scenes-8-0/large").write_bytes(bytes(4 * 2**20))
    with pytest.raises(RequestError, match="take 4 MB; at most 3"):
        studio.check_disk("vqa-new")
    assert left() == ["arriving-1", "scenes-8-0", "vqa-link", "vqa-named", "vqa-new"]
    replace(going, asked=0.0, pid=0).write(runs / "20260101-120000-abcd")
    studio.check_disk("vqa-new")
    assert left() == ["arriving-1", "vqa-link", "vqa-named", "vqa-new"] and list(elsewhere.iterdir())
    with pytest.raises(RequestError, match="Hand them over again"):
        studio.submit(replace(order, own="vqa-spare"))


def test_a_finished_run_is_offered_once_however_often_it_is_looked_at(tmp_path, places, monkeypatch):
    monkeypatch.setattr(training_view, "_outbox", lambda: str(tmp_path / "outbox"))
    studio, folder = Jobs(Places(tmp_path / "runs", places.weights)), tmp_path / "runs" / "20260101-120000-abcd"
    folder.mkdir()
    Record("r", Order(QUICK, SCENES), 1.0, 1.0, pid=2**22 + 1, born=1.0).write(folder)
    (folder / "log.jsonl").write_text('{"event": "finished", "file": "a.safetensors"}\n')

    def offered():
        for _ in range(3):
            training_view.look(studio, None, None, None, None, None)
        (found,) = (tmp_path / "outbox").rglob("*.safetensors")
        return found.read_text()

    (folder / "a.safetensors").write_text("one")
    assert offered() == "one"
    (folder / "b").write_text("other")
    os.replace(folder / "b", folder / "a.safetensors")
    os.utime(folder / "a.safetensors", ns=(1, 1))
    assert offered() == "other"
    training_view.withdraw(folder.name)
    assert not list((tmp_path / "outbox").rglob("*.*"))


def test_a_run_that_crosses_the_disk_limit_is_stopped_kept_and_told_and_goes_on_when_there_is_space(tmp_path, places):
    studio = Jobs(Places(tmp_path, places.weights), Limits(megabytes=200), nice=0)
    id = studio.submit(Order(replace(QUICK, steps=1_000_000, evaluate_every=1000), SCENES), "endless")
    wait(studio, id, lambda r: r.log.step >= 3)
    large = tmp_path / "cache" / "large"
    with large.open("wb") as file:
        file.truncate(300 * 2**20)  # takes no room, but counts
    run = wait(studio, id, lambda r: r.state not in ("running", "stopping"))
    assert run.state == "stopped" and checkpoint.load(run.folder / "state.pt")["step"] == run.log.step >= 3
    assert re.search(r"The studio stopped it: the runs take 3\d\d MB, and at most 200 MB are allowed here\. "
                     r"What it has learned is kept\. Delete another run, then press Resume\.", run.problem)
    assert run.problem in progress(run)
    with pytest.raises(RequestError, match="at most 200 are allowed"):
        studio.resume(id)
    large.unlink()
    studio.resume(id)
    going = wait(studio, id, lambda r: r.state == "running" and r.log.step > run.log.step)
    assert going.problem == ""
    studio.stop(id)
    assert wait(studio, id, lambda r: r.state == "stopped").problem == ""


def test_a_form_gives_back_the_settings_it_shows_and_the_command_says_the_same(tmp_path):
    settings = FineTuneConfig(task="vqa", tune="full", epochs=2.123456789, rate=3e-4, held_out=0.1, evaluate_every=5,
                              mirror=True)
    order = Order(settings, ScenesConfig(scenes=40, scenes_seed=3), probe="--what's that; rm -rf $HOME ?")
    shown = {f.name: forms.widget(f, getattr(order.settings, f.name)).value for f in dataclasses.fields(FineTuneConfig)}
    assert forms.read(FineTuneConfig, shown) == order.settings
    arguments = order.arguments(Places(tmp_path, tmp_path), tmp_path / "run")
    assert arguments[:2] == ["-m", "engine"]
    options = parser().parse_args(arguments[2:])
    assert settings_of(options, FineTuneConfig) == order.settings and settings_of(options, ScenesConfig) == order.scenes
    assert options.probe_text == order.probe and options.probe_photo == tmp_path / "run" / "probe.jpg"
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_every_field_has_a_widget_that_explains_it():
    for f in dataclasses.fields(FineTuneConfig):
        made = forms.widget(f)
        assert f.metadata["help"] in made.info and made.value == f.default


@pytest.mark.parametrize(("values", "what"), [
    ({"epochs": None}, "epochs must be a number; it is null"), ({"batch_size": 1.5}, "whole number"),
    ({"held_out": 0.9}, "between 0 and 0.5"), ({"task": "cook"}, "choose one of vqa"),
    ({"evaluate_every": 5}, "nothing is held out")])
def test_a_form_that_makes_no_settings_says_what_is_wrong(values, what):
    with pytest.raises(ConfigError, match=what):
        forms.read(FineTuneConfig, values)


def test_choosing_among_four_refuses_an_example_of_ones_own_before_anything_is_computed():
    settings = [forms.widget(f, (START | {"task": "vcr"}).get(f.name)).value
                for f in forms.fields_of(FineTuneConfig, MAIN + MORE)]
    assert order_of(SCENES_SOURCE, "", None, "", 8, 1, *settings).settings.task == "vcr"
    said, probe = [], Probe(Path("a.jpg"), "a dog")
    for refuses in (lambda: order_of(SCENES_SOURCE, "", "a.jpg", "a dog", 8, 1, *settings),
                    lambda: own_example(FineTuneConfig(task="vcr"), None, None, None, probe, None)):
        with pytest.raises(ConfigError) as refused:
            refuses()
        said.append(str(refused.value))
    assert said[0] == said[1]


def test_the_registry_knows_the_runs_of_this_studio_and_none_where_training_is_off(tmp_path):
    opened = jobs.open_jobs(read_flags(["--runs", str(tmp_path), "--most-steps", "9", "--most-disk", "50"]))
    assert opened.limits == Limits(9, 50) and opened.places.runs == Path(tmp_path) and jobs.finished_adapters() == []
    assert jobs.open_jobs(read_flags(["--no-training"])) is None and jobs.finished_adapters() == []
