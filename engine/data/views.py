"""More looks at the same photos: their features under small changes that leave what is to be seen as it is.

A few thousand photographs are soon known by heart: after fifteen passes the model names hidden regions of the photos
that it learned from far better than others. A region whose feature is not the same at every pass is harder to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.data.feature_files import Found, HasBoxes, write
from engine.data.features import FeatureCache
from engine.detector.detector import Detector
from engine.detector.elsewhere import Elsewhere, asked_from
from engine.errors import PhotoError
from engine.precision import autocast
from engine.progress import Progress, silent
from engine.structures.boxes import Boxes, mirrored
from engine.structures.photo import Photo

JITTER = (0.06, 0.06, 0.1, 0.1)  # standard deviation of a box's centre, as a share of its sides, and of their logarithm
BRIGHTNESS, CONTRAST = 0.25, 0.25  # most that the picture changes by, as a share
SEED = 15_485_863


@torch.inference_mode()
def compute_view(detector: Detector | Elsewhere, photos: Sequence[HasBoxes], plain: FeatureCache, number: int,
                 folder: str | Path, *, mirrored: bool = False, seed: int = 0, progress: Progress = silent) -> None:
    """Fill a cache with view `number` of the photos: the rows of `plain`, each region seen a little otherwise.

    Brightness, contrast and every box change at random, from number and seed alone. What an interrupted call left in
    `folder` is continued. A photo that cannot be read gets no regions, as in `engine.data.features.compute`.

    Args:
        detector: computes where it is
        photos: those of `plain`
        plain: the features without any change
        number: of the view, from 1
        folder: of the cache
        mirrored: whether left and right are exchanged
        seed: of the changes
        progress: called after each photo

    Raises:
        DiskError: the disk is full or refuses.
    """
    made = {**plain.made, "seed": seed}
    write(folder, photos, lambda first: _views(detector, photos, plain, number, seed, first, mirror=mirrored), progress,
          made)


def _views(detector: Detector | Elsewhere, photos: Sequence[HasBoxes], plain: FeatureCache, number: int,
           seed: int, first: int, *, mirror: bool) -> Iterator[Found]:
    """From photo `first` on; the changes of those before are drawn again, so that the others stay what they were."""
    device = asked_from(detector)
    generator = torch.Generator().manual_seed(SEED + number + 1000 * seed)
    for i, photo in enumerate(photos):
        if i in plain.unreadable:
            if i >= first:
                yield PhotoError(plain.unreadable[i])
            continue
        light, boxes = torch.rand(2, generator=generator), jittered(plain.boxes(i), generator)
        if i < first:
            continue
        try:
            picture = relit(detector.transform.picture(Photo.open(photo.path)), light)
        except PhotoError as error:
            yield error
            continue
        if mirror:
            picture = picture.flip(-1)
            boxes = mirrored(boxes, 1.0)
        height, width = picture.shape[1:]
        with autocast(device.type):
            maps = detector.fast_rcnn.maps(picture[None].to(device))
            own = Boxes.from_fractions(boxes, width, height).xyxy.to(device)
            features = detector.fast_rcnn.features(maps, [own])
        yield plain.annotated(i), boxes, features.float().cpu()


def relit(picture: Tensor, light: Tensor) -> Tensor:
    """A mean-subtracted picture [3, h, w] in 0..255, brighter or darker, with more or less contrast.

    light: [2] in 0..1, brightness and contrast; 0.5 changes nothing."""
    brighter, steeper = (2 * light - 1).tolist()
    mean = picture.mean(dim=(1, 2), keepdim=True)
    return (picture - mean) * (1 + CONTRAST * steeper) + mean + 128 * BRIGHTNESS * brighter


def jittered(boxes: Tensor, generator: torch.Generator) -> Tensor:
    """Boxes [K, 4] as fractions, moved and resized a little, inside the picture."""
    noise = torch.randn(boxes.shape, generator=generator) * torch.tensor(JITTER)
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2 + noise[:, :2] * size
    half = size * noise[:, 2:].exp() / 2
    moved = torch.cat([centre - half, centre + half], dim=1).clamp(0, 1)
    whole = ((moved[:, 2:] - moved[:, :2]) > size / 2).all(dim=1, keepdim=True)  # else too little is left of it
    return torch.where(whole, moved, boxes)
