"""JPEG files that lack their last bytes: whether what is left is the whole picture but for its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

END = b"\xff\xd9"
MOST_LACKING = 0.1  # of the rows
_COEFFICIENTS = frozenset(range(64))
_SCAN = re.compile(rb"\xff\xda\x00[\x06-\x0c]([\x01-\x04])", re.DOTALL)


@dataclass(frozen=True)
class Scan:
    """A pass over the picture. A progressive JPEG has several, each of which makes the picture finer.

    Attributes:
        components: identifiers of the colour components that it holds
        coefficients: which of the 64 coefficients of a block it holds
        low_bits: how many low bits of these coefficients it leaves to later scans
        body: where its data begin in the file
    """

    components: bytes
    coefficients: range
    low_bits: int
    body: int


def scans(data: bytes) -> list[Scan]:
    """Find the scans of a JPEG file, in the order of the file.

    Args:
        data: the content of the file

    Returns:
        All scans whose header is whole.
    """
    at = 2
    while data[at:at + 1] == b"\xff" and data[at + 1:at + 2] != b"\xda":  # a thumbnail in the header has scans, too
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    found = []
    for header in _SCAN.finditer(data, at):
        names, rest = header.end(), header.end() + 2 * header[1][0]
        if len(data) >= rest + 3:
            found.append(Scan(data[names:rest:2], range(data[rest], data[rest + 1] + 1), data[rest + 2] & 15, rest + 3))
    return found


def all_begun(found: Sequence[Scan], components: int) -> bool:
    """Whether the last bit of every coefficient of every component has a scan, so that only the last one is cut off."""
    exact: dict[int, set[int]] = {}
    for scan in found:
        if scan.low_bits == 0:
            for name in scan.components:
                exact.setdefault(name, set()).update(scan.coefficients)
    return sum(have >= _COEFFICIENTS for have in exact.values()) >= components


def lacking(pixels: np.ndarray, before: np.ndarray, *, first: bool) -> float:
    """Measure how many rows the last scan of a cut JPEG does not reach.

    Args:
        pixels: decoded with the last scan, as far as that goes, [height, width] or [height, width, channels] uint8
        before: decoded without the data of the last scan
        first: whether the last scan is the only one; otherwise it may add nothing to rows of one colour

    Returns:
        A share of the rows, from 0 to 1.
    """
    rows = pixels.reshape(len(pixels), -1, pixels.shape[2] if pixels.ndim == 3 else 1)
    reached = np.flatnonzero((rows != before.reshape(rows.shape)).any(axis=(1, 2)))
    below = rows[int(reached[-1]) + 1:] if reached.size else rows
    if not first:
        below = below[np.ptp(below, axis=1).max(axis=1) > 2] if len(below) else below
    return len(below) / len(rows)
