"""Which file of a folder a table means by a name, however the name was typed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from engine.data.plain_text import visible
from engine.errors import DataError

Parts = tuple[str, ...]
INDEXED = 4  # folders and name by which files are looked up; names of more parts are compared in full
MOST_PARTS = 64  # of a name that are compared: the time to find it grows with their square
COMPARISONS = 20_000  # of names, at most, to find the nearest one for a message


def parts_of(name: str) -> Parts:
    """Split a path at `/` and at `\\`, without its root and without `.`."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def spaced(name: str) -> str:
    """In Unicode's NFC, without invisible characters, with single spaces for all white space."""
    return " ".join(visible(name).split())


def caseless(name: str) -> str:
    """The same, in upper or lower case alike."""
    return visible(spaced(name).casefold())


FOLDS: tuple[Callable[[str], str], ...] = (str, spaced, caseless)


class PhotoNames:
    """The files of a folder, to be found by names that need not agree with theirs letter by letter.

    A name means the file that agrees with it at the first of these steps where one does: as written; in another
    normal form or with other white space; in another case; each of these again with fewer and fewer of the folders
    before the name. Where several files agree at that step, none is meant.

    Args:
        files: paths in the folder, with `/`
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._files = {parts_of(file): file for file in files}
        self._by_end: dict[tuple[int, Parts], list[Parts]] = {}
        self._by_path: dict[tuple[int, Parts], list[Parts]] = {}
        for parts in self._files:
            for number, fold in enumerate(FOLDS):
                folded = tuple(map(fold, parts))
                self._by_path.setdefault((number, folded), []).append(parts)
                for length in range(1, min(len(folded), INDEXED) + 1):
                    self._by_end.setdefault((number, folded[-length:]), []).append(parts)
        self._comparisons = COMPARISONS

    def find(self, names: Iterable[str]) -> dict[str, str | DataError]:
        """Find the file of each name.

        Args:
            names: as a table writes them, maybe with folders that the files are no longer in

        Returns:
            Of each name its file, or the error that says why there is none: no file agrees, several do, or a file
            would be meant by two names that contradict each other.
        """
        found: dict[str, str | DataError] = {}
        meant: dict[Parts, list[str]] = {}
        for name in dict.fromkeys(names):
            try:
                parts = self._file(name)
                found[name] = self._files[parts]
                meant.setdefault(parts, []).append(name)
            except DataError as error:
                found[name] = error
        for parts, own in meant.items():
            found |= self._contradictions(parts, own)
        return found

    def _file(self, name: str) -> Parts:
        wanted = parts_of(name)[-MOST_PARTS:]
        folded = [tuple(map(fold, wanted)) for fold in FOLDS]
        for start in range(len(wanted)):
            for number, fold in enumerate(FOLDS):
                tail = folded[number][start:]
                alike = self._by_end.get((number, tail[-INDEXED:]), [])
                if len(tail) > INDEXED:
                    alike = [parts for parts in alike if tuple(map(fold, parts[-len(tail):])) == tail]
                for own in (alike, self._by_path.get((number, tail), [])):
                    if len(own) == 1:
                        return own[0]
                if alike:
                    raise DataError(f"{len(alike)} pictures are called {name[:80]!r}; give the folder, too")
        raise DataError(f"there is no picture {name[:80]!r}{self._nearest(name)}")

    def _contradictions(self, parts: Parts, names: list[str]) -> dict[str, DataError]:
        """Errors for names whose folders differ, as of train/1.jpg and test/1.jpg where there is one 1.jpg."""
        folded = {name: tuple(map(caseless, parts_of(name))) for name in names}
        longest, file = max(folded, key=lambda name: len(folded[name])), tuple(map(caseless, parts))
        other = next((name for name, own in folded.items() if folded[longest][-len(own):] != own), None)
        if other is None:
            return {}
        error = DataError(f"{longest[:60]!r} and {other[:60]!r} would both be {self._files[parts][:60]!r}; "
                          "name each photo by its path in the folder")
        return {name: error for name, own in folded.items() if own != file[-len(own):]}

    def _nearest(self, name: str) -> str:
        """The end of a message: the name that is most like this one, where one is like it at all."""
        if len(self._files) > self._comparisons or not parts_of(name):
            return ""
        self._comparisons -= len(self._files)
        known = {caseless(parts[-1])[:80]: parts[-1] for parts in self._files}
        near = difflib.get_close_matches(caseless(parts_of(name)[-1])[:80], known, n=1, cutoff=0.7)
        return f"; the nearest name is {known[near[0]][:80]!r}" if near else ""

