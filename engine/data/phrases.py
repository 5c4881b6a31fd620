"""Phrases of captions as referring expressions: which boxes do they name (Flickr30k Entities, Plummer et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.data.flickr8k import AnnotatedPhoto
from engine.structures.questions import DataSet, Pictured, ReferringExpression


def expressions(photos: Sequence[AnnotatedPhoto]) -> DataSet[ReferringExpression]:
    """Every phrase with a box, in its caption; kinds: the categories of its entity. Raises DataError for none."""
    found = [ReferringExpression(i, phrase.text, phrase.boxes, caption.text, phrase.types)
             for i, photo in enumerate(photos) for caption in photo.captions
             for phrase in caption.phrases if phrase.boxes]
    return DataSet(tuple(Pictured(photo.path, photo.boxes) for photo in photos), tuple(found))
