"""Attention of all layers and heads for the browser, which draws, filters and multiplies it by itself."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from studio.views.names import region_names, word_names

if TYPE_CHECKING:
    from engine.explain.results import AttentionPyramid, Element


def pyramid(found: AttentionPyramid, labels: Sequence[str]) -> dict[str, Any]:
    """weights: base64 of one byte a number; scales: base64 of little-endian float32, one a row. labels: of regions."""
    scales = array("f", found.scales)
    return {
        "weights": base64.b64encode(found.weights).decode("ascii"),
        "scales": base64.b64encode(scales.tobytes()).decode("ascii"),
        "layers": found.layers, "heads": found.heads,
        "elements": [{"kind": e.kind, "index": e.index, "text": name}
                     for e, name in zip(found.elements, names(found.elements, labels), strict=True)],
        "entropy": [[round(v, 4) for v in layer] for layer in found.entropy],
        "shares": [[[round(v, 4) for v in head] for head in layer] for layer in found.shares],
    }


def names(elements: Sequence[Element], labels: Sequence[str]) -> list[str]:
    """Name the elements so that no two have the same name.

    Args:
        elements: of the sequence.
        labels: of the regions.

    Returns:
        Words by their pieces, regions by their labels; repeated ones are numbered.
    """
    words = iter(word_names([e.text for e in elements if e.kind == "word"]))
    regions = region_names(labels)
    found = []
    for element in elements:
        if element.kind == "word":
            found.append(next(words))
        elif element.kind == "region":
            found.append(regions[element.index])
        else:
            found.append(element.text)
    return found
