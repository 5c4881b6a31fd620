"""Who sits where in the packed sequence: text, then regions, then [END], without gaps (specification, "Sequence")."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Places of B samples' elements in sequences of length L.

    Elements are counted text first (T), then regions (R), then [END]: T + R + 1 of them, real or not.

    source: [B, L] int64, the element that sits at each place; padding repeats [END].
    real: [B, L] bool. positions: [B, L] int64, the position embedding of each place.
    text_places: [B, T], region_places: [B, R] int64, the place of each element; 0 where it is not real.
    text_real: [B, T], region_real: [B, R] bool.
    """

    source: Tensor
    real: Tensor
    positions: Tensor
    text_places: Tensor
    region_places: Tensor
    text_real: Tensor
    region_real: Tensor

    @classmethod
    def of(cls, text_real: Tensor, region_real: Tensor) -> Layout:
        """Regions start right after their own sample's last real piece.

        Text has positions 0 to n-1, every region n, [END] n+1, where n counts the sample's real pieces.
        """
        b, t = text_real.shape
        r = region_real.shape[1]
        pieces = text_real.sum(dim=1, keepdim=True)  # [B, 1]
        last = pieces + region_real.sum(dim=1, keepdim=True)  # [B, 1], the place of [END]
        length = int(last.max()) + 1
        text_places = text_real.cumsum(dim=1) - 1
        region_places = pieces + region_real.cumsum(dim=1) - 1
        beyond = torch.full_like(last, length)  # where elements that are not real go
        places = torch.cat([text_places.where(text_real, beyond), region_places.where(region_real, beyond), last], 1)
        source = torch.full((b, length + 1), t + r, device=text_real.device)
        source.scatter_(1, places, torch.arange(t + r + 1, device=text_real.device).expand(b, -1))
        place = torch.arange(length, device=text_real.device)[None]  # [1, L]
        positions = torch.minimum(place, pieces) + (place >= last)
        return cls(source[:, :length], place <= last, positions, text_places.where(text_real, 0),
                   region_places.where(region_real, 0), text_real, region_real)

    def pack(self, text: Tensor, regions: Tensor, end: Tensor) -> Tensor:
        """Text [B, T, ...], regions [B, R, ...] and [END] [B, 1, ...] -> [B, L, ...]."""
        return _take(torch.cat([text, regions, end], dim=1), self.source)

    def unpack(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        """[B, L, D] -> text [B, T, D] and regions [B, R, D]; 0 where an element is not real."""
        text = _take(packed, self.text_places) * self.text_real[..., None]
        return text, _take(packed, self.region_places) * self.region_real[..., None]


def _take(elements: Tensor, places: Tensor) -> Tensor:
    """elements [B, S, ...], places [B, P] -> [B, P, ...]: per sample, the elements at these places."""
    rows = torch.arange(places.shape[0], device=places.device)[:, None]
    return elements[rows, places]
