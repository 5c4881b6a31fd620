"""What the fuzz tests share: how files and requests are changed, and what may come of it."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from engine.errors import VLBertError

WORDS = [0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
ODD = [None, True, False, -1, 0, 1, 2**31, 10**30, -10**30, 1e308, float("nan"), float("inf"), 0.5, "", " ", "\0",
       "\ud800", "../../etc/passwd", "[MASK]", "x" * 5000, "\u202e\u200b", [], {}, [[]], [None], {"": {}}, [0, 0, 1, 1],
       [[0, 0, 1, 1]]]
MEMORY = Path("/proc/self/status")


def examples(most: int) -> settings:
    """The same examples at every run, so that a failure is one of the code and never of chance.

    VLBERT_FUZZ in the environment, a whole number, makes that many times more of them.
    """
    return settings(max_examples=most * int(os.environ.get("VLBERT_FUZZ", "1")), derandomize=True, deadline=None,
                    database=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of these files with bytes that are changed, put in, left out, repeated or cut off."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        # Half of the changes fall into the first bytes, where headers are.
        at = draw(st.integers(0, min(len(data), 96)) | st.integers(0, len(data)))
        much = draw(st.integers(1, 64))
        kind = draw(st.sampled_from(["byte", "word", "bytes", "insert", "drop", "repeat", "cut"]))
        if kind == "byte" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == "word":
            order, size = draw(st.sampled_from(["big", "little"])), draw(st.sampled_from([2, 4]))
            data[at:at + size] = (draw(st.sampled_from(WORDS)) % 256**size).to_bytes(size, order)
        elif kind in ("bytes", "insert"):
            data[at:at + (much if kind == "bytes" else 0)] = draw(st.binary(max_size=much))
        elif kind == "drop":
            del data[at:at + much]
        elif kind == "repeat":
            data[at:at] = data[at:at + much] * draw(st.integers(1, 20))
        elif kind == "cut":
            del data[at:]
    return bytes(data)


@st.composite
def altered(draw: st.DrawFn, trees: list[Any]) -> Any:
    """One of these json values with some of its parts exchanged, left out or moved."""
    tree = [copy.deepcopy(draw(st.sampled_from(trees)))]  # so that the whole can be exchanged, too
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(_places(tree))))
        kind = draw(st.sampled_from(["odd", "odd", "text", "number", "drop", "wrap", "other"]))
        if kind == "drop" and holder is not tree:
            del holder[key]
        elif kind == "wrap":
            holder[key] = [holder[key]]
        elif kind == "other":
            other, where = draw(st.sampled_from(list(_places(tree))))
            holder[key] = copy.deepcopy(other[where])
        elif kind == "text":
            holder[key] = draw(st.text(max_size=20))
        elif kind == "number":
            holder[key] = draw(st.integers(-5, 200) | st.floats())
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return tree[0]


def as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = range(len(tree)) if isinstance(tree, list) else list(tree) if isinstance(tree, dict) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


@contextmanager
def refusing() -> Iterator[None]:
    """A result, or an error of the project's own with a sentence. Anything else escapes and fails the test."""
    try:
        yield
    except VLBertError as error:
        assert len(str(error)) > 10
        assert "Traceback" not in str(error)


@contextmanager
def within(megabytes: int) -> Iterator[None]:
    """Fails where the process needs more than so much memory beyond what it has. Only Linux says."""
    if not MEMORY.exists():
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _memory("VmRSS")
    yield
    grown = _memory("VmHWM") - before
    assert grown < megabytes, f"{grown} MB more at the peak"


def _memory(which: str) -> int:
    line = next(line for line in MEMORY.read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) >> 10
