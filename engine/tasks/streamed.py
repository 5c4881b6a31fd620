"""Pre-training on a stream of photos: end to end, nothing computed before, nothing kept but the buffer.

The photos of a step are drawn, learned from, and forgotten; the weights and the optimiser are what stays.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.data.flickr8k import AnnotatedPhoto
from engine.progress import counted
from engine.tasks.end_to_end import EndToEndTask

KEPT = 1024  # names of photos: more than any step draws


class StreamedTask:
    """See `engine.training.trainer.Trainable` and `Streamed`.

    build: the end-to-end task of some photos, always on the same model. photos: this process's own stream. count:
    photos in an epoch of all processes together.
    """

    def __init__(self, build: Callable[[Sequence[AnnotatedPhoto]], EndToEndTask], photos: Iterator[AnnotatedPhoto],
                 count: int) -> None:
        self.build, self.photos, self.count = build, photos, count
        self.names: deque[str] = deque(maxlen=KEPT)
        self.empty = build(())
        self.model = self.empty.model

    def __len__(self) -> int:
        return self.count

    def groups(self) -> list[dict[str, Any]]:
        return self.empty.groups()

    def skip(self, examples: int) -> None:
        for _ in counted(itertools.islice(self.photos, examples), "photos learned from already", examples):
            pass

    def drawn(self, examples: int) -> list[str]:
        return list(self.names)[-examples:]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        drawn = list(itertools.islice(self.photos, len(examples)))
        self.names.extend(f"{photo.path.name} in {photo.path.parent.name}" for photo in drawn)
        return self.build(drawn).losses(list(range(len(drawn))), generator)
