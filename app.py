"""VL-BERT Studio: hide a word or a region of a photo and see what the model believes is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import StartError
from studio.explaining.checkpoints import beside
from studio.flags import read_flags
from studio.service import Service, load_explainer
from studio.starting import check_address, choose_temp_folder, environment, network_of
from studio.zero_gpu import lend

if TYPE_CHECKING:
    import argparse

    import gradio as gr

    from engine.explain.explainer import Explainer
    from engine.predictor import Predictor
    from studio.teaching.jobs import Jobs


def load_predictor(weights: Path, detector: str = "", device: str = "auto") -> Predictor:
    """Imports PyTorch, which takes seconds: the page is served before."""
    from engine.memory import keep_freed_memory
    from engine.predictor import Predictor

    keep_freed_memory()
    return lend(Predictor.load(weights, detector, device))


def main(arguments: Sequence[str] | None = None, load: Callable[[Path, str, str], Predictor] = load_predictor,
         explain: Callable[[Predictor], Explainer] = load_explainer) -> None:
    """Serve the page, then load the model behind it."""
    flags = read_flags(arguments)
    service = Service(lambda: load(flags.weights, flags.detector, flags.detector_device), explain=explain)
    try:
        check_address(flags.host, flags.port)
        choose_temp_folder()
        with environment(network_of(flags.host, flags.share, flags.trusted_proxies)):
            page, jobs = _serve(service, flags)
    except StartError as error:
        print(f"app.py: error: {error}", file=sys.stderr)
        sys.exit(2)
    service.start()
    with jobs.at_work(end_runs=flags.end_training) if jobs else nullcontext():
        page.block_thread()


def _serve(service: Service, flags: argparse.Namespace) -> tuple[gr.Blocks, Jobs | None]:
    """Build the page and serve it in threads. Raises StartError.

    Gradio is imported here, since it reads at once which folder was chosen and which proxies there are.
    """
    from starlette.middleware import Middleware

    from studio.fetching import MOST_BYTES
    from studio.jobs import open_jobs
    from studio.lane import MOST_THREADS
    from studio.page import STYLES, build_page, look
    from studio.public import MOST_UPLOAD, PublicLimits

    jobs = open_jobs(flags)
    page = build_page(service, flags.weights / "README.md", jobs,
                      lambda: () if flags.public else beside(flags.weights, flags.runs), flags.public)
    try:
        page.launch(server_name=flags.host, server_port=flags.port, share=flags.share, inbrowser=flags.open,
                    prevent_thread_lock=True, theme=look(), css_paths=STYLES, footer_links=[], run_history=False,
                    enable_monitoring=False, ssr_mode=False, mcp_server=flags.mcp, max_threads=MOST_THREADS,
                    max_file_size=MOST_UPLOAD if flags.public else MOST_BYTES,
                    _frontend=False,  # else Gradio fetches its own page, which may take a busy machine over 3 seconds
                    app_kwargs={"middleware": [Middleware(PublicLimits)]} if flags.public else None)
    except OSError as error:
        if "empty port" not in str(error):
            raise
        raise StartError("No port is free there: another program took it. Choose one with --port.") from error
    return page, jobs


if __name__ == "__main__":
    main()
