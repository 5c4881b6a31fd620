"""The form of a run: its widgets come from the settings' own fields, and back they become an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine.boxes_config import BoxesConfig
from engine.config import FineTuneConfig, ScenesConfig
from engine.data.sequences import expression, open_question
from engine.data.tokenizer import WordPieces
from engine.errors import ConfigError, DataError, VLBertError
from engine.structures.photo import Photo
from studio import forms
from studio.tabs.uploads import Upload, keep_names
from studio.teaching.jobs import Jobs
from studio.teaching.orders import Order
from studio.teaching.own_photos import SHOWN, take
from studio.views.notices import notice
from studio.views.own_photos import report
from studio.views.photo import data_url

SCENES, OWN = "drawn scenes", "my own photos"
MAIN = ("task", "tune", "epochs", "rate", "seed")
MORE = ("steps", "batch_size", "rank", "extra_regions", "views", "mirror", "held_out", "evaluate_every", "log_every",
        "limit", "accumulate", "evidence", "words", "ranking")
START: dict[str, Any] = {"task": "grounding", "tune": "full", "epochs": 12.0, "rate": 4e-4, "batch_size": 32,
                         "extra_regions": 0, "held_out": 0.12, "evaluate_every": 20, "log_every": 5}
NAMES = {"vqa": "answer a question", "vcr": "choose one of four", "grounding": "point at what words mean"}
SCENES_AT_FIRST = 600
BOXES = ("boxes_format", "boxes_unit")
BOX_NAMES = {"auto": "by the table", "xyxy": "x1, y1, x2, y2", "xywh": "x, y, width, height"}
NEXT = "next"  # stands for the folder that a run will get
OWN_REGIONS = 12
HOW = """**grounding:** a table with the columns `photo, phrase, x1, y1, x2, y2` (pixels, or fractions of the photo).
**vqa:** `photo, question, answer`. As .csv, or as .jsonl with a `box` of four numbers. Hand over a zip, a folder, or
the files themselves."""


@dataclass(frozen=True)
class Form:
    """source: SCENES or OWN. settings: the widgets of MAIN and MORE, in that order. own: the name of checked photos."""

    source: gr.Radio
    scenes: list[gr.components.Component]
    settings: list[gr.components.Component]
    own: gr.State
    probe_photo: gr.Image
    probe_text: gr.Textbox
    name: gr.Textbox
    command: gr.Textbox
    start: gr.Button

    @property
    def inputs(self) -> list[Any]:
        """For handlers that call `order_of` with what comes."""
        return [self.source, self.own, self.probe_photo, self.probe_text, *self.scenes, *self.settings]


def order_of(source: str, own: str, probe_photo: str | None, probe_text: str, *values: Any) -> Order:
    """The order that the form makes now. Raises ConfigError."""
    drawn = forms.read(ScenesConfig, dict(zip(("scenes", "scenes_seed"), values[:2], strict=True)))
    settings = forms.read(FineTuneConfig, dict(zip(MAIN + MORE, values[2:], strict=True)))
    words = " ".join((probe_text or "").split())
    if bool(words) != bool(probe_photo):
        raise ConfigError("An example of your own is a photo and words about it. Give both, or neither.")
    if words and settings.task == "vcr":  # as the run would say, only minutes later
        raise ConfigError("Choosing among four has no example of one's own: it would need four answers. Leave it out.")
    if source == SCENES:
        return Order(settings, drawn, probe=words)
    if not own:
        raise ConfigError("There are no photos of yours yet. Hand them over first, or take drawn scenes.")
    if not own.startswith(settings.task):
        raise ConfigError(f"Your photos were not checked for {settings.task}. Hand them over again.")
    return Order(settings, ScenesConfig(), own=own, probe=words)


def build_form(jobs: Jobs) -> Form:
    """The widgets in the order of their importance, the button between them, and what they do to each other."""
    fields = dict(zip(MAIN + MORE, forms.fields_of(FineTuneConfig, MAIN + MORE), strict=True))
    drawn = forms.fields_of(ScenesConfig, ("scenes", "scenes_seed"))
    made = {"task": forms.widget(fields["task"], START["task"], NAMES)}
    source = gr.Radio([SCENES, OWN], value=SCENES, label="Data", info="what it learns from")
    with gr.Group(visible=True) as of_scenes:
        scenes = [forms.widget(drawn[0], SCENES_AT_FIRST)]
    with gr.Group(visible=False) as of_own:
        own, files, folder, said, boxes = _build_own()
        handed = gr.State([])  # what came last, for another task or other boxes
    made["tune"] = forms.widget(fields["tune"], START["tune"])
    with gr.Row(elem_classes="numbers"):
        made |= {name: forms.widget(fields[name], START.get(name), min_width=96) for name in MAIN[2:]}
    start = gr.Button("Start", variant="primary", elem_id="training-start")
    command = gr.Textbox(label="The same as a command", lines=3, interactive=False, buttons=["copy"],
                         elem_id="training-command")
    with gr.Accordion("More settings", open=False):
        name = gr.Textbox(label="Name", max_length=60, placeholder="how the run is called in the list")
        made |= {name: forms.widget(fields[name], START.get(name)) for name in MORE}
        scenes.append(forms.widget(drawn[1]))
    with gr.Accordion("Watch an example of your own", open=False):
        probe_photo = gr.Image(label="Photo", type="filepath", sources=["upload", "clipboard"], height=200,
                               elem_id="training-own-photo")
        # Gradio would open the file with every decoder that Pillow has. `Photo.open` decides what is read.
        probe_photo.preprocess = lambda sent: sent.path if sent else None  # type: ignore[method-assign,assignment]
        probe_text = gr.Textbox(label="Phrase or question", max_length=200)
    source.change(lambda chosen: (gr.Group(visible=chosen == SCENES), gr.Group(visible=chosen == OWN),
                                  0 if chosen == SCENES else OWN_REGIONS),
                  source, [of_scenes, of_own, made["extra_regions"]], queue=False, show_progress="hidden",
                  api_visibility="private")
    check, task = checker(jobs), made["task"]
    assert isinstance(task, gr.Radio)
    for came in (files, folder):
        came.upload(lambda sent, *chosen: (sent or [], *check(sent, *chosen)), [came, task, *boxes],
                    [handed, own, said], api_visibility="private")
    files.clear(list, outputs=handed, api_visibility="private")
    gr.on([task.change, *(choice.change for choice in boxes)], check, [handed, task, *boxes], [own, said],
          api_visibility="private")
    return Form(source, scenes, [made[name] for name in MAIN + MORE], own, probe_photo, probe_text, name, command,
                start)


def checker(jobs: Jobs) -> Callable[..., tuple[str, str]]:
    """Takes handed-over files for a task: the name under which they are kept, and a report."""

    def check(files: Sequence[Upload] | None, task: str, *boxes: str) -> tuple[str, str]:
        if not files:
            return "", ""
        try:
            paths, names = [Path(path) for path, _ in files], [name for _, name in files]
            if not all(path.is_file() for path in paths):
                raise DataError("What you handed over is no longer kept. Hand it over again.")
            jobs.check_disk()
            pieces = WordPieces(jobs.places.weights / "vocab.txt")
            fits = partial(open_question if task == "vqa" else expression, pieces)
            stated = forms.read(BoxesConfig, dict(zip(BOXES, boxes, strict=True) if task == "grounding" else ()))
            taken = take(paths, task, jobs.places.own, fits, names=names, boxes=stated)
            return taken.name, report(taken, [data_url(Photo.open(e.photo), 320) for e in taken.entries[:SHOWN]])
        except VLBertError as error:
            return "", notice(str(error))

    return check


def _build_own() -> tuple[gr.State, gr.File, gr.UploadButton, gr.HTML, list[gr.Radio]]:
    """The last are the widgets of `BOXES`."""
    own = gr.State("")
    gr.Markdown(HOW)
    files = gr.File(label="Zip, or photos and a table", file_count="multiple", height=140)
    folder = gr.UploadButton("Choose a folder", file_count="directory", size="sm")
    keep_names(files)
    keep_names(folder)
    said = gr.HTML(elem_id="own-report")
    with gr.Accordion("How the boxes are written", open=False):
        boxes = [forms.widget(field, names=BOX_NAMES) for field in forms.fields_of(BoxesConfig, BOXES)]
    return own, files, folder, said, [choice for choice in boxes if isinstance(choice, gr.Radio)]
