"""The first point of a curve at once: what is right before anything is learned.

The studio's own model measures it, since a run's process first has to import, draw and look, which takes half a minute.
The run measures again on all its held-out pictures, and its word replaces this one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config import ScenesConfig
from engine.errors import VLBertError
from engine.training.events import Events
from engine.training.materials import drawn
from studio.service import Service
from studio.teaching.orders import Order, Places
from studio.teaching.runs import LOG, Run

PICTURES = 12
APART = 1_000_003  # between the seeds of a run's scenes and of those that are measured here
_log = logging.getLogger(__name__)


class Before:
    """Writes into the log of a run that has just begun."""

    def __init__(self, service: Service, places: Places) -> None:
        self._service, self._places = service, places

    def begin(self, run: Run) -> None:
        """In a thread of its own; nothing for a run that waits, or where the model is not there yet."""
        if run.record and run.state == "running" and self._service.status.state == "ready":
            threading.Thread(target=self.measure, args=(run.record.order, run.folder), name="before",
                             daemon=True).start()

    def measure(self, order: Order, folder: Path) -> None:
        """Never raises: a run without this point only begins later to be seen."""
        try:
            found = self._look(order)
            if found and (folder / LOG).parent.is_dir():
                Events(folder / LOG).say("before", **found)
        except (VLBertError, OSError):
            _log.exception("What is right before training could not be measured.")

    def _look(self, order: Order) -> Mapping[str, Any] | None:
        predictor = self._service.predictor
        if getattr(predictor, "folder", None) is None:
            return None
        from engine.training.first_look import first_look  # imports PyTorch: the page is served before

        scenes = ScenesConfig(scenes=PICTURES, scenes_seed=order.scenes.scenes_seed + APART)
        data = self._places.own / order.own if order.own else drawn(scenes, self._places.cache, lambda *_: None)
        found = first_look(predictor, order.settings, data, "train", most=PICTURES, apart=not order.own,
                           turn=self._service.in_turn)
        return {"accuracy": round(found.accuracy, 4), "chance": round(found.chance, 4), "n": found.n,
                "kinds": {k: round(v, 4) for k, v in found.kinds.items()}}
