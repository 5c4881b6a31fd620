"""What the tasks do alike: pass examples of like length together, tell which regions show a box, and, fine-tuning,
train what is not frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from engine.model.task_heads import FineTuned
from engine.structures.boxes import Boxes
from engine.structures.example import Example, Regions

MET = 0.5  # IoU from which a region is the one that is meant
CHUNK = 64  # examples that pass the model together, at most
PASS = 128  # elements whose arithmetic takes as long as one pass more does (measured with `mini` on two cores)
HEAD_SCALE = 5.0  # a fresh head learns faster than what was pre-trained


def chunked(examples: Sequence[Example]) -> Iterator[list[int]]:
    """Numbers of examples of like length, which pass the model together: as many passes as cost least, when each
    example is padded to the longest of its pass and each pass costs `PASS` elements."""
    lengths = [len(e.piece_ids) + len(e.regions) + 1 for e in examples]  # with [END]
    order = sorted(range(len(examples)), key=lengths.__getitem__)
    costs, starts = [0], [0]  # of the first so many examples, and where their last pass starts
    for end, longest in enumerate((lengths[k] for k in order), 1):
        cost, start = min((costs[s] + (end - s) * longest + PASS, s) for s in range(max(0, end - CHUNK), end))
        costs.append(cost)
        starts.append(start)
    end = len(order)
    while end:
        yield order[starts[end]:end]
        end = starts[end]


def trained_groups(model: FineTuned) -> list[dict[str, Any]]:
    """Optimiser groups of the parameters that are not frozen."""
    body = [p for p in model.vlbert.parameters() if p.requires_grad]
    head = [p for p in model.head.parameters() if p.requires_grad]
    return [{"params": own, "scale": scale} for own, scale in ((body, 1.0), (head, HEAD_SCALE)) if own]


def shown_by(regions: Regions, boxes: Sequence[int]) -> Tensor:
    """Which regions meet one of these boxes of their picture, counted from 0: [R] in {0, 1}."""
    places = Boxes(regions.boxes, 1.0, 1.0)
    return (places.iou(places[[b + 1 for b in boxes]]) >= MET).any(dim=1).float()
