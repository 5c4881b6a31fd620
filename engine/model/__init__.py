"""The visual-linguistic Transformer: from a batch to states, and from states to answers.

Shapes: B batch, T text pieces, R regions, L packed sequence, D hidden, H heads, N layers, V vocabulary,
C region classes.
"""

from engine.model.taps import Taps
from engine.model.vlbert import Encoded, VLBert

__all__ = ["Encoded", "Taps", "VLBert"]
