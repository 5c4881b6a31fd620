"""The smallest task there is: a line through noisy points."""

import torch
from torch import nn


class Line:
    """Dropout and noise make every step depend on both generators, unless `exact` leaves them out."""

    def __init__(self, broken_at: int = -1, exact: bool = False) -> None:
        torch.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.0 if exact else 0.3), nn.Linear(8, 1))
        self.unused = nn.Parameter(torch.ones(1))
        self.model.register_parameter("unused", self.unused)
        self.x = torch.randn(64, 3)
        self.noise = 0.0 if exact else 0.1
        self.broken_at, self.calls = broken_at, 0

    def __len__(self) -> int:
        return len(self.x)

    def groups(self) -> list[dict]:
        return [{"params": list(self.model.parameters()), "scale": 1.0}]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.calls += 1
        x = self.x[examples] + self.noise * torch.randn(len(examples), 3, generator=generator)
        loss = (self.model(x).float()[:, 0] - self.x[examples].sum(dim=1)).square().mean()
        return {"square": loss * (float("nan") if self.calls == self.broken_at else 1.0)}
