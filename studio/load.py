"""Several visitors click at once: python -m studio.load --visitors 8 --clicks 20 --json FILE [--url URL].

Each visitor opens the page's own session over HTTP, as a browser does, opens an example and hides one word after the
other. Timed is a click to its new answers. Needs nothing but the standard library and a running studio, or starts one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
import urllib.request
import uuid
from collections.abc import Sequence
from typing import Any

import psutil

from engine.commands.shared import write
from studio.bench import served

SECONDS = 120
WORDS = 8
EXAMPLES = 8


class Visitor:
    """One session. Raises OSError where the studio cannot be reached, RuntimeError where it answers with an error."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = uuid.uuid4().hex
        config = json.loads(self._get("/config"))
        self._canvas = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "canvas")
        arrive = next(d for d in config["dependencies"] if self._canvas in d["outputs"]
                      and any(event == "load" for _, event in d["targets"]))
        reply = self._post("/gradio_api/run/predict", {"data": [], "fn_index": arrive["id"],
                                                        "session_hash": self._session})
        self.name = reply["data"][arrive["outputs"].index(self._canvas)]["visitor"]

    def call(self, function: str, **fields: Any) -> dict[str, Any]:
        """What the canvas's script would call."""
        reply = self._post("/gradio_api/component_server/", {
            "data": {"visitor": self.name, **fields}, "component_id": self._canvas, "fn_name": function,
            "session_hash": self._session})
        if "error" in reply:
            raise RuntimeError(f"{function}: {reply['error']}")
        return reply

    def wait(self) -> None:
        """Until the model is there."""
        while self.call("status")["state"] == "loading":
            time.sleep(0.2)

    def click(self, clicks: int, example: int, taken: list[float]) -> None:
        """Hide one word after the other; `taken` gets the seconds of each."""
        opened = self.call("open_example", number=example)
        asked = {"photo": opened["photo"], "caption": opened["caption"], "boxes": None, "hidden_regions": [],
                 "masking": "feature"}
        self.call("ask", **asked, hidden_words=[0], sequence=0)
        for number in range(1, clicks + 1):
            begun = time.perf_counter()
            self.call("ask", **asked, hidden_words=[number % WORDS], sequence=number)
            taken.append(time.perf_counter() - begun)

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self._url + path, timeout=SECONDS) as reply:
            return bytes(reply.read())

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return dict(json.loads(reply.read()))


def measure(url: str, visitors: int, clicks: int) -> dict[str, Any]:
    """{"p50", "p95", "n", "unit", "visitors", "errors": what any visitor was told instead of an answer}."""
    everyone = [Visitor(url) for _ in range(visitors)]
    everyone[0].wait()
    taken: list[float] = []
    errors: list[str] = []

    def visit(number: int) -> None:
        try:
            everyone[number].click(clicks, number % EXAMPLES, taken)
        except (OSError, RuntimeError) as error:
            errors.append(str(error))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(1000 * seconds for seconds in taken) or [0.0]
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
            "n": len(taken), "unit": "ms", "visitors": visitors, "errors": errors}


def measure_memory(url: str, process: int, clicks: int) -> dict[str, Any]:
    """Resident memory in MB of the studio `process` after a tenth of the clicks, and after all."""
    resident = psutil.Process(process).memory_info
    measure(url, 1, clicks // 10)
    before = resident().rss
    measure(url, 1, clicks)
    return {"before": round(before / 2**20, 1), "after": round(resident().rss / 2**20, 1), "clicks": clicks,
            "unit": "MB"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="studio.load", description="Measure several visitors who click at once.")
    parser.add_argument("--json", required=True, help="file to write the figures to, or - for standard output")
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=20, help="of each visitor (default: 20)")
    parser.add_argument("--url", help="address of a running studio (default: start one)")
    parser.add_argument("--process", type=int, help="process number of that studio, to measure its memory, too")
    flags = parser.parse_args(arguments)
    if flags.url:
        figures = measure(flags.url, flags.visitors, flags.clicks)
        if flags.process:
            figures["memory"] = measure_memory(flags.url, flags.process, 1000)
    else:
        with served() as (url, _):
            figures = measure(url, flags.visitors, flags.clicks)
    write(figures, flags.json)


if __name__ == "__main__":
    main()
