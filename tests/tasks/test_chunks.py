"""Which examples pass the model together: every one once, and no other division costs less."""

from itertools import combinations, pairwise

import pytest
import torch

from engine.structures.example import Example, Regions
from engine.tasks import chunks
from engine.tasks.chunks import CHUNK, PASS, chunked


def example(pieces: int) -> Example:
    return Example(tuple(range(pieces)), Regions(torch.zeros(1, 4), torch.zeros(1, 2)))


def cost(lengths: list[int]) -> int:
    return len(lengths) * max(lengths) + PASS


@pytest.mark.parametrize("pieces", [[3, 140, 5, 138, 4, 490, 141, 6, 3], [7] * 9, [290, 3, 3, 3], [5], []])
def test_no_other_division_costs_less(pieces: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 5)
    found = list(chunked([example(n) for n in pieces]))
    assert sorted(k for own in found for k in own) == list(range(len(pieces)))
    assert all(len(own) <= 5 for own in found)
    lengths = sorted(n + 2 for n in pieces)  # with the region and [END]
    cuts = [(0, *own, len(lengths)) for n in range(len(lengths)) for own in combinations(range(1, len(lengths)), n)]
    divisions = [[lengths[start:end] for start, end in pairwise(own)] for own in cuts]
    assert sum(cost([pieces[k] + 2 for k in own]) for own in found) == min(
        (sum(map(cost, own)) for own in divisions if all(len(part) <= 5 for part in own)), default=0)


def test_alike_examples_pass_in_as_few_passes_as_may_be() -> None:
    assert sorted(map(len, chunked([example(10)] * (2 * CHUNK + 1)))) == [1, CHUNK, CHUNK]
