"""The tab in which a fine-tuned model answers, chooses and points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr

from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk, TrainedAdapter
from studio.tasks_canvas.component import build_task_canvas


def build_tasks(service: Service, explain: Explanations,
                trained: Callable[[], Sequence[TrainedAdapter]] = tuple) -> gr.HTML:
    """Its value is to be {"visitor": the visitor's secret name}. trained: adapters of finished runs."""
    return build_task_canvas(service, explain, TaskDesk(service, trained), elem_id="tasks")
