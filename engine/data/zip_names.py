"""The names of a zip's members, in whatever encoding the program that packed it wrote them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from engine.data.photo_names import spaced

_UTF8 = 0x800  # the flag of a member whose name is UTF-8
_READ = "cp437"  # what zipfile reads the other names as
ENCODINGS = ("utf-8", _READ, "cp850", "cp1252", "cp1250", "cp866", "cp1251", "cp932", "gb18030", "cp949", "big5")
TABLE_BYTES, COMPARED = 1 << 20, 200  # of the table, and of the names
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")  # of json


def names_of(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], tables: Sequence[str]) -> list[str]:
    """Decode the names of members.

    Names without the flag for UTF-8 are in an encoding that the zip does not name. The one is taken in which most
    names occur in the table; where several are equal, the first of `ENCODINGS`.

    Args:
        archive: an open zip
        members: of it
        tables: endings of tables

    Returns:
        The names in the order of the members.
    """
    foreign = [m.filename for m in members if not m.flag_bits & _UTF8 and not m.filename.isascii()]
    if not foreign:
        return [m.filename for m in members]
    table = spaced(_table(archive, members, tables))
    encoding = max(_possible(foreign), default=_READ, key=lambda own: sum(
        spaced(PurePosixPath(_decoded(name, own).replace("\\", "/")).name) in table for name in foreign[:COMPARED]))
    return [m.filename if m.flag_bits & _UTF8 else _decoded(m.filename, encoding) for m in members]


def _possible(names: Sequence[str]) -> Iterator[str]:
    for encoding in ENCODINGS:
        try:
            for name in names:
                _decoded(name, encoding)
        except UnicodeError:
            continue
        yield encoding


def _decoded(name: str, encoding: str) -> str:
    return name.encode(_READ).decode(encoding)


def _table(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], tables: Sequence[str]) -> str:
    """The beginning of the first table, whose names are the photos'."""
    for member in members:
        if member.filename.lower().endswith(tuple(tables)) and not member.flag_bits & 1:
            with archive.open(member) as file:
                text = file.read(TABLE_BYTES).decode("utf-8-sig", "replace")
            return _ESCAPE.sub(lambda code: chr(int(code[1], 16)), text) if ".json" in member.filename.lower() else text
    return ""
