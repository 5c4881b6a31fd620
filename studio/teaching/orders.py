"""What a visitor orders: a run, as settings and as the command that starts it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import FineTuneConfig, ScenesConfig
from engine.errors import ConfigError
from studio import forms

ROOT = Path(__file__).parents[2]  # where the commands are started
PROBE = "probe.jpg"


@dataclass(frozen=True)
class Places:
    """Folders that every command names. cache: drawn scenes and features; own: visitors' photos; weights: to begin
    with."""

    runs: Path
    weights: Path

    @property
    def cache(self) -> Path:
        return self.runs / "cache"

    @property
    def own(self) -> Path:
        return self.runs / "own"


@dataclass(frozen=True)
class Order:
    """own: the name of a folder of one's own photos, or nothing for scenes. probe: words about the photo `probe.jpg`
    in the run's folder, or nothing."""

    settings: FineTuneConfig
    scenes: ScenesConfig
    own: str = ""
    probe: str = ""

    def __post_init__(self) -> None:
        if bool(self.own) == bool(self.scenes.scenes):
            raise ConfigError("A run learns either from scenes or from your own photos. Choose how many scenes, or "
                              "hand over your photos first.")
        if self.own and not self.own.replace("-", "").isalnum():
            raise ConfigError(f"{self.own!r} is no name of own photos.")
        if self.own and self.settings.task == "vcr":
            raise ConfigError("Your own photos can teach pointing and answering. To choose among four, take scenes.")
        if not self.settings.evaluate_every:
            raise ConfigError("evaluate_every is 0; the page follows a run by its measurements. Give 1 or more.")
        if not self.settings.epochs and not self.settings.steps:
            raise ConfigError("epochs and steps are both 0; there is nothing to do. Raise one of them.")

    @property
    def data(self) -> str:
        """In words."""
        return "own photos" if self.own else f"{self.scenes.scenes:,} scenes"

    def arguments(self, places: Places, folder: Path) -> list[str]:
        """Of the Python that runs it, in the folder `ROOT`. folder: the run's."""
        found = ["-m", "engine", "finetune", self.settings.task]
        if self.own:
            found += ["--data", _short(places.own / self.own)]
        else:
            found += forms.flags(self.scenes)
        found += forms.flags(self.settings, leave_out=("task",))
        if self.probe:
            found += ["--probe-photo", _short(folder / PROBE), f"--probe-text={self.probe}"]
        return [*found, "--init", _short(places.weights), "--cache", _short(places.cache), "--out", _short(folder)]

    def command(self, places: Places, folder: Path) -> str:
        """The same as a line for a shell."""
        return shlex.join(["python", *self.arguments(places, folder)])

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Order:
        """Raises ConfigError, KeyError, TypeError or AttributeError for what `to_json` never wrote."""
        own, probe = raw["own"], raw["probe"]
        if not isinstance(own, str) or not isinstance(probe, str):
            raise TypeError("own and probe must be text")
        return cls(_settings(FineTuneConfig, raw["settings"]), _settings(ScenesConfig, raw["scenes"]), own, probe)


def _settings(kind: type[forms.Chosen], raw: dict[str, Any]) -> forms.Chosen:
    known = {f.name for f in dataclasses.fields(kind)}
    unknown = set(raw) - known
    if unknown:
        raise ConfigError(f"settings of another version: {', '.join(sorted(unknown))}")
    return forms.read(kind, raw)


def _short(path: Path) -> str:
    """Relative to `ROOT` where it is below."""
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


