"""Starts runs as child processes, one after the other, and stops them; whoever asks later finds them again.

A child belongs to nobody: it survives the page and the server, and a server that starts again knows it by its number
and the moment it was born.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from engine.errors import VLBertError
from studio.errors import RequestError, StartError
from studio.starting import why_not_writable
from studio.teaching.orders import PROBE, ROOT, Order, Places
from studio.teaching.own_photos import ARRIVING
from studio.teaching.runs import ACTIVE, OUTPUT, Record, Run, read_run

TICK = 0.5  # seconds between two looks at the queue
DOUBLE_CLICK = 1.0  # seconds in which a second click means the first
MOST_WAITING = 20
MOST_NAME = 60
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """steps: of one run; megabytes: of the whole folder of runs. 0 for no limit."""

    steps: int = 0
    megabytes: int = 0


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Taught:
    """The adapter of a finished run, a plain file. task: one of `engine.config.TASKS`."""

    run: str
    name: str
    task: str
    path: Path


class Jobs:
    """The queue of one folder of runs. `at_work` works on it; `tick` is one look at it.

    python: what runs them. nice: by how much they give way to others.
    """

    def __init__(self, places: Places, limits: Limits = NO_LIMITS, *, python: str = sys.executable,
                 nice: int = 5) -> None:
        self.places = Places(places.runs.resolve(), places.weights.resolve())
        self.limits, self.python, self.nice = limits, python, nice
        self._lock = threading.RLock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._told: dict[str, float] = {}  # when each run was told to stop
        self._ending = threading.Event()
        why = why_not_writable(self.places.runs)
        if why:
            raise StartError(f"The runs cannot be kept in {places.runs}: {why}. Name another folder with --runs.")

    @contextlib.contextmanager
    def at_work(self, *, end_runs: bool = False) -> Iterator[None]:
        """Look at the queue, in a thread, while this is entered. end_runs: at the end stop what is running, too,
        within a step; it can be resumed."""
        self._ending.clear()
        threading.Thread(target=self._work, name="runs", daemon=True).start()
        try:
            yield
        finally:
            self._ending.set()
            for run in self.runs() if end_runs else ():
                if run.state in ("waiting", "running"):
                    self.stop(run.id)

    def runs(self) -> list[Run]:
        """All of them, the latest first; damaged ones, too."""
        found = [read_run(f) for f in self.places.runs.iterdir() if _is_run(f)]
        return sorted(found, key=lambda run: run.id, reverse=True)

    def run(self, id: str) -> Run:
        """Raises RequestError where there is none of this name."""
        folder = self.places.runs / id
        if folder.parent != self.places.runs or not _is_run(folder):
            raise RequestError("There is no such run any more. Choose another one.")
        return read_run(folder)

    def submit(self, order: Order, name: str | None = "", probe: Callable[[Path], object] | None = None) -> str:
        """Put a run into the queue; returns its id. probe: writes the probe's photo to the path it is given.

        Raises RequestError where too many wait or the disk's limit is reached.
        """
        with self._lock:
            if sum(run.state == "waiting" for run in self.runs()) >= MOST_WAITING:
                raise RequestError(f"{MOST_WAITING} runs are waiting already. Let one finish, or delete one.")
            self.check_disk(order.own)
            if order.own and not (self.places.own / order.own).is_dir():
                raise RequestError("Your photos are no longer kept: space was needed. Hand them over again.")
            if self.limits.steps:
                order = replace(order, settings=replace(order.settings, most_steps=self.limits.steps))
            now = time.time()
            id = time.strftime("%Y%m%d-%H%M%S-", time.localtime(now)) + secrets.token_hex(2)
            record = Record(_clean(name) or f"{order.settings.task}, {order.data}", order, now, now)
            unfinished = self.places.runs / f".making-{id}"
            unfinished.mkdir()
            if probe:
                probe(unfinished / PROBE)
            record.write(unfinished)
            os.replace(unfinished, self.places.runs / id)
        self.tick()
        return id

    def stop(self, id: str, why: str = "", *, at_once: bool = False) -> None:
        """Within a step, which is saved; asked again, nothing more. why: kept with the run. at_once: one that is
        stopping already ends without saving; not within DOUBLE_CLICK seconds, when nobody has seen it stopping."""
        with self._lock:
            run = self.run(id)
            if run.record is None or run.state not in ACTIVE:
                return
            again, now = run.state == "stopping", time.monotonic()
            if again and (not at_once or now - self._told.get(id, float("-inf")) < DOUBLE_CLICK):
                return
            self._told[id] = now
            process = run.record.process()
            replace(run.record, asked=0.0, why=why or run.record.why).write(run.folder)
            if process:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL if again else signal.SIGTERM)

    def resume(self, id: str) -> None:
        """Put a run that ended early back into the queue. Raises RequestError for one that cannot go on."""
        with self._lock:
            run = self.run(id)
            if run.record is None or run.state not in ("stopped", "failed", "broken off"):
                raise RequestError(f"“{run.name}” is {run.state}; only a run that ended early can be resumed.")
            self.check_disk()
            replace(run.record, asked=time.time(), pid=0, born=0.0, why="").write(run.folder)
        self.tick()

    def rename(self, id: str, name: str) -> None:
        """Raises RequestError for an empty name and for a damaged run."""
        with self._lock:
            run = self.run(id)
            if run.record is None or not _clean(name):
                raise RequestError("This run cannot be renamed." if run.record is None else "Give the run a name.")
            replace(run.record, name=_clean(name)).write(run.folder)

    def delete(self, id: str) -> None:
        """Remove a run and all it has. Raises RequestError while its process lives."""
        with self._lock:
            run = self.run(id)
            if run.state in ("running", "stopping"):
                raise RequestError(f"“{run.name}” is still {run.state}. Stop it first.")
            gone = run.folder.with_name(f".deleted-{run.id}")
            os.replace(run.folder, gone)
            shutil.rmtree(gone, ignore_errors=True)

    def finished_adapters(self) -> list[Taught]:
        """What was taught here, the latest first."""
        return [Taught(run.id, run.name, run.record.order.settings.task, run.adapter)
                for run in self.runs() if run.record and run.adapter]

    def megabytes(self) -> float:
        """What the folder of runs takes."""
        return sum(_size(folder, file) for folder, _, files in os.walk(self.places.runs) for file in files) / 2**20

    def tick(self) -> None:
        """Start the next run that waits, if none is running; tidy up after those that have finished."""
        with self._lock:
            for id, child in list(self._children.items()):
                if child.poll() is not None:
                    del self._children[id]
            runs = self.runs()
            for run in runs:
                if run.state == "finished":
                    (run.folder / "state.pt").unlink(missing_ok=True)
            busy = [run for run in runs if run.state in ("running", "stopping")]
            if busy and self.limits.megabytes:
                self._stop_for_space(busy)
            waiting = [(run.record.asked, run) for run in runs if run.state == "waiting" and run.record]
            if waiting and not busy:
                self._launch(min(waiting, key=lambda pair: pair[0])[1])

    def _launch(self, run: Run) -> None:
        assert run.record is not None
        nice = shutil.which("nice")
        politely = [nice, "-n", str(self.nice)] if nice else []
        with (run.folder / OUTPUT).open("ab") as output:
            child = subprocess.Popen([*politely, self.python, *run.record.order.arguments(self.places, run.folder)],
                                     cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                     start_new_session=True)
        self._children[run.id] = child
        with contextlib.suppress(psutil.Error):
            replace(run.record, pid=child.pid, born=psutil.Process(child.pid).create_time()).write(run.folder)

    def _stop_for_space(self, busy: list[Run]) -> None:
        """Where the runs take more than they may. What a run has learned is kept, and it can go on."""
        used = self.megabytes()
        for run in busy if used > self.limits.megabytes else ():
            if run.state == "running":
                _log.warning("The runs take over %d MB; %s is stopped.", self.limits.megabytes, run.id)
                self.stop(run.id, f"The studio stopped it: the runs take {used:.0f} MB, and at most "
                          f"{self.limits.megabytes} MB are allowed here. What it has learned is kept. Delete another "
                          "run, then press Resume.")

    def check_disk(self, own: str = "") -> None:
        """Raises RequestError where the runs take more than they may, although what can be spared has gone.

        own: the name of photos that are about to be used.
        """
        with self._lock:
            if not self.limits.megabytes or self.megabytes() <= self.limits.megabytes:
                return
            self._spare(own)
            used = self.megabytes()
        if used > self.limits.megabytes:
            raise RequestError(f"The runs take {used:.0f} MB; at most {self.limits.megabytes} are allowed here. "
                               "Delete a run first.")

    def _spare(self, own: str) -> None:
        """Remove visitors' photos that no run names, and, while no run goes on, what is drawn or computed anew."""
        runs = self.runs()
        named = {own, *(run.record.order.own for run in runs if run.record)}
        spared = [f for f in _inside(self.places.own) if f.name not in named and not f.name.startswith(ARRIVING)]
        if not any(run.state in ("running", "stopping") for run in runs):
            spared += _inside(self.places.cache)
        for folder in spared:
            shutil.rmtree(folder, ignore_errors=True)

    def _work(self) -> None:
        while not self._ending.wait(TICK):
            try:
                self.tick()
            except (OSError, VLBertError):
                _log.exception("The queue of runs could not be looked at.")


def _is_run(folder: Path) -> bool:
    """Runs are folders named by their moment; others in the same place are none of ours."""
    return re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", folder.name) is not None and folder.is_dir()


def _inside(place: Path) -> list[Path]:
    """The folders of a place, none of which is elsewhere by a link."""
    return [] if place.is_symlink() or not place.is_dir() else [
        f for f in place.iterdir() if f.is_dir() and not f.is_symlink()]


def _clean(name: str | None) -> str:
    """A text box that was never seen has no text at all."""
    return " ".join((name or "").split())[:MOST_NAME]


def _size(folder: str, file: str) -> int:
    try:
        return os.lstat(os.path.join(folder, file)).st_size
    except OSError:
        return 0
