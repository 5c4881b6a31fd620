"""Who is here and which photos each has open: nobody can reach another's."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.structures.photo import Photo
from studio.errors import PhotoGoneError, VisitorGoneError

PHOTOS_EACH = 3  # the present one, and two for undo
MOST_VISITORS = 4000  # two to a page: each of its canvases is one
MOST_BYTES = 512 * 1024**2
IDLE_SECONDS = 30 * 60


@dataclass
class _Visitor:
    seen_at: float
    photos: OrderedDict[str, Photo] = field(default_factory=OrderedDict)
    latest: int = 0


class Visitors:
    """Photos by visitor; each canvas of a page is a visitor of its own.

    A visitor and a photo are each known by 256 random bits, so neither can be guessed.

    A visitor's photos are dropped when the visitor leaves, after half an hour without a click, and, the longest
    unused visitor first, where all photos together grow beyond 512 MB. `clock` counts seconds; tests bring their own.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most_bytes: int = MOST_BYTES,
                 idle_seconds: float = IDLE_SECONDS) -> None:
        self._clock, self._most_bytes, self._idle_seconds = clock, most_bytes, idle_seconds
        self._visitors: OrderedDict[str, _Visitor] = OrderedDict()
        self._lock = threading.RLock()

    def admit(self) -> str:
        """A new visitor's secret name."""
        with self._lock:
            name = secrets.token_urlsafe(32)
            self._visitors[name] = _Visitor(self._clock())
            while len(self._visitors) > MOST_VISITORS:
                self._visitors.popitem(last=False)
            return name

    def keep(self, visitor: str, photo: Photo) -> str:
        """Keep a photo for a visitor and return its ticket. Raises VisitorGoneError."""
        with self._lock:
            record = self._record(visitor)
            ticket = secrets.token_urlsafe(32)
            record.photos[ticket] = photo
            while len(record.photos) > PHOTOS_EACH:
                record.photos.popitem(last=False)
            self._fit()
            return ticket

    def photo(self, visitor: str, ticket: str) -> Photo:
        """Raises VisitorGoneError or, where this visitor has no such photo (any more), PhotoGoneError."""
        with self._lock:
            photos = self._record(visitor).photos
            if ticket not in photos:
                raise PhotoGoneError("The studio no longer keeps this photo. It is handed in again.")
            photos.move_to_end(ticket)
            return photos[ticket]

    def note(self, visitor: str, sequence: int) -> None:
        """Remember the newest request of a visitor. Raises VisitorGoneError."""
        with self._lock:
            record = self._record(visitor)
            record.latest = max(record.latest, sequence)

    def is_newest(self, visitor: str, sequence: int) -> bool:
        """Whether no later request of this visitor was noted."""
        with self._lock:
            record = self._visitors.get(visitor)
            return record is not None and record.latest <= sequence

    def leave(self, visitor: str) -> None:
        """Drop a visitor's photos. The name stays known, so that a page that comes back can go on."""
        with self._lock:
            if visitor in self._visitors:
                self._visitors[visitor].photos.clear()

    def dismiss(self, visitor: str) -> None:
        """Forget a visitor who does not come back, the name too."""
        with self._lock:
            self._visitors.pop(visitor, None)

    def sweep(self) -> None:
        """Drop the photos of everyone who has been idle too long."""
        with self._lock:
            for record in self._visitors.values():
                if self._clock() - record.seen_at > self._idle_seconds:
                    record.photos.clear()

    def digests(self) -> set[str]:
        """Of every photo that somebody has open."""
        with self._lock:
            return {p.digest for record in self._visitors.values() for p in record.photos.values()}

    def _record(self, visitor: str) -> _Visitor:
        if visitor not in self._visitors:
            raise VisitorGoneError("The studio was started anew since this page was opened. Reload the page.")
        record = self._visitors[visitor]
        record.seen_at = self._clock()
        self._visitors.move_to_end(visitor)
        return record

    def _fit(self) -> None:
        """Every visitor but the newest gives up photos, the longest unused first, until all fit."""
        kept = sum(p.pixels.nbytes for r in self._visitors.values() for p in r.photos.values())
        for record in list(self._visitors.values())[:-1]:
            if kept <= self._most_bytes:
                return
            kept -= sum(p.pixels.nbytes for p in record.photos.values())
            record.photos.clear()
