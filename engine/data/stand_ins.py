"""What lies in the place of a file that was not fetched: a pointer of Git LFS, or a web page about the file."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import VLBertError

POINTER = b"version https://git-lfs.github.com/spec/"
PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|\?xml|!--)", re.IGNORECASE)
BEGINNING = 200  # bytes that are enough to tell


def refuse_stand_in(path: Path, error: type[VLBertError]) -> None:
    """Refuse a file that only stands in the place of another one.

    Args:
        path: a file that is there.
        error: what to raise.

    Raises:
        VLBertError: of the class `error`, where it is a pointer of Git LFS or a web page.
    """
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    if beginning.startswith(POINTER):
        raise error(f"{path} is a pointer of Git LFS and not the file itself. Run `git lfs pull` in its repository, or "
                    "download the file again.")
    if PAGE.match(beginning):
        raise error(f"{path} is a web page and not the file itself: its address leads to a page about it. Download the "
                    "file itself.")
