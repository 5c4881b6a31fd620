"""The numbers of an explanation as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from engine.explain.results import Attribution, HeadEffect, Hidings

NAN = float("nan")
COLUMNS = ("kind", "place", "name", "hidden", "value", "share", "without it", "change")


def table(found: Attribution, words: Sequence[str], regions: Sequence[str], hidden_words: Sequence[int],
          hidden_regions: Sequence[int], hidings: Hidings, asked: int | None) -> pd.DataFrame:
    """One row for each word and region, region 0 left out. regions: their names.

    value: of the attribution. share: of the sum of all sizes. without it: the answer's probability when this one is
    hidden too; change: how that differs. asked: the place of the explained answer in `hidings`; None leaves both empty.
    """
    rows = [("word", i, w, i in hidden_words, found.words[i]) for i, w in enumerate(words)]
    rows += [("region", i, regions[i], i in hidden_regions, found.regions[i]) for i in range(1, len(regions))]
    made = pd.DataFrame(rows, columns=list(COLUMNS[:5]))
    size = made["value"].abs().sum()
    made["share"] = made["value"].abs() / size if size else 0.0
    without: dict[tuple[str, int], float] = {}
    if asked is not None:
        without = {(p.kind, p.index): row[asked] for p, row in zip(hidings.players, hidings.probability, strict=True)}
    keys = zip(made["kind"], made["place"], strict=True)
    made["without it"] = pd.Series([without.get(key, NAN) for key in keys], dtype=float)
    made["change"] = made["without it"] - (NAN if asked is None else hidings.base[asked])
    return made


def hidings_table(found: Hidings, words: Sequence[str], regions: Sequence[str]) -> pd.DataFrame:
    """One row for each ablation and each answer: the answer's probability before and after, and the best answer then.

    regions: their names.
    """
    rows = [(p.kind, p.index, words[p.index] if p.kind == "word" else regions[p.index], a.kind, a.index, a.answer, base,
             row[i], row[i] - base, tops[i])
            for p, row, tops in zip(found.players, found.probability, found.top, strict=True)
            for i, (a, base) in enumerate(zip(found.asked, found.base, strict=True))]
    return pd.DataFrame(rows, columns=["hidden kind", "hidden place", "hidden", "asked kind", "asked place", "answer",
                                       "before", "after", "change", "best answer then"])


def head_table(found: Sequence[HeadEffect]) -> pd.DataFrame:
    """Layers and heads counted from 1, as the page counts them."""
    return pd.DataFrame([(e.layer + 1, e.head + 1, e.change) for e in found], columns=["layer", "head", "change"])


def csv(made: pd.DataFrame) -> bytes:
    """The table as a file: a header, numbers in full, and a byte-order mark, without which Excel misreads letters."""
    return str(made.to_csv(index=False)).encode("utf-8-sig")
