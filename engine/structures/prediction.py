"""What the model believes about what was hidden."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One possible answer and its probability (0..1)."""

    text: str
    probability: float


@dataclass(frozen=True)
class Clues:
    """Probability of the true word, or of the detector's label of a region (0..1): with all clues, without the picture,
    without the words."""

    everything: float
    without_picture: float
    without_words: float


@dataclass(frozen=True)
class PieceAnswer:
    """A hidden word piece: its place in the sequence ([CLS] is 0), its true text and the best answers."""

    position: int
    truth: str
    best: tuple[Candidate, ...]


@dataclass(frozen=True)
class WordAnswer:
    """A hidden word. For a word of several pieces, `probability` is their product and `best` belongs to its last piece.

    index counts the caption's words from 0; rank counts from 1 among all word pieces. Where the true word is not known
    (a literal [MASK], or a word outside the vocabulary) `truth` is empty and rank and probabilities are 0. text: as the
    caption has it. readable: False for a word outside the vocabulary, of which the model reads [UNK] while it is
    visible.
    """

    index: int
    truth: str
    best: tuple[Candidate, ...]
    probability: float
    rank: int
    clues: Clues
    pieces: tuple[PieceAnswer, ...]
    text: str = ""
    readable: bool = True


@dataclass(frozen=True)
class RegionAnswer:
    """A hidden region. `truth` is the detector's label of it when it is visible, which may be wrong.

    index counts regions from 0 (the whole picture); rank counts from 1 among the classes. Where the model has no class
    for the label, `truth` is empty and rank and probabilities are 0.
    """

    index: int
    truth: str
    best: tuple[Candidate, ...]
    probability: float
    rank: int
    clues: Clues


@dataclass(frozen=True)
class Prediction:
    """Answers for everything hidden. masking: how regions were hidden, "feature" (fast) or "pixels" (faithful)."""

    words: tuple[WordAnswer, ...]
    regions: tuple[RegionAnswer, ...]
    masking: str
