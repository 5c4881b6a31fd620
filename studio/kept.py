"""Photos that a visitor asked the studio to keep, so that a link can open them."""

from __future__ import annotations

import base64
import hmac
import secrets

from engine.structures.photo import Photo
from studio.errors import PhotoGoneError
from studio.shelf import Shelf

MOST_KEPT, MOST_BYTES = 200, 256 * 1024**2


class Kept:
    """Each known by 256 bits that nobody can guess: who has the link sees the photo, nobody else. Gone when the studio
    ends."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._photos: Shelf[str, Photo] = Shelf(MOST_KEPT, MOST_BYTES, lambda photo: photo.pixels.nbytes)

    def keep(self, visitor: str, photo: Photo) -> str:
        """The photo's name in links: the same for this visitor's same photo, which is kept once."""
        made = hmac.digest(self._secret, f"{visitor} {photo.digest}".encode(), "sha256")
        name = base64.urlsafe_b64encode(made).decode().rstrip("=")
        self._photos.put(name, photo)
        return name

    def photo(self, name: str) -> Photo:
        """Raises PhotoGoneError."""
        photo = self._photos.get(name)
        if photo is None:
            raise PhotoGoneError("The studio no longer keeps the photo of this link: it was started anew, or many "
                                 "others were kept since. Open the photo yourself.")
        return photo
