"""Files that a visitor takes away: report, figures, tables."""

from __future__ import annotations

import importlib.metadata
import itertools
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from studio.errors import RequestError
from studio.explaining.explanations import Explanations, Subject
from studio.service import Service
from studio.views.answers import answers
from studio.views.explanations import attribution_ends, proof_sentence
from studio.views.figures import figure
from studio.views.names import region_names
from studio.views.photo import data_url
from studio.views.report import Map, Report, page
from studio.views.tables import csv, head_table, hidings_table, table

if TYPE_CHECKING:
    import pandas as pd

    from engine.explain.question import Asked

PACKAGES = ("torch", "gradio", "captum", "numpy", "pandas", "matplotlib")
REPORTED_TOO = "relevance"  # beside the chosen method and the default
PARTS = 3  # of each map in a report: its values, its proof, its figure


@dataclass(frozen=True)
class File:
    """name and type: as a browser takes them."""

    name: str
    type: str
    content: bytes


class Taking:
    """Makes the files from what `Explanations` keeps, or computes it first. card: the model card, as Markdown."""

    def __init__(self, service: Service, explain: Explanations, card: str) -> None:
        self._service, self._explain, self._card = service, explain, card

    def file(self, what: str, asks: Subject, asked: Asked, method: str) -> File:
        """what: report, png, svg, csv, hidings or heads. Raises RequestError for anything else."""
        if what == "report":
            return File("vl-bert-report.html", "text/html", self._report(asks, asked, method).encode())
        if what in ("png", "svg"):
            kind: Literal["png", "svg"] = "png" if what == "png" else "svg"
            mime = "image/png" if what == "png" else "image/svg+xml"
            return File(f"vl-bert-{method}.{what}", mime, self._figure(asks, asked, method, kind))
        if what == "csv":
            return File(f"vl-bert-{method}.csv", "text/csv", csv(self._table(asks, asked, method)))
        if what == "hidings":
            found = hidings_table(self._explain.hidings(asks), self._words(asks), self._regions(asks))
            return File("vl-bert-hidings.csv", "text/csv", csv(found))
        if what == "heads":
            ranked = head_table(self._explain.rank_heads(asks, asked))
            return File("vl-bert-heads.csv", "text/csv", csv(ranked))
        raise RequestError(f"There is nothing called {what!r} to take away. Reload the page.")

    def _table(self, asks: Subject, asked: Asked, method: str) -> pd.DataFrame:
        answer = self._explain.attribute(asks, replace(asked, answer=""), method).answer
        named = replace(asked, answer="" if asked.answer == answer else asked.answer)
        found = self._explain.attribute(asks, named, method)
        hidings = self._explain.hidings(asks)
        place = next((i for i, a in enumerate(hidings.asked) if (a.kind, a.index, a.answer)
                      == (asked.kind, asked.index, found.answer)), None)
        return table(found, self._words(asks), self._regions(asks), asks.session.hidden_words,
                     asks.session.hidden_regions, hidings, place)

    def _figure(self, asks: Subject, asked: Asked, method: str, kind: Literal["png", "svg"]) -> bytes:
        from engine.explain.methods import method as known

        found = self._explain.attribute(asks, asked, method)
        proof = self._explain.prove(asks, asked, method)
        seen = self._service.see(asks.visitor, asks.session)
        return figure(seen.photo, seen.boxes.fractions.tolist(), found, proof, self._words(asks), seen.labels,
                      f"Why “{found.answer}”? {known(method).title}", kind)

    def _map(self, asks: Subject, asked: Asked, name: str, advance: Callable[[], None]) -> Map:
        """advance: called after each of the `PARTS`."""
        from engine.explain.methods import method

        known = method(name)
        found = self._explain.attribute(asks, asked, name)
        advance()
        proof = self._explain.prove(asks, asked, name)
        advance()
        drawn = self._figure(asks, asked, name, "svg")
        advance()
        return Map(known.title, known.sentence, known.source, attribution_ends(found),
                   proof_sentence(proof, known.title), found.words, found.regions, drawn)

    def _report(self, asks: Subject, asked: Asked, method: str) -> str:
        from engine.explain.methods import DEFAULT

        session = asks.session
        seen = self._service.see(asks.visitor, session)
        words, regions = self._words(asks), self._regions(asks)
        chosen = list(dict.fromkeys((method, DEFAULT, REPORTED_TOO)))
        with self._explain.works.begin(asks.visitor, asks.number) as work:
            count, total = itertools.count(1), 1 + PARTS * len(chosen)
            self._explain.hidings(asks)  # first, since the proofs take these values, too
            work.advance(next(count), total)
            maps = [self._map(asks, asked, name, lambda: work.advance(next(count), total)) for name in chosen]
        what = (words if asked.kind == "word" else regions)[asked.index]
        return page(Report(
            data_url(seen.photo), seen.boxes.fractions.tolist(), regions, session.caption, words,
            session.hidden_words, session.hidden_regions, session.heads_off,
            answers(self._service.answer(asks.visitor, session, asks.masking)),
            f"Why does the model say what it says about the hidden {asked.kind} “{what}”?", maps,
            self._table(asks, asked, method), self._service.status.text, self._card, versions()))

    def _words(self, asks: Subject) -> list[str]:
        return [word.text for word in self._service.words(asks.session.caption)]

    def _regions(self, asks: Subject) -> list[str]:
        return region_names(self._service.see(asks.visitor, asks.session).labels)


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    return {"Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES}}
