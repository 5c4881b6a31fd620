"""The page: a table of contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr

from studio.api import build_api
from studio.canvas.canvas import build_canvas
from studio.explaining.checkpoints import Checkpoints
from studio.explaining.explanations import Explanations
from studio.inputs import explain_inputs
from studio.jobs import finished_adapters
from studio.lessons.lessons import build_lessons
from studio.service import Service
from studio.tabs import training
from studio.tabs.tasks import build_tasks
from studio.task_desk import TaskDesk
from studio.teaching.before import Before
from studio.teaching.jobs import Jobs

TITLE = "VL-BERT Studio"
MOST_VISITS = 10_000
CANVASES = 2
# Seconds between two looks at the files that Gradio has taken in or offers for download, and how long each stays.
KEPT, KEPT_PUBLIC = (3600, 24 * 3600), (60, 300)
STYLES = [Path(__file__).parent / "page.css", training.STYLE]


def look() -> gr.themes.Base:
    """System fonts only: the page loads nothing from another host. Buttons as in the canvas."""
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    ink, paper = "#1d1f21", "#eceef0"
    return theme.set(
        button_primary_background_fill=ink, button_primary_background_fill_hover="#3c4248",
        button_primary_text_color="#ffffff", button_primary_background_fill_dark=paper,
        button_primary_background_fill_hover_dark="#ffffff", button_primary_text_color_dark=ink)


def build_page(service: Service, card: Path, jobs: Jobs | None = None,
               folders: Callable[[], Sequence[Path]] = tuple, public: bool = False) -> gr.Blocks:
    """One tab for each thing to do, and below them the model card `card`, a Markdown file.

    jobs: the runs of fine-tuning; None offers none. folders: of weights to compare with. public: what anybody can
    upload leaves the disk after minutes, else after a day.
    """
    visits: dict[str, list[str]] = {}
    explain = Explanations(service)
    desk = TaskDesk(service, finished_adapters)
    checkpoints = Checkpoints(service, explain.works, folders, finished_adapters)

    def arrive(request: gr.Request) -> list[dict[str, str]]:
        # Each canvas is a visitor of its own, so that neither drives the other's photos out.
        visits[request.session_hash or ""] = visitors = [service.visitors.admit() for _ in range(CANVASES)]
        while len(visits) > MOST_VISITS:
            del visits[next(iter(visits))]
        return [{"visitor": visitor} for visitor in visitors]

    def leave(request: gr.Request) -> None:
        for visitor in visits.pop(request.session_hash or "", []):
            explain.works.stop_all(visitor)
            service.leave(visitor)

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True,
                   delete_cache=KEPT_PUBLIC if public else KEPT) as page:
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Hide and see", id="hide"):
                build_lessons(elem_id="lessons")
                canvas = build_canvas(service, explain, _read_card(card), checkpoints, elem_id="canvas")
            with gr.Tab("Ask, choose, point", id="tasks"):
                tasks = build_tasks(service, explain, desk)
            if jobs:
                with gr.Tab("Teach", id="teach") as tab:
                    training.build_training(jobs, Before(service, jobs.places), page, tab)
        with gr.Accordion("Model card", open=False, elem_id="model-card") as drawer:
            gr.Markdown(_read_card(card))
        build_api(service, explain, desk)
        page.load(arrive, outputs=[canvas, tasks], queue=False, show_progress="hidden", api_visibility="private")
        page.unload(leave)
        canvas.card(lambda: gr.Accordion(open=True), outputs=drawer, queue=False, show_progress="hidden",
                    api_visibility="private")
    explain_inputs(page)
    return page


def _read_card(card: Path) -> str:
    if not card.is_file():
        return f"There is no model card: {card.name} is missing beside the weights."
    return card.read_text(encoding="utf-8")
