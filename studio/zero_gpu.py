"""A GPU that is lent for one call at a time (ZeroGPU on Hugging Face), where the package `spaces` is installed.

A function under `spaces.GPU` runs in a process forked at the call: its arguments and answers are pickled, and what it
needs besides must be there before. So the predictor is kept here and a call names only its method. The heavy half, the
detector, moves to the GPU in that process; the light half, which answers clicks, stays on the CPU where it is.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    import spaces
except ImportError:
    spaces = None

if TYPE_CHECKING:
    from engine.predictor import Predictor
    from engine.structures.example import Regions
    from engine.structures.seen import Seen

SECONDS = 20  # most that one call may take; a photo takes far less
_lent: list[Predictor] = []


def borrowing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` under `spaces.GPU`, which changes nothing away from ZeroGPU; itself without the package."""
    return function if spaces is None else spaces.GPU(duration=SECONDS)(function)  # type: ignore[no-any-return]


@borrowing
def heavy(method: str, *arguments: Any) -> Any:
    """A method of the predictor that was lent, with its detector on the GPU if there is one."""
    (predictor,) = _lent
    _to_gpu(predictor)
    return getattr(predictor, method)(*arguments)


def lend(predictor: Predictor) -> Predictor:
    """The same predictor, whose `see` and `hidden_pixels` run under `spaces.GPU`; unchanged without the package."""
    if spaces is None:
        return predictor
    _lent[:] = [copy.copy(predictor)]

    def see(photo: Any, boxes: Any = None) -> Seen:
        seen: Seen = heavy("see", photo, boxes)
        return seen

    def hidden_pixels(seen: Seen, hidden: tuple[int, ...]) -> Regions:
        if hidden and hidden not in seen.hidden:
            found = heavy("hidden_pixels", seen, hidden)
            seen.hidden.clear()  # the other process remembers nothing for this one
            seen.hidden[hidden] = found
        return seen.hidden[hidden] if hidden else seen.regions

    vars(predictor).update(see=see, hidden_pixels=hidden_pixels)
    return predictor


def _to_gpu(predictor: Predictor) -> None:
    """Only in the process that has the GPU, and once in each."""
    if "SPACES_ZERO_GPU" not in os.environ:
        return
    import torch

    from engine.detector.detector import Detector
    from engine.detector.elsewhere import Elsewhere

    if isinstance(predictor.detector, Detector) and torch.cuda.is_available():
        device = torch.device("cuda")
        predictor.detector = Elsewhere(predictor.detector.to(device), device)
