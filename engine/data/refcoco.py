"""Reader of RefCOCO, RefCOCO+ and RefCOCOg: `instances.json`, `refs(….p)` and COCO's training pictures of 2014.

Sources: Yu et al., ECCV 2016; Mao et al., CVPR 2016; detections: MAttNet (Yu et al., CVPR 2018).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.data import plain_pickle
from engine.data.album import Album, fractions_of_sized
from engine.data.lines import BROKEN, array, lists, reason, text
from engine.errors import DataError
from engine.structures.boxes import MAX_BOXES, Boxes
from engine.structures.questions import DataSet, Fractions, Pictured, ReferringExpression, Skipped
from engine.wording import kind

HIT = 0.5  # overlap with the target from which a detected box shows it


def read(folder: str | Path, split: str, images: str | Path, partition: str = "unc",
         detections: str | Path | None = None, limit: int | None = None) -> DataSet[ReferringExpression]:
    """Every sentence of a split as one expression, in file order; the picture's boxes are the candidates.

    folder: holds `instances.json` and `refs(PARTITION).p` (unc for RefCOCO and RefCOCO+, umd or google for RefCOCOg).
    images: the folder of `COCO_train2014_….jpg`. Candidates are all annotated boxes, and the target is one of them;
    with `detections` (MAttNet's json) they are the best 100 detected ones, and those that overlap the target by at
    least a half show it, perhaps none. limit: at most that many expressions.
    Raises DataError where a file is missing or refused, the split does not exist, or nothing can be used.
    """
    refs = _refs(Path(folder) / f"refs({partition}).p", split)
    album, skipped = Album(), Skipped()
    candidates = _Candidates(Path(folder) / "instances.json", detections, skipped)
    usable: list[ReferringExpression] = []
    for ref in refs:
        try:
            usable.extend(_expressions(ref, candidates, album, Path(images), skipped))
        except BROKEN as error:
            skipped.add(f"reference {ref.get('ref_id', 'without a number')}: {reason(error)}")
        if limit is not None and len(usable) >= limit:
            break
    return DataSet(album.pictures, tuple(usable[:limit]), skipped)


def _refs(path: Path, split: str) -> list[dict[str, Any]]:
    refs = plain_pickle.load(path)
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        raise DataError(f"{path} must hold a list of dictionaries; it holds {kind(refs)}. Fetch it anew.")
    chosen = [ref for ref in refs if ref.get("split") == split]
    if not chosen:
        known = sorted({str(ref.get("split")) for ref in refs})
        raise DataError(f"{path} has no split {split!r}; it has {', '.join(known) or 'none'}. Choose one of them.")
    return chosen


class _Candidates:
    """The boxes of every picture, as annotated or as detected. Broken ones are skipped when their picture is read."""

    def __init__(self, instances: Path, detections: str | Path | None, skipped: Skipped) -> None:
        images, annotations, categories = lists(instances, "images", "annotations", "categories")
        try:
            self._sizes = {image["id"]: (image["width"], image["height"]) for image in images}
            self._classes = {category["id"]: str(category["name"]) for category in categories}
            self._targets = {annotation["id"]: annotation for annotation in annotations}
            self._boxes: dict[int, list[dict[str, Any]]] = {}
            for box in self._targets.values() if detections is None else array(Path(detections)):
                self._boxes.setdefault(box["image_id"], []).append(box)
        except (KeyError, TypeError) as error:
            where = instances if detections is None else f"{instances} or {detections}"
            raise DataError(f"{where} has an entry that is broken ({reason(error)}). Fetch it anew.") from error
        self._detected, self._skipped = detections is not None, skipped

    def pictured(self, path: Path, image: int) -> Pictured:
        """Raises DataError where no box of the picture can be used."""
        found: list[tuple[Fractions, str]] = []
        entries = self._boxes.get(image, [])
        if self._detected:
            entries = sorted(entries, key=lambda e: -float(e.get("score", 0.0)))
        for entry in entries:
            try:
                sized = entry["box" if self._detected else "bbox"]
                found.append((fractions_of_sized(sized, *self._sizes[image]), self._classes[entry["category_id"]]))
            except BROKEN as error:
                self._skipped.add(f"a box of picture {image}: {reason(error)}")
        if not found:
            raise DataError(f"picture {image} has no {'detected' if self._detected else 'annotated'} box")
        kept = found[:MAX_BOXES] if self._detected else found
        return Pictured(path, tuple(box for box, _ in kept), tuple(name for _, name in kept))

    def target(self, annotation: int, image: int) -> Fractions:
        """The annotated box. Raises DataError where this picture has no such annotation, BoxError without area."""
        entry = self._targets.get(annotation)
        if entry is None or entry["image_id"] != image:
            raise DataError(f"picture {image} has no annotation {annotation}")
        return fractions_of_sized(entry["bbox"], *self._sizes[image])

    def showing(self, target: Fractions, pictured: Pictured) -> tuple[int, ...]:
        """Which boxes of the picture show the target: itself, or the detections that overlap it enough."""
        if not self._detected:
            return tuple(place for place, box in enumerate(pictured.boxes) if box == target)
        overlaps = Boxes.from_fractions(pictured.boxes, 1, 1).iou(Boxes.from_fractions([target], 1, 1))[:, 0]
        return tuple(place for place, overlap in enumerate(overlaps.tolist()) if overlap >= HIT)


def _expressions(ref: dict[str, Any], candidates: _Candidates, album: Album, images: Path,
                 skipped: Skipped) -> list[ReferringExpression]:
    image = int(ref["image_id"])
    target = candidates.target(ref["ann_id"], image)
    picture = album.number(images / f"COCO_train2014_{image:012d}.jpg", lambda path: candidates.pictured(path, image))
    boxes = candidates.showing(target, album[picture])
    expressions = []
    for sentence in ref["sentences"]:
        try:
            expressions.append(ReferringExpression(picture, text(sentence, "sent"), boxes, id=sentence.get("sent_id")))
        except BROKEN as error:
            skipped.add(f"a sentence of reference {ref['ref_id']}: {reason(error)}")
    return expressions
