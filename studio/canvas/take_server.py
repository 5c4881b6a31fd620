"""What the page takes away: files in base64, and BertViz as a page of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, cast

from studio.canvas.why_server import asked, subject, text
from studio.errors import RequestError
from studio.explaining.bertviz import VIEWS, View, note, page
from studio.explaining.explanations import Explanations
from studio.explaining.taking import Taking
from studio.service import Service
from studio.views.attention import names

Reply = dict[str, Any]


def take_functions(service: Service, explain: Explanations, card: str) -> list[Callable[[Any], Reply]]:
    """why_take and why_bertviz. card: the model card, as Markdown."""
    taking = Taking(service, explain, card)

    def why_take(sent: Any) -> Reply:
        made = taking.file(text(sent, "what"), subject(sent), asked(sent), text(sent, "method"))
        return {"name": made.name, "type": made.type, "base64": True,
                "content": base64.b64encode(made.content).decode("ascii")}

    def why_bertviz(sent: Any) -> Reply:
        view, asks = text(sent, "view"), subject(sent)
        if view not in VIEWS:
            raise RequestError(f"BertViz has a “head” and a “model” view here, not {view!r}. Reload the page.")
        found = explain.pyramid(asks)
        labels = service.see(asks.visitor, asks.session).labels
        hidden = {("word", i) for i in asks.session.hidden_words} | {("region", i) for i in asks.session.hidden_regions}
        return {"html": page(found, names(found.elements, labels), cast(View, view), hidden), "note": note(found)}

    return [why_take, why_bertviz]
