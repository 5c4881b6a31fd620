"""What the page's explanations may ask of the server; every reply is plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from studio.errors import RequestError
from studio.explaining import bertviz
from studio.explaining.checkpoints import Checkpoints
from studio.explaining.explanations import Explanations, Subject
from studio.service import Masking, Service
from studio.session import Session
from studio.views import attention, explanations
from studio.views.answers import answers

if TYPE_CHECKING:
    from engine.explain.question import Asked

Reply = dict[str, Any]


def why_functions(service: Service, explain: Explanations,
                  checkpoints: Checkpoints | None = None) -> list[Callable[[Any], Reply]]:
    """why_methods, why_hidings, why_map, why_proof, why_attention, why_heads, why_leak, why_checkpoints,
    why_checkpoint, why_progress and why_stop. checkpoints: other models to compare with."""

    def why_methods(_: Any) -> Reply:
        from engine.explain.methods import DEFAULT, METHODS

        return explanations.methods(METHODS.values(), DEFAULT)

    def why_hidings(sent: Any) -> Reply:
        return explanations.hidings(explain.hidings(subject(sent)))

    def why_map(sent: Any) -> Reply:
        return explanations.attribution(explain.attribute(subject(sent), asked(sent), text(sent, "method")))

    def why_proof(sent: Any) -> Reply:
        from engine.explain.methods import method

        title = method(text(sent, "method")).title
        return explanations.proof(explain.prove(subject(sent), asked(sent), text(sent, "method")), title)

    def why_attention(sent: Any) -> Reply:
        asks = subject(sent)
        found = explain.pyramid(asks)
        return {**attention.pyramid(found, service.see(asks.visitor, asks.session).labels),
                "bertviz": {view: bertviz.size(found, view) for view in bertviz.VIEWS}}

    def why_heads(sent: Any) -> Reply:
        return explanations.heads(explain.rank_heads(subject(sent), asked(sent)))

    def why_leak(sent: Any) -> Reply:
        return explanations.leaks(explain.leak(subject(sent)))

    def why_checkpoints(_: Any) -> Reply:
        offers = checkpoints.offers() if checkpoints else ()
        return {"checkpoints": [{"key": offer.key, "name": offer.name} for offer in offers]}

    def why_checkpoint(sent: Any) -> Reply:
        if checkpoints is None:
            raise RequestError("This page offers no other checkpoint. Reload it.")
        name, found = checkpoints.ask(subject(sent), text(sent, "checkpoint"))
        return {"name": name, "reply": answers(found)}

    def why_progress(sent: Any) -> Reply:
        done, total = explain.works.progress(text(sent, "visitor"), number(sent))
        return {"done": done, "total": total}

    def why_stop(sent: Any) -> Reply:
        explain.works.stop(text(sent, "visitor"), number(sent))
        return {"stopped": True}

    return [why_methods, why_hidings, why_map, why_proof, why_attention, why_heads, why_leak, why_checkpoints,
            why_checkpoint, why_progress, why_stop]


def subject(sent: Any) -> Subject:
    """Raises RequestError and what `Session.from_json` does."""
    masking = sent.get("masking", "feature")
    if masking not in ("feature", "pixels"):
        raise RequestError(f"Masking is “feature” or “pixels”, not {masking!r}. Reload the page.")
    return Subject(text(sent, "visitor"), Session.from_json(sent), cast(Masking, masking), number(sent))


def asked(sent: Any) -> Asked:
    """What is asked about: {"kind", "index", "answer"}. Raises RequestError, MaskError."""
    from engine.explain.question import Asked

    given = sent.get("asked")
    if not isinstance(given, dict) or not isinstance(given.get("index"), int):
        raise RequestError("The request does not say which hidden word or region it asks about. Reload the page.")
    return Asked(given.get("kind", ""), given["index"], str(given.get("answer", "")))


def text(sent: Any, field: str) -> str:
    """Raises RequestError."""
    value = sent.get(field)
    if not isinstance(value, str):
        raise RequestError(f"The request lacks its {field}. Reload the page.")
    return value


def number(sent: Any) -> int:
    """Of the work, as the page counts it. Raises RequestError."""
    value = sent.get("work")
    if not isinstance(value, int):
        raise RequestError("The request lacks its work's number. Reload the page.")
    return value
