"""Pickles that hold data only. Reading an ordinary pickle may run any program; this reader refuses to."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NoReturn

from engine.data.lines import found
from engine.errors import DataError

_ADMITTED = "only lists, dictionaries, numbers and texts are admitted"


class _PlainUnpickler(pickle.Unpickler):
    """Knows no class and no function, so nothing can be called while it reads."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise DataError(f"it asks for {module}.{name}; {_ADMITTED}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise DataError(f"it asks for an object kept elsewhere; {_ADMITTED}")


def load(path: Path) -> Any:
    """What a pickle of plain containers, numbers and texts holds; byte texts of Python 2 are read as Latin-1.

    Raises DataError where there is no such file, it is cut off, or it asks for anything else, which it names.
    """
    with found(path).open("rb") as file:
        try:
            return _PlainUnpickler(file, encoding="latin1").load()
        except DataError as error:
            raise DataError(f"{path} was refused: {error}. Fetch it anew from where it was published.") from error
        except Exception as error:  # the pickle module documents no closed list of what a broken file raises
            raise DataError(f"{path} is no pickle that can be read ({error}). Fetch it anew.") from error
