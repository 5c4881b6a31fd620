"""Which region does a phrase of the caption mean, by the alignment that pre-training learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.data.flickr8k import AnnotatedPhoto
from engine.data.grounded_captions import grounded_captions
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.example import Example
from engine.structures.photo import Photo


@torch.inference_mode()
def alignment(predictor: Predictor, photos: Sequence[AnnotatedPhoto]) -> dict[str, float]:
    """`accuracy`: the best of the annotated boxes is one that the phrase names; caption 0 of each photo; `n` phrases.

    Nothing at all for a model without the alignment head.
    """
    head = predictor.model.heads.alignment
    if head is None:
        return {"accuracy": float("nan"), "n": 0}
    right: list[bool] = []
    for grounded in counted(grounded_captions(photos, predictor.pieces, captions=1), "phrases"):
        photo = photos[grounded.photo]
        if not grounded.phrases:
            continue
        seen = predictor.see(Photo.open(photo.path), photo.boxes)
        encoded = predictor.encode([Example(grounded.caption.piece_ids, seen.regions)])
        for word, boxes in grounded.phrases:
            place = grounded.caption.words[word].stop - 1
            scores = head(encoded.text[:, place], encoded.regions)[0]
            right.append(int(scores[1:].argmax()) in boxes)
    return {"accuracy": sum(right) / len(right) if right else float("nan"), "n": len(right)}
