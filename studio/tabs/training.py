"""The tab that teaches: a form, the run that goes on, an example to watch, and all runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from engine.errors import VLBertError
from engine.structures.photo import Photo
from studio.errors import without_folders
from studio.tabs.training_form import NEXT, build_form, order_of
from studio.tabs.training_view import AT_ONCE, Seen, Shown, look, withdraw
from studio.teaching.before import Before
from studio.teaching.jobs import Jobs
from studio.teaching.runs import Run
from studio.views.invitation import INVITATION
from studio.views.notices import notice

STYLE = Path(__file__).parent / "training.css"
SECONDS = 1.0  # between two looks while something is going on
LEAD = """# Teach the model something

Press **Start** with nothing changed: the model learns which thing in a drawn scene the words mean. It begins with
guessing. Every measurement is on pictures that it does not learn from, and the examples below change with it."""
SHOW = "() => document.querySelector('#training-run')?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_training(jobs: Jobs, before: Before, page: gr.Blocks, tab: gr.Tab) -> None:
    """Fills `tab`; what it shows is fetched when the page or the tab is opened, and each second while a run goes on."""
    with gr.Column(elem_id="training"):
        gr.Markdown(LEAD)
        said = gr.HTML(elem_id="training-notice")
        with gr.Row(elem_classes="desk", equal_height=False):
            with gr.Column(scale=4, min_width=320):
                form = build_form(jobs)
            with gr.Column(scale=6, min_width=320):
                shown, manage = _build_right()
    follow = [shown.run, shown.compare, shown.example, shown.moment, shown.seen]

    def see(*chosen: Any) -> list[Any]:
        return look(jobs, *chosen)

    for event in (page.load, tab.select):
        event(lambda run, compare, example, moment, _: look(jobs, run, compare, example, moment, None), follow,
              shown.all, **QUIET)
    shown.timer.tick(see, follow, shown.all, **QUIET)
    for chosen in (shown.run.input, shown.compare.input, shown.example.input, shown.moment.input):
        chosen(see, follow, shown.all, trigger_mode="always_last", **QUIET)
    page.load(told(jobs), form.inputs, form.command, **QUIET)
    changes = [c.change for c in form.inputs if not isinstance(c, gr.Image)]
    gr.on([*changes, form.probe_photo.upload, form.probe_photo.clear], told(jobs), form.inputs, form.command,
          trigger_mode="always_last", **QUIET)
    form.start.click(starter(jobs, before.begin), [form.name, *form.inputs], [said, shown.run],
                     api_visibility="private").then(see, follow, shown.all, **QUIET).then(
        None, js=SHOW, **QUIET)
    _wire(jobs, shown, manage, said, see, follow)


def starter(jobs: Jobs, begun: Callable[[Run], None] = lambda run: None) -> Callable[..., tuple[str, Any]]:
    """Puts what the form orders into the queue: a notice where that is refused, and the run to follow.

    begun: gets the run, which begins or waits.
    """

    def start(name: str | None, *values: Any) -> tuple[str, Any]:
        try:
            order = order_of(*values)
            probe = Photo.open(values[2]) if order.probe else None
            run = jobs.submit(order, name, (lambda path: _save(probe, path)) if probe else None)
            begun(jobs.run(run))
            return "", gr.Dropdown(choices=[(r.name, r.id) for r in jobs.runs()], value=run)
        except VLBertError as error:
            return notice(str(error)), gr.skip()

    return start


def told(jobs: Jobs) -> Callable[..., str]:
    """The command of what the form orders, or why it orders nothing."""

    def tell(*values: Any) -> str:
        try:
            return order_of(*values).command(jobs.places, jobs.places.runs / NEXT)
        except VLBertError as error:
            return f"# {without_folders(str(error))}"

    return tell


def asker(jobs: Jobs) -> Callable[[str | None], list[Any]]:
    """Asks whether the chosen run may go: its id, which is held while it is asked, and the three buttons."""

    def confirm_deletion(id: str | None) -> list[Any]:  # Gradio takes the name; `ask` is an endpoint of the API
        try:
            run = jobs.run(id or "")
        except VLBertError:  # somebody else has deleted it: the next look says so
            return [gr.skip()] * 4
        return [run.id, gr.Button(visible=False), gr.Button(f"Yes, delete “{run.name}” for good", visible=True),
                gr.Button(visible=True)]

    return confirm_deletion


def _build_right() -> tuple[Shown, dict[str, Any]]:
    """The run that is followed, above the list of all."""
    run = gr.Dropdown(label="Run", choices=[], visible=False, interactive=True, elem_id="training-run")
    progress = gr.HTML(INVITATION, elem_id="training-progress")
    with gr.Row():
        stop = gr.Button("Stop", visible=False, size="md", elem_id="training-stop")
        resume = gr.Button("Resume", visible=False, size="md", elem_id="training-resume")
        adapter = gr.DownloadButton("Download the adapter", visible=False, size="md")
        card = gr.DownloadButton("Download its card", visible=False, size="md")
    charts = gr.HTML(elem_id="training-charts")
    example = gr.Dropdown(label="Watch it learn: an example", choices=[], visible=False, interactive=True,
                          elem_id="training-example")
    moment = gr.Slider(0, 1, value=0, step=1, label="Go back in time: step", visible=False, interactive=True,
                       buttons=[], elem_id="training-moment")
    watched, history = gr.HTML(elem_id="training-watched"), gr.HTML()
    gr.Markdown("## All runs")
    table = gr.HTML(elem_id="training-runs")
    with gr.Group(visible=False) as group:
        compare = gr.Dropdown(label="Compare with", choices=[], multiselect=True, interactive=True)
        with gr.Row(elem_classes="manage"):
            new_name = gr.Textbox(label="New name of the chosen run", max_length=60, scale=3)
            rename = gr.Button("Rename", scale=1, size="md", min_width=110)
        with gr.Row(elem_classes="manage"):
            delete = gr.Button("Delete the chosen run", size="md", elem_id="training-delete")
            sure = gr.Button(variant="stop", size="md", visible=False, elem_id="training-sure")
            keep = gr.Button("Keep it", size="md", visible=False)
            doomed = gr.State("")
    timer, seen = gr.Timer(SECONDS, active=False), gr.State(Seen())
    return (Shown(run, compare, progress, charts, stop, resume, example, moment, watched, history, table, adapter, card,
                  group, timer, seen),
            {"name": new_name, "rename": rename, "delete": delete, "sure": sure, "keep": keep, "doomed": doomed})


def _wire(jobs: Jobs, shown: Shown, manage: dict[str, Any], said: gr.HTML, see: Callable[..., list[Any]],
          follow: list[Any]) -> None:
    """What the buttons beside a run do; each is followed by a look."""

    def done(work: Callable[..., object]) -> Callable[..., str]:
        def run(id: str | None, *values: Any) -> str:
            try:
                if id:
                    work(id, *values)
                return ""
            except VLBertError as error:
                return notice(str(error))

        return run

    def delete(id: str) -> None:
        jobs.delete(id)
        withdraw(id)

    asking = [manage["delete"], manage["sure"], manage["keep"]]
    manage["delete"].click(asker(jobs), shown.run, [manage["doomed"], *asking], **QUIET)
    for event in (manage["sure"].click, manage["keep"].click, shown.run.input):
        event(lambda: [gr.Button(visible=v) for v in (True, False, False)], outputs=asking, **QUIET)
    for button, work, asked in (
            (shown.stop, lambda id, label: jobs.stop(id, at_once=label == AT_ONCE), [shown.run, shown.stop]),
            (shown.resume, jobs.resume, [shown.run]), (manage["rename"], jobs.rename, [shown.run, manage["name"]]),
            (manage["sure"], delete, [manage["doomed"]])):
        button.click(done(work), asked, said, **QUIET).then(see, follow, shown.all, **QUIET)


def _save(photo: Photo, path: Path) -> None:
    Image.fromarray(photo.pixels).save(path, "JPEG", quality=92)
