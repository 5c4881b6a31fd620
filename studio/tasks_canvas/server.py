"""What the page of the tasks may ask of the server, beside what it shares with the canvas; all in plain JSON."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.data_classes import DataWithFiles
from PIL import Image

from engine.errors import CaptionError
from engine.structures.caption import Word, unread
from engine.structures.questions import CHOICES, TaggedText
from studio.canvas.server import answering, server_functions
from studio.canvas.why_server import number
from studio.errors import RequestError
from studio.examples import FOLDER, all_examples
from studio.explaining.explanations import Explanations
from studio.service import Service
from studio.session import MOST_CHARACTERS, Session
from studio.task_desk import TASKS, Inquiry, Offer, TaskDesk
from studio.views import explanations
from studio.views import tasks as views

if TYPE_CHECKING:
    from engine.data.scenes import Scene

SHARED = ("status", "examples", "admit", "open_photo", "open_example", "look", "why_methods",
          "why_progress", "why_stop")
SUGGESTIONS = Path(__file__).parent / "suggestions.json"
SEED = 11  # of the scenes that are drawn as examples
MOST_NAME, MOST_ABOUT = 80, 200  # characters
Reply = dict[str, Any]


def task_functions(service: Service, explain: Explanations, desk: TaskDesk) -> list[Callable[[Any], Reply]]:
    """Those of the canvas that open, look and follow long work, and suggest, draw, adapters, bring, answer, carried,
    looks, task_map and task_proof."""

    def suggest(sent: Any) -> Reply:
        number = sent.get("number")
        return _suggestions().get(all_examples()[number].file if _is_example(number) else "", {})

    def draw(sent: Any) -> Reply:
        number = sent.get("number")
        if not isinstance(number, int) or not 0 <= number < 1_000_000:
            raise RequestError(f"There is no scene {number!r}. Reload the page.")
        return _drawn(_with_choices(number))

    def adapters(_: Any) -> Reply:
        return {"adapters": [_offered(offer) for offer in desk.offers()]}

    def bring(sent: Any) -> Reply:
        if not isinstance(sent, DataWithFiles) or len(sent.files) != 1:
            raise RequestError("Exactly one file must be sent. Reload the page.")
        service.visitors.note(_text(sent.data, "visitor"), 0)
        return _offered(desk.bring(sent.files[0][1], _text(sent.data, "name")[:MOST_NAME] or "Your file"))

    def answer(sent: Any) -> Reply:
        asks = inquiry(service, sent)
        return {**views.task_answer(desk.answer(asks)), "note": unread_words(service, asks)}

    def carried(sent: Any) -> Reply:
        return views.carried(desk.carried(inquiry(service, sent), _answer(sent)))

    def looks(sent: Any) -> Reply:
        answer = sent.get("answer")
        number = answer if isinstance(answer, int) and not isinstance(answer, bool) else 0
        return views.looks(desk.looks(inquiry(service, sent), number))

    def task_map(sent: Any) -> Reply:
        with explain.works.begin(_text(sent, "visitor"), number(sent)) as work:
            found = desk.attribute(inquiry(service, sent), _answer(sent), _text(sent, "method"), work)
        return views.attribution(*found)

    def task_proof(sent: Any) -> Reply:
        from engine.explain.methods import method

        title = method(_text(sent, "method")).title
        with explain.works.begin(_text(sent, "visitor"), number(sent)) as work:
            found = desk.prove(inquiry(service, sent), _answer(sent), _text(sent, "method"), work)
        return explanations.proof(found, title)

    shared = [f for f in server_functions(service, explain) if f.__name__ in SHARED]
    own = (suggest, draw, adapters, bring, answer, carried, looks, task_map, task_proof)
    return [*shared, *(answering(f) for f in own)]


def _offered(offer: Offer) -> Reply:
    return {**vars(offer), "about": views.trained_on(offer.task, offer.about[:MOST_ABOUT]),
            "scenes": offer.about.startswith("scenes")}


def _answer(sent: Any) -> str | int:
    """The answer that is explained: its text in ask, else a number. Raises RequestError."""
    answer = sent.get("answer")
    if not isinstance(answer, str if sent.get("task") == "ask" else int) or isinstance(answer, bool):
        raise RequestError(f"{answer!r} is no answer to ask about. Reload the page.")
    return answer  # type: ignore[no-any-return]


def inquiry(service: Service, sent: Any) -> Inquiry:
    """Raises RequestError and CaptionError, which says which text is wrong."""
    from engine.task_predictor import TaskQuestion

    task, visitor = sent.get("task"), _text(sent, "visitor")
    if task not in TASKS:
        raise RequestError(f"A task is one of {', '.join(TASKS)}; not {task!r}. Reload the page.")
    session = Session.from_json({**sent, "caption": "", "hidden_words": [], "hidden_regions": []})
    text = _text(sent, "text")
    if task != "choose":
        named = "question" if task == "ask" else "phrase"
        if not text.strip():
            raise CaptionError(f"The {named} is empty. Write one about the picture.")
        question = TaskQuestion(TaggedText.plain(text))
    else:
        boxes = len(service.see(visitor, session).labels) - 1
        question = TaskQuestion(*_choices(sent, boxes))
    return Inquiry(visitor, session, _text(sent, "adapter"), task, question)


def unread_words(service: Service, asks: Inquiry) -> str:
    """What the model cannot read of the texts."""
    words: list[Word] = []
    for text in (asks.question.text, *asks.question.choices):
        for word in text.words:
            with suppress(CaptionError):  # nothing that can be seen
                words.extend(service.words(word))
    return unread(words)


def _choices(sent: Any, boxes: int) -> tuple[TaggedText, tuple[TaggedText, ...]]:
    """What comes first (for rationales with the chosen answer) and the four to choose from."""
    first = _tagged(_text(sent, "text"), boxes, "The question")
    answers = _four(sent, "answers", boxes, "Answer")
    picked = sent.get("picked")
    if picked is None:
        return first, answers
    if not isinstance(picked, int) or not 0 <= picked < CHOICES:
        raise RequestError(f"There is no answer {picked!r} to give a reason for. Reload the page.")
    right = answers[picked]
    joined = TaggedText((*first.words, *right.words), (*first.tags, *right.tags))
    return joined, _four(sent, "rationales", boxes, "Reason")


def _four(sent: Any, field: str, boxes: int, name: str) -> tuple[TaggedText, ...]:
    texts = sent.get(field)
    if not isinstance(texts, list) or len(texts) != CHOICES or not all(isinstance(t, str) for t in texts):
        raise RequestError(f"The {field} must be {CHOICES} texts. Reload the page.")
    return tuple(_tagged(text, boxes, f"{name} {letter}") for text, letter in zip(texts, "ABCD", strict=True))


def _tagged(text: str, boxes: int, name: str) -> TaggedText:
    if not text.strip():
        raise CaptionError(f"{name} is empty. Write something there.")
    if len(text) > MOST_CHARACTERS:
        raise CaptionError(f"{name} has {len(text)} characters; at most {MOST_CHARACTERS} fit. Shorten it.")
    try:
        return TaggedText.read(text, boxes)
    except CaptionError as error:
        raise CaptionError(f"{name}: {error}") from error


def _with_choices(number: int) -> Scene:
    """The first scene from this number on that admits two questions with four answers."""
    from engine.data.scenes import scene, told  # imports PyTorch: the page is served before

    while not told(drawn := scene(SEED, number), SEED).choices:
        number += 1
    return drawn


def _drawn(drawn: Scene) -> Reply:
    from engine.data.scenes import told

    said = told(drawn, SEED)
    file = io.BytesIO()
    Image.fromarray(drawn.photo().pixels).save(file, "PNG")
    return {
        "picture": "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii"),
        "boxes": [list(t.box) for t in drawn.things], "names": [f"{t.colour} {t.shape}" for t in drawn.things],
        "number": drawn.index,
        "ask": [q.text for q in said.open][:4], "point": [r.text for r in said.referring][:4],
        "choose": [{"text": q.question.marked, "answers": [a.marked for a in q.answers],
                    "rationales": [r.marked for r in q.rationales], "answer": q.answer, "rationale": q.rationale}
                   for q in said.choices],
    }


@cache
def _suggestions() -> dict[str, Reply]:
    """By the file of an example: questions, from the table beside the photos that says their answers, and phrases."""
    from engine.data import own  # imports PyTorch: the page is served before

    asked: dict[str, list[str]] = {}
    for entry in own.read(FOLDER, "vqa").entries:
        asked.setdefault(entry.photo.name, []).append(entry.says)
    phrases: dict[str, Reply] = json.loads(SUGGESTIONS.read_text(encoding="utf-8"))
    return {file: {"ask": asked.get(file, [])} | more for file, more in phrases.items()}


def _is_example(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(all_examples())


def _text(sent: Any, field: str) -> str:
    value = sent.get(field)
    if not isinstance(value, str):
        raise RequestError(f"The request lacks its {field}. Reload the page.")
    return value
