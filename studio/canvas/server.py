"""What the canvas may ask of the server. Each function unpacks, calls once, renders; all answer in plain JSON."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, cast

from gradio.data_classes import DataWithFiles

from engine.errors import VLBertError
from engine.structures.novelty import photo_note
from engine.structures.photo import Photo
from studio.canvas.take_server import take_functions
from studio.canvas.why_server import text, why_functions
from studio.errors import UNEXPECTED, RequestError, without_folders
from studio.examples import Example, all_examples
from studio.explaining.checkpoints import Checkpoints
from studio.explaining.explanations import Explanations
from studio.kept import Kept
from studio.service import Masking, Service
from studio.session import Session
from studio.views.answers import answers
from studio.views.photo import data_url
from studio.views.regions import chips, regions

THUMBNAIL = 144
WITH_FILES = ("open_photo", "bring")  # functions that take files
_log = logging.getLogger(__name__)

Reply = dict[str, Any]


def server_functions(service: Service, explain: Explanations, card: str = "",
                     checkpoints: Checkpoints | None = None) -> list[Callable[[Any], Reply]]:
    """status, examples, admit, open_photo, open_example, keep, open_kept, read, look, ask, and those of the
    explanations.

    card: the model card, as Markdown, for reports. checkpoints: other models to compare with.

    None raises: what goes wrong comes back as {"error": a sentence for the visitor, "kind": the error's name}.
    """

    kept = Kept()

    def status(_: Any) -> Reply:
        return {"state": service.status.state, "text": service.status.text}

    def examples(_: Any) -> Reply:
        return {"examples": [{"shows": e.shows, "picture": _thumbnail(i)} for i, e in enumerate(all_examples())]}

    def admit(_: Any) -> Reply:
        """A new name for a page that was opened before the studio was started anew."""
        return {"visitor": service.visitors.admit()}

    def open_photo(sent: Any) -> Reply:
        if not isinstance(sent, DataWithFiles) or len(sent.files) != 1:
            raise RequestError("Exactly one picture must be sent. Reload the page.")
        return _opened(*service.open(text(sent.data, "visitor"), sent.files[0][1]))

    def open_example(sent: Any) -> Reply:
        example = _example(sent.get("number"))
        return {**_opened(*service.open(text(sent, "visitor"), example.read(), lasting=True)),
                "caption": example.caption, "hide": example.hide, "shows": example.shows}

    def keep(sent: Any) -> Reply:
        visitor = text(sent, "visitor")
        return {"kept": kept.keep(visitor, service.visitors.photo(visitor, Session.from_json(sent).photo))}

    def open_kept(sent: Any) -> Reply:
        photo = kept.photo(text(sent, "kept"))
        return _opened(service.visitors.keep(text(sent, "visitor"), photo), photo)

    def read(sent: Any) -> Reply:
        caption = Session.from_json({**sent, "photo": ""}).caption
        return chips(caption, service.words(caption))

    def look(sent: Any) -> Reply:
        seen = service.see(text(sent, "visitor"), Session.from_json(sent))
        return {"regions": regions(seen), "note": photo_note(seen.novelty)}

    def ask(sent: Any) -> Reply:
        masking, sequence = sent.get("masking"), sent.get("sequence")
        if masking not in ("feature", "pixels") or not isinstance(sequence, int):
            raise RequestError(f"Masking is “feature” or “pixels”, not {masking!r}. Reload the page.")
        session = Session.from_json(sent)
        return answers(service.ask(text(sent, "visitor"), session, sequence, cast(Masking, masking)))

    own = [status, examples, admit, open_photo, open_example, keep, open_kept, read, look, ask]
    return [answering(f) for f in (*own, *why_functions(service, explain, checkpoints),
                                   *take_functions(service, explain, card))]


def answering(function: Callable[[Any], Reply]) -> Callable[[Any], Reply]:
    """Turn errors into replies: the page shows them, and what the visitor had stays."""

    @functools.wraps(function)
    def answered(sent: Any) -> Reply:
        try:
            if not isinstance(sent.data if isinstance(sent, DataWithFiles) else sent, dict):
                raise RequestError("A request is a set of named fields. Reload the page.")
            if isinstance(sent, DataWithFiles) and function.__name__ not in WITH_FILES:
                raise RequestError("A file was sent where none is expected. Reload the page.")
            return function(sent)
        except VLBertError as error:
            return {"error": without_folders(str(error)), "kind": type(error).__name__}
        except Exception:
            # The visitor gets a sentence, the log the cause: a page without any answer would look broken.
            _log.exception("%s failed.", function.__name__)
            return {"error": UNEXPECTED, "kind": "Unexpected"}

    # Gradio reads the signature's annotations as live objects; the wrapped function's are text.
    answered.__annotations__ = {}
    del answered.__wrapped__  # type: ignore[attr-defined]
    return answered


def _opened(ticket: str, photo: Photo) -> Reply:
    return {"photo": ticket, "picture": data_url(photo), "width": photo.width, "height": photo.height}


def _example(number: object) -> Example:
    if not isinstance(number, int) or not 0 <= number < len(all_examples()):
        raise RequestError(f"There is no example {number!r}. Reload the page.")
    return all_examples()[number]


@functools.cache
def _thumbnail(number: int) -> str:
    return data_url(Photo.open(all_examples()[number].read()), THUMBNAIL)
