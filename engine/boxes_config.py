"""How a user says that boxes are written."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import Settings, setting


@dataclass(frozen=True, kw_only=True)
class BoxesConfig(Settings):
    """How the boxes of one table or one file are written (`engine.data.box_format`)."""

    boxes_format: str = setting("auto", "boxes as x1, y1, x2, y2 (xyxy), or as x, y, width, height (xywh, as COCO has "
                                "them); auto: xyxy, unless the boxes contradict it", choices=("auto", "xyxy", "xywh"))
    boxes_unit: str = setting("auto", "boxes in pixels of the upright photo, or in fractions of it; auto: by the "
                              "numbers of all boxes together", choices=("auto", "fractions", "pixels"))

    @property
    def stated(self) -> list[str]:
        """The flags that were given a value."""
        values = {"--boxes-format": self.boxes_format, "--boxes-unit": self.boxes_unit}
        return [flag for flag, value in values.items() if value != "auto"]


AUTO_BOXES = BoxesConfig()
