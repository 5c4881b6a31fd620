"""The tab in which a fine-tuned model answers, chooses and points."""

from __future__ import annotations

import gradio as gr

from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.task_desk import TaskDesk
from studio.tasks_canvas.component import build_task_canvas


def build_tasks(service: Service, explain: Explanations, desk: TaskDesk) -> gr.HTML:
    """Its value is to be {"visitor": the visitor's secret name}. desk: answers with the adapters it offers."""
    return build_task_canvas(service, explain, desk, elem_id="tasks")
