"""Initialise a model from one with other region classes, attributes or anchors; what both have keeps its weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.data.nouns import RegionClasses
from engine.detector.detector import Detector
from engine.detector.proposals import RATIOS
from engine.model.vlbert import VLBert

BACKGROUND_BIAS = -2.0  # added to the bias of a class that is new: it starts rare


@torch.no_grad()
def take_over(new: Detector, old: Detector, classes: RegionClasses, known: RegionClasses, attributes: Sequence[str],
              known_attributes: Sequence[str]) -> None:
    """Fill a detector with the weights of another one.

    Args:
        new: The detector to fill. A class, attribute or anchor scale that `old` lacks starts from its nearest relative:
            a class from the mean of all classes (or from the class under which `old` counted its noun), an attribute
            from its own initialisation, a scale from the nearest one.
        old: The detector to start from, with a backbone of the same depth.
        classes: The region classes of `new`.
        known: The region classes of `old`.
        attributes: Those of `new`, in the order of its rows.
        known_attributes: Those of `old`.
    """
    new.fast_rcnn.load_state_dict(old.fast_rcnn.state_dict())
    new.heads.grid.load_state_dict(old.heads.grid.state_dict())
    new.heads.refine.load_state_dict(old.heads.refine.state_dict())
    _fill_rows(new.heads.attribute, old.heads.attribute,
               {i: known_attributes.index(word) for i, word in enumerate(attributes) if word in known_attributes})
    _fill_classes(new.heads.classify, old.heads.classify, classes, known)
    new.proposals.reduce.load_state_dict(old.proposals.reduce.state_dict())
    new.proposals.look.load_state_dict(old.proposals.look.state_dict())
    scales = [min(range(len(old.proposals.scales)), key=lambda j: abs(old.proposals.scales[j] - scale))
              for scale in new.proposals.scales]
    per_scale = len(RATIOS)
    anchors = {i * per_scale + r: j * per_scale + r for i, j in enumerate(scales) for r in range(per_scale)}
    _fill_rows(new.proposals.objectness, old.proposals.objectness, anchors)
    _fill_rows(new.proposals.deltas, old.proposals.deltas,
               {4 * i + k: 4 * j + k for i, j in anchors.items() for k in range(4)})


@torch.no_grad()
def take_over_vlbert(new: VLBert, old: VLBert, classes: RegionClasses, known: RegionClasses) -> None:
    """Fill a VL-BERT with the weights of one that differs in its region classes alone.

    Args:
        new: The model to fill. A class that `old` lacks starts as in `take_over`.
        old: The model to start from, with the same sizes.
        classes: The region classes of `new`.
        known: Those of `old`.
    """
    own = {name: tensor for name, tensor in old.state_dict().items() if not name.startswith("heads.mvrc.classify.")}
    new.load_state_dict(own, strict=False)
    _fill_classes(new.heads.mvrc.classify, old.heads.mvrc.classify, classes, known)


def _fill_classes(new: torch.nn.Linear, old: torch.nn.Linear, classes: RegionClasses, known: RegionClasses) -> None:
    number = {name: i for i, name in enumerate(known.names)}
    rows = {i: number.get(name, known.index(name) or -1) for i, name in enumerate(classes.names)}
    new.weight.copy_(old.weight[1:].mean(dim=0).expand_as(new.weight))
    new.bias.fill_(float(old.bias[1:].mean()) + BACKGROUND_BIAS)
    _fill_rows(new, old, {i: j for i, j in rows.items() if j >= 0})


def _fill_rows(new: torch.nn.Module, old: torch.nn.Module, rows: dict[int, int]) -> None:
    """Copy row j of `old` to row i of `new` for each i: j, weights and biases alike."""
    own, other = list(rows), list(rows.values())
    for parameter, source in zip(new.parameters(), old.parameters(), strict=True):
        values: Tensor = source[other]
        parameter[own] = values
