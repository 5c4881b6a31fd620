"""The studio from a program: the page's own numbers as named endpoints of Gradio's API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gradio as gr

from engine.errors import VLBertError
from engine.structures.caption import unread
from engine.structures.novelty import photo_note
from engine.structures.questions import CHOICES
from studio.canvas.why_server import asked as asked_in
from studio.canvas.why_server import text
from studio.errors import UNEXPECTED, RequestError, without_folders
from studio.explaining.explanations import Explanations, Subject
from studio.service import Masking, Service
from studio.session import Session
from studio.task_desk import TASKS, TaskDesk
from studio.tasks_canvas.server import inquiry, unread_words
from studio.views import explanations
from studio.views.answers import answers
from studio.views.regions import regions
from studio.views.tasks import task_answer

Reply = dict[str, Any]
_log = logging.getLogger(__name__)


class Api:
    """Each call is a visitor of its own, who leaves at the end; what is kept by content serves the next call too.

    The photo's file, which Gradio takes in before the call, stays on the disk for the time in `studio.page`: another
    call may name the same file.
    """

    def __init__(self, service: Service, explain: Explanations, desk: TaskDesk) -> None:
        self._service, self._explain, self._desk = service, explain, desk

    def predict(self, photo: bytes, caption: str, hidden_words: Any, hidden_regions: Any, boxes: Any = None,
                heads_off: Any = None, masking: str = "feature") -> Reply:
        """What the model believes about hidden words and regions of a photo and its caption.

        Of a word the target of rank, clues and verdict is the true word; of a region it is the detector's label, which
        may be wrong. photo_regions gives each label its probability; score is what the detector ranks its boxes by.
        novelty over 1: the picture is unlike the photographs that the model was trained on; photo_note says so.
        unread_words: places of words that the vocabulary does not hold, so that the model sees [UNK] there.

        Args:
            photo: a picture file
            caption: a sentence about it; [MASK], <mask>, ___ or MASK in it hides a word
            hidden_words: places of words to hide, from 0
            hidden_regions: places of regions to hide, from 1
            boxes: x1, y1, x2, y2 as fractions of the photo, one a region; the detector's own if left out
            heads_off: pairs of layer and head, from 0, that are switched off
            masking: "feature" or "pixels", how regions are hidden
        """
        with self._asking(photo, caption, hidden_words, hidden_regions, boxes, heads_off, masking) as asks:
            seen = self._service.see(asks.visitor, asks.session)
            found = self._service.answer(asks.visitor, asks.session, asks.masking)
            words = self._service.words(caption)
            return {**answers(found), "photo_regions": regions(seen), "novelty": seen.novelty,
                    "photo_note": photo_note(seen.novelty), "caption_words": [word.text for word in words],
                    "unread_words": [i for i, word in enumerate(words) if not word.readable],
                    "caption_note": unread(words)}

    def ask(self, photo: bytes, question: str = "", choices: Any = None, phrase: str = "", adapter: str = "",
            boxes: Any = None) -> Reply:
        """What a fine-tuned model answers about a photo: a question, one of four choices, or the region of a phrase.

        rows are the best answers, the choices in their order, or the best regions, each with its probability; blind is
        the same without the picture (of a phrase: without its words).

        Args:
            photo: a picture file
            question: a question about it, with choices one whose words may name regions, as in "person [2]"
            choices: four texts to choose from, for the question; their words may name regions, too
            phrase: words that mean a region, instead of a question
            adapter: the key or name of an adapter on the server; the shipped one for this task if left out
            boxes: x1, y1, x2, y2 as fractions of the photo, one a region; the detector's own if left out
        """
        with self._asking(photo, "", [], [], boxes, None, "feature") as asks:
            task, text = _task(question, choices, phrase)
            sent = {"visitor": asks.visitor, "photo": asks.session.photo, "boxes": boxes, "task": task, "text": text,
                    "answers": choices, "adapter": self._desk.key_of(adapter, task)}
            asked = inquiry(self._service, sent)
            seen = self._service.see(asks.visitor, asks.session)
            return {**task_answer(self._desk.answer(asked)), "task": TASKS[task], "adapter": asked.adapter,
                    "photo_regions": regions(seen), "note": unread_words(self._service, asked)}

    def explain(self, photo: bytes, caption: str, hidden_words: Any, hidden_regions: Any, kind: str = "word",
                index: float = 0, answer: str = "", method: str = "", proof: bool = False, boxes: Any = None,
                heads_off: Any = None, masking: str = "feature") -> Reply:
        """How much each word and region does for one answer, by one method, and whether to believe it.

        Args:
            photo: a picture file
            caption: a sentence about it; [MASK], <mask>, ___ or MASK in it hides a word
            hidden_words: places of words to hide, from 0
            hidden_regions: places of regions to hide, from 1
            kind: "word" or "region", what the answer is about
            index: the place of that hidden word or region
            answer: the answer to explain; if left out, the true word or the detector's label of the region
            method: consensus (if left out), relevance, integrated_gradients, gradient_x_input, leave_one_out, shapley,
                attention or rollout
            proof: whether to measure how faithful the map is, which takes longer; its random orders come from the seed
                in the reply, which belongs to the question
            boxes: x1, y1, x2, y2 as fractions of the photo, one a region; the detector's own if left out
            heads_off: pairs of layer and head, from 0, that are switched off
            masking: "feature" or "pixels", how regions are hidden
        """
        from engine.explain.methods import DEFAULT
        from engine.explain.methods import method as known

        with self._asking(photo, caption, hidden_words, hidden_regions, boxes, heads_off, masking) as asks:
            place = int(index) if isinstance(index, float) and index.is_integer() else index
            asked = asked_in({"asked": {"kind": kind, "index": place, "answer": answer or ""}})
            name = known(text({"method": method or DEFAULT}, "method")).name
            made = explanations.attribution(self._explain.attribute(asks, asked, name))
            if proof:
                made["proof"] = explanations.proof(self._explain.prove(asks, asked, name), known(name).title)
            return made

    @contextmanager
    def _asking(self, photo: object, caption: str, hidden_words: Any, hidden_regions: Any, boxes: Any,
                heads_off: Any, masking: str) -> Iterator[Subject]:
        visitor = self._service.visitors.admit()
        try:
            if not isinstance(photo, bytes) or masking not in ("feature", "pixels"):
                raise RequestError("The photo must be a picture file, the masking “feature” or “pixels”.")
            ticket, _ = self._service.open(visitor, photo)
            session = Session.from_json({
                "photo": ticket, "caption": caption, "boxes": boxes, "hidden_words": hidden_words or [],
                "hidden_regions": hidden_regions or [], "heads_off": heads_off or []})
            yield Subject(visitor, session, cast(Masking, masking), 0)
        except VLBertError as error:
            said = without_folders(str(error)).removesuffix(" Reload the page.")  # a program has none
            raise gr.Error(said, print_exception=False) from error
        except Exception as error:
            # Gradio would give the program no reason; the log has the cause.
            _log.exception("A call of the API failed.")
            raise gr.Error(UNEXPECTED, print_exception=False) from error
        finally:
            self._service.dismiss(visitor)


def build_api(service: Service, explain: Explanations, desk: TaskDesk) -> None:
    """Endpoints /predict, /explain and /ask; nothing of it is seen on the page."""
    api = Api(service, explain, desk)
    with gr.Row(visible=False):
        photo, caption = gr.File(type="binary", label="photo"), gr.Textbox(label="caption")
        words, regions_, boxes, heads = (_list(n) for n in ("hidden words", "hidden regions", "boxes", "heads"))
        masking, kind = gr.Textbox("feature", label="masking"), gr.Textbox("word", label="kind")
        index, answer = gr.Number(0, label="index", precision=0), gr.Textbox("", label="answer")
        method, proof = gr.Textbox("", label="method"), gr.Checkbox(False, label="proof")
        reply = gr.JSON(label="reply")
        gr.Button("predict").click(api.predict, [photo, caption, words, regions_, boxes, heads, masking], reply,
                                   api_name="predict")
        gr.Button("explain").click(
            api.explain, [photo, caption, words, regions_, kind, index, answer, method, proof, boxes, heads, masking],
            reply, api_name="explain")
        question, phrase, adapter = (gr.Textbox("", label=name) for name in ("question", "phrase", "adapter"))
        gr.Button("ask").click(api.ask, [photo, question, _list("choices"), phrase, adapter, boxes], reply,
                               api_name="ask")


def _task(question: object, choices: object, phrase: object) -> tuple[str, str]:
    """The task and its text. Raises RequestError where not exactly one of question and phrase is given, or choices are
    not four texts about a question."""
    if not isinstance(question, str) or not isinstance(phrase, str) or bool(question.strip()) == bool(phrase.strip()):
        raise RequestError("Give either a question or a phrase, as text.")
    if choices is None or choices == []:
        return ("ask", question) if question.strip() else ("point", phrase)
    four = isinstance(choices, list) and len(choices) == CHOICES and all(isinstance(text, str) for text in choices)
    if not four or not question.strip():
        raise RequestError(f"choices must be {CHOICES} texts, the answers to a question.")
    return "choose", question


def _list(label: str) -> gr.JSON:
    """Gradio says of JSON that its type is {}, which no reader of JSON schemas takes; ours are lists."""
    made = gr.JSON(label=label)
    made.api_info = lambda: {"type": "array", "items": {}}  # type: ignore[method-assign]
    return made
