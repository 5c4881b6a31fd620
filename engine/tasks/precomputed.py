"""Pre-training on regions that were computed beforehand, as the published models on precomputed features were trained.

Specification, tasks 1 and 2: words and regions are hidden as in `engine.tasks.pretraining`, whose losses these are.
What a region shows is told by the detector alone: its distribution over the classes is what a hidden region is asked
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.data.conceptual import ConceptualCaptions
from engine.data.features import FeatureCache, with_whole_picture
from engine.data.masking import HiddenWords
from engine.data.nouns import RegionClasses
from engine.data.tokenizer import TRAINING_PIECES, WordPieces
from engine.errors import DataError
from engine.model.vlbert import VLBert
from engine.structures.caption import Caption
from engine.structures.example import Example
from engine.tasks.pretraining import UNRELATED, PretrainingTask, Question

LONGEST = 64  # word pieces and regions of one caption, without [END] (SEQ_LEN of the published settings)
LOST_IN_A_ROW = 1000  # captions that cannot be used, one after the other: then it is not the captions that are broken


class TextChunks(Sequence[Caption]):
    """The text-only corpus, tokenised when it is taken: from each line on as many lines as fill the pieces of a
    training caption (specification, "Text-only corpus"). After the last line comes the first. No line is blank."""

    def __init__(self, lines: Sequence[str], pieces: WordPieces) -> None:
        self.lines, self.pieces = lines, pieces

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, number: Any) -> Any:
        """The chunk that begins with line `number`; nobody asks for slices."""
        words = self.lines[number].split()
        while len(words) < TRAINING_PIECES:
            number = (number + 1) % len(self.lines)
            words.extend(self.lines[number].split())
        return self.pieces.captions([" ".join(words)])[0]


class PrecomputedTask:
    """See `engine.training.trainer.Trainable`.

    config: of the model; of its switches those that need phrases or photographs have no part. texts: the text-only
    corpus.
    What does not fit one sequence is left out (`kept`); region 0 shows the mean of the regions that are in it.
    Captions whose regions turn out to be broken are left out and counted in `data.skipped`, each once.
    """

    def __init__(self, model: VLBert, config: ModelConfig, pieces: WordPieces, data: ConceptualCaptions,
                 texts: Sequence[Caption]) -> None:
        self.model: nn.Module = model
        self.data, self.pieces, self.config = data, pieces, config.pretraining
        nothing = FeatureCache.none(0, config.appearance)
        self.shared = PretrainingTask(model, config.pretraining, pieces, (), nothing, RegionClasses((), {}), None,
                                      texts, new_scale=1.0)
        self.lost = 0  # captions that could not be used since the last that could

    def __len__(self) -> int:
        return len(self.data)

    def groups(self) -> list[dict[str, Any]]:
        return self.shared.groups()

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Where not one of the examples can be used nothing is learned from them. Raises DataError after very many such
        examples without a usable one between them."""
        questions = [q for q in (self.question(number, generator) for number in examples) if q]
        if not questions:
            return {"words": self._nothing(len(examples))}
        self.lost = 0
        return self.shared.losses_of(questions) | self.shared.text_loss(len(questions), generator)

    def _nothing(self, lost: int) -> Tensor:
        """The loss of captions that cannot be used: 0, still part of the graph."""
        self.lost += lost
        if self.lost >= LOST_IN_A_ROW:
            raise DataError(f"None of the last {self.lost} captions can be used ({self.data.skipped}). See whether the "
                            "data can still be read, then run the same command again.")
        return 0.0 * next(self.model.parameters()).sum()

    def question(self, number: int, generator: torch.Generator) -> Question | None:
        """Caption `number` with its regions, or, where the relationship is learned, half of the time with another's;
        None where they are broken."""
        shown = number
        if self.config.relationship and torch.rand((), generator=generator) < UNRELATED:
            shown = int(torch.randint(len(self.data), (), generator=generator))
        seen, [caption] = self.data.usable(shown), self.pieces.captions([self.data.caption(number)])
        if seen is None:
            return None
        pieces, count = kept(len(caption.piece_ids), len(seen.boxes) + 1)
        regions = with_whole_picture(torch.tensor(seen.features[:count - 1]), torch.tensor(seen.boxes[:count - 1]))
        hidden = self.shared.hide_regions(len(regions), generator)
        words = shortened(self.shared.hide_words(caption, (), generator), pieces)
        targets = {region: torch.tensor(seen.classes[region - 1]) for region in hidden.asked}
        return Question(Example(words.piece_ids, regions, hidden.hidden), words.places, words.truth, hidden.asked,
                        targets, [], belongs=shown == number)


def kept(pieces: int, regions: int) -> tuple[int, int]:
    """How many word pieces, [CLS] and [SEP] included, and regions, region 0 included, fit one sequence: while they are
    too many the longer side loses its last, the words where neither is (specification, "Sequence")."""
    while pieces + regions > LONGEST:
        pieces, regions = (pieces, regions - 1) if regions > pieces else (pieces - 1, regions)
    return pieces, regions


def shortened(words: HiddenWords, pieces: int) -> HiddenWords:
    """The first of these pieces and the last, [SEP]; of the others nothing is asked."""
    asked = sum(place < pieces - 1 for place in words.places)
    return HiddenWords([*words.piece_ids[:pieces - 1], words.piece_ids[-1]], words.places[:asked], words.truth[:asked])
