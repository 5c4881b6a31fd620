"""What runs on the same data share: drawn scenes, and the detector's features of the pictures, in one folder."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import ScenesConfig
from engine.errors import ConfigError
from engine.progress import Progress, counted

if TYPE_CHECKING:  # it imports PyTorch
    from engine.data.feature_files import HasBoxes

RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")  # where launchers number their processes


def drawn(config: ScenesConfig, cache: Path, progress: Progress) -> Path:
    """The folder of these scenes, drawn unless they are there; several processes may want the same at once."""
    from engine.data import scenes  # no PyTorch behind it

    rounds = f"-{config.scenes_rounds}" if config.scenes_rounds > 1 else ""
    folder = cache / f"scenes-{config.scenes}-{config.scenes_seed}{rounds}"
    whole(folder, lambda own: scenes.write(own, config.scenes, config.scenes_seed, rounds=config.scenes_rounds,
                                           progress=progress), index="scenes.jsonl")
    return folder


def pixels_of(pictures: Sequence[HasBoxes]) -> list[str]:
    """The digest of each picture's file. All files are read, so a run asks once."""
    return [digest_if_there(picture.path) for picture in counted(pictures, "pictures read")]


def digest_of(pictures: Sequence[HasBoxes], pixels: Sequence[str], *before: str) -> str:
    """SHA-256 of the pictures' names, `pixels` and boxes, after what comes `before`."""
    key = hashlib.sha256("".join(before).encode())
    for picture, digest in zip(pictures, pixels, strict=True):
        key.update(json.dumps([picture.path.name, digest, picture.boxes]).encode())
    return key.hexdigest()


def features_folder(cache: Path, pictures: Sequence[HasBoxes], detector: str, *, detections: bool | None,
                    pixels: Sequence[str] | None = None) -> Path:
    """Where the features of these pictures belong: same pixels and boxes, same folder.

    detector: what tells it from others (`engine.weights.detectors.identity`). pixels: what `pixels_of` found."""
    digest = digest_of(pictures, pixels_of(pictures) if pixels is None else pixels, detector, str(detections))
    return cache / f"features-{digest[:20]}"


def whole(folder: Path, fill: Callable[[Path], None], index: str = "index.json", *, resumable: bool = False) -> None:
    """Let `fill` make `folder` unless its index is there: it appears whole or not at all.

    What another process has made meanwhile is taken instead. What an interrupted one left unfinished is given to `fill`
    where it is `resumable`, else removed (where files can be locked: POSIX).

    Args:
        folder: to be made
        fill: writes into the folder it gets
        index: the file that a complete folder has
        resumable: whether `fill` goes on with what is in its folder, so that an interruption leaves it there
    """
    with ExitStack() as holding:
        unfinished = _left_over(folder, index, holding, resumable=resumable)
        if (folder / index).is_file():
            return
        if unfinished is None:
            unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.part")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            holding.enter_context(locked(unfinished))
        done = False
        try:
            fill(unfinished)
            _put(unfinished, folder, index)
            done = True
        finally:
            if done or not resumable:
                shutil.rmtree(unfinished, ignore_errors=True)


def _left_over(folder: Path, index: str, holding: ExitStack, *, resumable: bool) -> Path | None:
    """An unfinished folder to continue, locked in `holding`; others that no process uses are removed."""
    taken = None
    for left in sorted(folder.parent.glob(f"{glob.escape(folder.name)}.*.part")):
        with ExitStack() as lock:
            if not lock.enter_context(locked(left)):
                continue
            if resumable and taken is None and not (folder / index).is_file():
                taken = left
                holding.enter_context(lock.pop_all())
            else:
                shutil.rmtree(left, ignore_errors=True)
    return taken


def _put(unfinished: Path, folder: Path, index: str) -> None:
    """In the place of what is not complete."""
    try:
        os.replace(unfinished, folder)
    except OSError:  # something is there
        if not (folder / index).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(unfinished, folder)


@contextmanager
def locked(folder: Path) -> Iterator[bool | None]:
    """Whether the folder is this process's own meanwhile; None where that cannot be told: outside POSIX, on some
    network disks, and of a folder that another process has removed. A lock leaves no file, and ends with its process.
    """
    if os.name != "posix":
        yield None
        return
    import fcntl

    try:
        number = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours: bool | None = True
    except BlockingIOError:
        ours = False
    except OSError:
        ours = None
    try:
        yield ours
    finally:
        os.close(number)


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Meanwhile no other run uses this folder, which is made if need be; the main process of several locks it for all.

    Raises ConfigError where another run is using it.
    """
    run.mkdir(parents=True, exist_ok=True)
    if any(os.environ.get(name, "0") != "0" for name in RANKS):
        yield
        return
    with locked(run) as ours:
        if ours is False:
            raise ConfigError(f"Another run is using {run}. Wait until it ends, or give another folder.")
        yield


def digest_if_there(path: Path) -> str:
    """SHA-256 of a file; nothing where it cannot be read, which its own reader will say better."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
