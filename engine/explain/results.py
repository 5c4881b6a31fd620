"""What an explanation is made of. All numbers are Python's own, ready to be shown, sent and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.explain.question import Asked, Player

Verdict = Literal["better than attention", "better than random", "no better than random"]  # of one curve
SMALL = 1e-3  # a difference of probabilities below which nothing is measured relative to it


@dataclass(frozen=True)
class Attribution:
    """How much each word and region does for one answer.

    words: one of each word of the caption, regions: one of each region; 0 for region 0 and what is hidden. full, empty:
    the answer's probability with all players and with none. gap: where the method promises that the values sum to
    full - empty, how far they are from it, relative to it (or to 0.001, if that is more). error: largest standard error
    of a sampled value. signed: negative values speak against the answer.
    """

    method: str
    answer: str
    words: tuple[float, ...]
    regions: tuple[float, ...]
    full: float
    empty: float
    gap: float | None
    error: float | None
    signed: bool


@dataclass(frozen=True)
class Element:
    """One place of the model's sequence. index: of the word or region; for "special" its place."""

    kind: Literal["special", "word", "region"]
    index: int
    text: str


@dataclass(frozen=True)
class AttentionPyramid:
    """Attention of all N layers and H heads between L elements.

    weights: N * H * L * L bytes, in that order. Byte b of row i is b / 255 times the largest attention of that row,
    scales[row], rows counted N, H, L: row i says how much element i takes from each other. entropy: [N][H], mean over
    rows, in nats. shares: [N][H] of text-to-region, region-to-text, text-to-text and region-to-region: the mean share
    of its attention that a text (region) element spends on regions (text); special elements count as text, region 0 as
    a region and [END] as neither.
    """

    weights: bytes
    scales: tuple[float, ...]
    elements: tuple[Element, ...]
    layers: int
    heads: int
    entropy: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[tuple[float, float, float, float], ...], ...]


@dataclass(frozen=True)
class Hidings:
    """Every player hidden alone.

    asked: everything hidden, with its answer. base, base_top: the answer's probability, and the best answer, with
    nothing more hidden. probability, top: [player][asked], the same with that player hidden too.
    """

    asked: tuple[Asked, ...]
    base: tuple[float, ...]
    base_top: tuple[str, ...]
    players: tuple[Player, ...]
    probability: tuple[tuple[float, ...], ...]
    top: tuple[tuple[str, ...], ...]

    def leave_one_out(self, asked: int) -> dict[Player, float]:
        """How much of the answer's probability goes with each player. asked: its place in `asked`."""
        return {player: self.base[asked] - row[asked]
                for player, row in zip(self.players, self.probability, strict=True)}


@dataclass(frozen=True)
class Curve:
    """probability: of the answer after 0, 1, ... P players were taken out (deletion) or put in (insertion)."""

    name: str
    probability: tuple[float, ...]

    @property
    def area(self) -> float:
        """Under the curve by trapezoids, over the share of players, 0..1."""
        values = self.probability
        return (sum(values) - (values[0] + values[-1]) / 2) / max(1, len(values) - 1)


@dataclass(frozen=True)
class Proof:
    """How far an attribution shows what the model does, on this example.

    deletion, insertion: of the order that the attribution gives, most important first, measured at `points` of their
    P + 1 points. random_deletion, random_insertion: the mean of `orders` random orders, drawn from `seed`, which comes
    from the question. attention_deletion, attention_insertion: by raw attention. better_than, better_insertion_than:
    share of the random orders whose deletion area is larger, whose insertion area is smaller. rank_correlation:
    Spearman's with leave-one-out, -1..1. gap: of the attribution. by_deletion, by_insertion: what each curve says of
    the attribution; verdict: the same where both agree.
    """

    deletion: Curve
    insertion: Curve
    random_deletion: Curve
    random_insertion: Curve
    attention_deletion: Curve
    attention_insertion: Curve
    orders: int
    seed: int
    points: int
    better_than: float
    better_insertion_than: float
    rank_correlation: float
    gap: float | None
    by_deletion: Verdict
    by_insertion: Verdict
    verdict: Verdict | Literal["the curves disagree"]

    @property
    def believable(self) -> bool:
        """Whether both curves say the same, and that it is better than chance."""
        return self.verdict in ("better than attention", "better than random")


@dataclass(frozen=True)
class HeadEffect:
    """change: of the asked answer's probability when this head (both from 0) says nothing."""

    layer: int
    head: int
    change: float


@dataclass(frozen=True)
class Leak:
    """A hidden region under both ways of hiding. truth: the detector's label, which may be wrong.
    feature, pixels: its probability; the tops: best answers.

    overlap: largest share of the region's area that one other visible region covers.
    """

    region: int
    truth: str
    feature: float
    pixels: float
    feature_top: str
    pixels_top: str
    overlap: float
