"""The numbers of an explanation as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from engine.explain.results import Attribution, HeadEffect, Hidings
    from engine.structures.caption import Word

COLUMNS = ("kind", "place", "name", "hidden", "value", "share", "without it", "change")


def table(found: Attribution, words: Sequence[Word], labels: Sequence[str], hidden_words: Sequence[int],
          hidden_regions: Sequence[int], hidings: Hidings, asked: int) -> pd.DataFrame:
    """One row for each word and region, region 0 left out.

    value: of the attribution. share: of the sum of all sizes. without it: the answer's probability when this one is
    hidden too; change: how that differs. asked: the place of the explained answer in `hidings`.
    """
    rows = [("word", i, w.text, i in hidden_words, found.words[i]) for i, w in enumerate(words)]
    rows += [("region", i, labels[i], i in hidden_regions, found.regions[i]) for i in range(1, len(labels))]
    made = pd.DataFrame(rows, columns=list(COLUMNS[:5]))
    size = made["value"].abs().sum()
    made["share"] = made["value"].abs() / size if size else 0.0
    without = {(p.kind, p.index): row[asked] for p, row in zip(hidings.players, hidings.probability, strict=True)}
    made["without it"] = [without.get((kind, place)) for kind, place in zip(made["kind"], made["place"], strict=True)]
    made["change"] = made["without it"] - hidings.base[asked]
    return made


def head_table(found: Sequence[HeadEffect]) -> pd.DataFrame:
    """Layers and heads counted from 1, as the page counts them."""
    return pd.DataFrame([(e.layer + 1, e.head + 1, e.change) for e in found], columns=["layer", "head", "change"])


def csv(made: pd.DataFrame) -> str:
    """With a header, numbers in full."""
    return str(made.to_csv(index=False))
