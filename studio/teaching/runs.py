"""What is kept of a run: a folder with `run.json`, the log, what was watched, and the adapter."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import psutil

from engine.errors import VLBertError
from studio.errors import without_folders
from studio.teaching.log import Log, read_log
from studio.teaching.orders import Order, Places

RECORD, LOG, WATCHED, OUTPUT = "run.json", "log.jsonl", "watched.jsonl", "output.txt"
NOTHING = Log()
SAME_START = 2.0  # seconds by which the system's word on a process's start may differ when asked again
BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)

State = Literal["waiting", "running", "stopping", "stopped", "finished", "failed", "broken off", "damaged"]
ACTIVE = ("waiting", "running", "stopping")


@dataclass(frozen=True)
class Record:
    """What the studio itself knows of a run. made, asked: seconds since 1970 when it was ordered, and when it was last
    put into the queue (0: it is to stop). pid, born: the child and when the system says it started; 0 before.
    why: what stopped it, where that was not the visitor."""

    name: str
    order: Order
    made: float
    asked: float
    pid: int = 0
    born: float = 0.0
    why: str = ""

    def write(self, folder: Path) -> None:
        """The file appears whole or not at all."""
        partial = folder / (RECORD + ".part")
        fields = {"name": self.name, "order": self.order.to_json(), "made": self.made, "asked": self.asked,
                  "pid": self.pid, "born": self.born, "why": self.why}
        partial.write_text(json.dumps(fields, indent=2), encoding="utf-8")
        os.replace(partial, folder / RECORD)

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Raises one of BROKEN for what `write` never wrote."""
        raw: Mapping[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return cls(str(raw["name"])[:80], Order.from_json(raw["order"]), float(raw["made"]), float(raw["asked"]),
                   int(raw["pid"]), float(raw["born"]), str(raw.get("why", "")))

    def process(self) -> psutil.Process | None:
        """The child, if it lives: another process that got the same number since is not it."""
        if self.pid <= 0:
            return None
        try:
            process = psutil.Process(self.pid)
            alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            return process if alive and abs(process.create_time() - self.born) < SAME_START else None
        except psutil.Error:
            return None


@dataclass(frozen=True)
class Run:
    """id: the folder's name. problem: what is wrong, for the states failed, broken off and damaged, or why the
    studio stops it."""

    id: str
    folder: Path
    state: State
    record: Record | None = None
    log: Log = NOTHING
    problem: str = ""

    @property
    def name(self) -> str:
        return self.record.name if self.record else self.id

    @property
    def adapter(self) -> Path | None:
        """What it taught, once it has finished."""
        return self.folder / self.log.adapter if self.state == "finished" else None

    def command(self, places: Places) -> str:
        """The command line that starts it, or nothing for a damaged one."""
        return self.record.order.command(places, self.folder) if self.record else ""


def read_run(folder: Path) -> Run:
    """Never raises: a folder that cannot be made sense of is a damaged run."""
    try:
        record = Record.read(folder)
        log = read_log(folder / LOG)
    except (*BROKEN, VLBertError) as error:
        return Run(folder.name, folder, "damaged", problem=without_folders(f"Its record cannot be read ({error})."))
    run = Run(folder.name, folder, "waiting", record, log)
    if record.process():
        return replace(run, state="running" if record.asked else "stopping", problem=record.why)
    if log.end == "finished":
        if not (folder / log.adapter).is_file():
            return replace(run, state="damaged", problem=f"Its adapter {log.adapter} is missing.")
        return replace(run, state="finished")
    if record.pid == 0:
        return replace(run, state="waiting" if record.asked else "stopped", problem=record.why)
    if log.end == "failed":
        return replace(run, state="failed", problem=without_folders(log.why))
    if log.end == "stopped" or not record.asked:
        return replace(run, state="stopped", problem=record.why)
    return replace(run, state="broken off", problem="Its process ended without a word: it was killed, or the machine "
                   "was. Resume goes on from its last checkpoint.")
