"""Shards of photos: tar files in the WebDataset layout, read as a stream that never holds more than a buffer.

A sample is two neighbours in the tar, `KEY.jpg` and `KEY.json`: the picture's bytes as they came, and its line of
`entities_SPLIT.jsonl`. Nothing else is read, so a shard cannot bring code.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import logging
import random
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from engine.data.flickr8k import AnnotatedPhoto, annotated, lines
from engine.data.lines import reason
from engine.errors import ConfigError, DataError, PhotoError
from engine.progress import Progress, counted, silent
from engine.structures import questions
from engine.structures.photo import Photo
from engine.writing import refuse_overwriting

TAR_END = bytes(1024)
UNFINISHED = ".unfinished"  # what the file is called, after its split, that stands beside shards of which some lack
Sample = tuple[bytes, AnnotatedPhoto]


@dataclass
class Skipped:
    """Shards that broke off, by name, and why; what came before the break was passed on."""

    shards: dict[str, str] = field(default_factory=dict)

    def note(self, shard: Path, why: str) -> None:
        if shard.name not in self.shards:
            self.shards[shard.name] = why
            logging.getLogger(__name__).warning("%s breaks off (%s); the rest of it is skipped", shard, why)

    def broken(self, shard: Path, error: Exception) -> bool:
        """Whether this error is a shard's that breaks off; any other one is the reader's own."""
        if not isinstance(error, tarfile.TarError | EOFError | OSError):
            return False
        self.note(shard, str(error.args[0]).split(" @ ")[0] if error.args else type(error).__name__)
        return True


def write(data: Path, split: str, out: Path, per_shard: int,
          progress: Progress = silent) -> list[Path]:
    """Write `out`/SPLIT-000000.tar and so on, `per_shard` photos each, equal byte for byte whenever it is done again.

    Each shard is whole or not there; while some are missing a file SPLIT.unfinished says so, and nothing is read. What
    was broken off is made anew. Raises DataError where the split or one of its pictures is missing.
    """
    webdataset = _webdataset()
    if per_shard < 1:
        raise ConfigError(f"A shard of {per_shard} photos holds nothing; give at least 1.")
    unfinished, there = out / f"{split}{UNFINISHED}", _of_split(out, split, "tar")
    if there and not unfinished.exists():
        raise ConfigError(f"{out} holds shards of {split} already. Remove them, or give another folder.")
    count = sum(1 for _ in lines(data, split))
    out.mkdir(parents=True, exist_ok=True)
    for broken_off in (*there, *_of_split(out, split, "partial")):
        refuse_overwriting(broken_off, *(data / "images" / str(raw["image"]) for _, raw in lines(data, split)
                                         if isinstance(raw, dict) and raw.get("image")))
        broken_off.unlink()
    records = enumerate(raw for _, raw in lines(data, split))
    written: list[Path] = []
    while photos := list(itertools.islice(records, per_shard)):
        path = out / f"{split}-{len(written):06d}.tar"
        _write_shard(webdataset, data / "images", path, photos, unfinished)
        written.append(path)
        progress(photos[-1][0] + 1, count)
    unfinished.unlink(missing_ok=True)
    return written


def _of_split(folder: Path, split: str, ending: str) -> list[Path]:
    """Its files SPLIT-000000.ENDING and so on; another split may be called SPLIT-b."""
    name = re.compile(rf"{re.escape(split)}-\d{{6,}}\.{ending}")
    return [path for path in folder.glob(f"*.{ending}") if name.fullmatch(path.name)]


def stream(folder: Path, *, rank: int = 0, world: int = 1, seed: int = 0, epoch: int = 0, buffer: int = 256,
           skipped: Skipped | None = None) -> Iterator[Sample]:
    """One epoch of this process's shards: (bytes for `Photo.open`, its record), whose `path` names it inside its tar.

    The shards are shuffled, dealt out to `world` processes, and their photos mixed in a buffer: at most `buffer` wait
    in memory. The order follows from `seed`, `epoch`, `rank` and `world` alone. A shard that breaks off is named in
    `skipped` and in the log. Raises ConfigError where there are fewer shards than processes, DataError where the
    folder holds none, where a sample is broken, or where not one photo could be read.
    """
    own = dealt(folder, rank=rank, world=world, seed=seed, epoch=epoch)
    skipped = skipped if skipped is not None else Skipped()
    webdataset = _webdataset()
    count = 0
    mixed = webdataset.shuffle(buffer, initial=buffer, rng=random.Random(f"{seed} {epoch} {rank}"))
    for sample in mixed(_samples(webdataset, own, skipped)):
        count += 1
        yield sample
    if not count:
        names = "; ".join(f"{name} ({why})" for name, why in skipped.shards.items()) or "they are empty"
        raise DataError(f"Not one photo could be read from {len(own)} shards of {folder}: {names}. Write them again.")


def photos(folder: Path, *, rank: int = 0, world: int = 1, seed: int = 0,
           unreadable: questions.Skipped | None = None) -> Iterator[AnnotatedPhoto]:
    """Photos with boxes and captions without end, epoch after epoch, each with its file's bytes.

    unreadable: counts those that are left out because their picture cannot be opened, each once. Raises as `stream`,
    and DataError after an epoch in which no photo could be used.
    """
    unreadable = unreadable if unreadable is not None else questions.Skipped()
    known: set[Path] = set()
    for epoch in itertools.count():
        used = False
        for content, photo in stream(folder, rank=rank, world=world, seed=seed, epoch=epoch):
            if not photo.boxes or not photo.captions:
                continue
            try:
                Photo.open(content)
            except PhotoError as error:
                if photo.path not in known:
                    known.add(photo.path)
                    unreadable.add(f"{photo.path.name} in {photo.path.parent.name}: {error}")
                continue
            used = True
            yield dataclasses.replace(photo, content=content)
        if not used:
            why = f" ({unreadable})" if unreadable.count else ""
            raise DataError(f"Not one photo of this process's shards in {folder} has a box, a caption and a picture "
                            f"that can be read{why}. Annotate some, and write the shards again.")


def count(folder: Path) -> int:
    """Photos in all shards, by the names in their tars. Raises DataError where there is no shard or one is damaged."""
    found = 0
    for shard in counted(dealt(folder, rank=0, world=1, seed=0, epoch=0), "shards counted"):
        with shard.open("rb") as file:
            contents = _contents(file)
        if contents.error:
            raise DataError(f"{shard} cannot be read ({contents.error}). Write it again.")
        found += sum(_is_part(name, ".jpg") for name in contents.names)
    return found


def dealt(folder: Path, *, rank: int, world: int, seed: int, epoch: int) -> list[Path]:
    """The shards of one process in this epoch's order; every shard goes to exactly one process."""
    if unfinished := sorted(Path(folder).glob(f"*{UNFINISHED}")):
        raise DataError(f"The shards of {unfinished[0].stem} in {folder} are not finished. Run the same "
                        "`python -m engine shard` again; it makes them anew.")
    shards = sorted(Path(folder).resolve().glob("*.tar"))
    if not shards:
        raise DataError(f"There is no shard in {folder}. Make some with `python -m engine shard`.")
    if not 0 <= rank < world <= len(shards):
        raise ConfigError(f"Process {rank} of {world} has no shard of its own among {len(shards)}. "
                          "Make smaller shards, or start fewer processes.")
    random.Random(f"{seed} {epoch}").shuffle(shards)
    return shards[rank::world]


def _samples(webdataset: Any, shards: Sequence[Path], skipped: Skipped) -> Iterator[Sample]:
    """Photo after photo, shard after shard."""
    for shard in shards:
        with shard.open("rb") as file:
            if not _is_whole(file):
                skipped.note(shard, "its end is missing")
            contents = _contents(file)
            if contents.error:
                skipped.broken(shard, contents.error)
            members = webdataset.tariterators.tar_file_expander(
                ({"url": str(shard), "stream": file} for start in contents.starts if file.seek(start) == start),
                handler=lambda error, s=shard: skipped.broken(s, error),
                select_files=lambda name: _is_part(name, ".jpg", ".json"))
            for raw in webdataset.tariterators.group_by_keys(members):
                if raw.keys() >= {"jpg", "json"}:
                    yield raw["jpg"], _record(raw, shard)
                elif shard.name not in skipped.shards:
                    raise DataError(f"{raw['__key__']} in {shard} lacks its jpg or its json. Write the shard again.")


def _is_whole(file: BinaryIO) -> bool:
    """A tar ends in two blocks of zeros; tarfile itself takes a cut between two members for the end."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(TAR_END)))
    end = file.read()
    file.seek(0)
    return end == TAR_END


@dataclass(frozen=True)
class _Contents:
    """What a file of tars holds: `cat a.tar b.tar` makes one with several.

    starts: the offset of each tar. names: of all files in them. error: what is wrong with the last of `starts`.
    """

    starts: list[int]
    names: list[str]
    error: Exception | None = None


def _contents(file: BinaryIO) -> _Contents:
    """Reads the headers of all tars of a file."""
    starts: list[int] = []
    names: list[str] = []
    start: int | None = 0
    try:
        while start is not None:
            starts.append(start)
            file.seek(start)
            names += _names(file)
            start = _after_zeros(file)
    except (tarfile.TarError, EOFError, OSError) as error:
        return _Contents(starts, names, error)
    return _Contents(starts, names)


def _names(file: BinaryIO) -> list[str]:
    """The names of the files in the tar that begins here; `file` then stands at its end.

    Raises tarfile.TarError where the tar is cut or a header is damaged. tarfile itself takes a damaged header, unless
    it is the first, for the end: there zeros must stand.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        names = [member.name for member in tar if member.isreg()]
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("a header is damaged or missing")
    return names


def _after_zeros(file: BinaryIO) -> int | None:
    """Where the first block that is not zeros begins, None where only zeros follow."""
    while block := file.read(tarfile.BLOCKSIZE):
        if any(block):
            return file.tell() - len(block)
    return None


def _is_part(name: str, *endings: str) -> bool:
    """Whether a file in a tar belongs to a sample. Hidden files do not: macOS adds `._NAME.jpg` to each `NAME.jpg`."""
    path = PurePosixPath(name)
    return not path.name.startswith(".") and path.suffix.lower() in endings


def _record(raw: dict[str, Any], shard: Path) -> AnnotatedPhoto:
    try:
        return annotated(json.loads(raw["json"]), shard)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{raw['__key__']}.json in {shard} is broken ({reason(error)}). Write the shard again.") \
            from error


def _write_shard(webdataset: Any, images: Path, path: Path, photos: Sequence[tuple[int, dict[str, Any]]],
                 unfinished: Path) -> None:
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file, webdataset.TarWriter(file, encoder=False, mtime=0) as tar:
            for number, raw in photos:
                annotated(raw, images)  # raises where the record is broken
                tar.write({"__key__": f"{number:08d}", "jpg": _bytes(images / raw["image"]),
                           "json": json.dumps(raw, ensure_ascii=False).encode()})
        unfinished.touch()
        partial.replace(path)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"A record for {path.name} is broken ({reason(error)}). Mend it or remove it.") from error
    finally:
        partial.unlink(missing_ok=True)


def _bytes(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise DataError(f"{picture} cannot be read ({error.strerror}). Put it there, or remove its line.") from error


def _webdataset() -> Any:
    """The library, imported only here: nothing else needs it."""
    try:
        import webdataset
    except ImportError as error:
        raise ConfigError("WebDataset is not installed. Run `pip install webdataset==1.0.2`.") from error
    return webdataset
