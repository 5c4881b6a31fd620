"""What can go wrong between a visitor and the studio, beyond what the engine names."""

import re

from engine.errors import VLBertError

UNEXPECTED = "Something went wrong in the studio. What you have is kept; try again."  # its log says what
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/:;,\"'“”]+/)+")


class StartError(VLBertError):
    """Something that the studio needs from the machine before it can start is not there."""


class NotReadyError(VLBertError):
    """The model is still loading, or could not be loaded."""


class PhotoGoneError(VLBertError):
    """The studio no longer keeps this photo; the page holds it still and hands it in again."""


class VisitorGoneError(VLBertError):
    """A visitor that this studio does not know: it was started anew since the page was opened."""


class SupersededError(VLBertError):
    """A faithful answer that nobody waits for any more, since the visitor has clicked on."""


class BusyError(VLBertError):
    """More work than the studio takes on at once."""


class RequestError(VLBertError):
    """A request that the page never makes: a field is missing or of another kind."""


class AdapterGoneError(VLBertError):
    """An adapter that the studio no longer keeps; the page holds the file still and hands it in again."""


def without_folders(message: str) -> str:
    """A message fit for a visitor: of each absolute path only the last name."""
    return _FOLDERS.sub("", message)
