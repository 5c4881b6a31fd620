"""VL-BERT Studio: hide a word or a region of a photo and see what the model believes is there."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.page import STYLE, build_page, look
from studio.service import Service

if TYPE_CHECKING:
    from engine.predictor import Predictor

WEIGHTS = Path(__file__).parent / "assets" / "weights"


def load_predictor(weights: Path, detector: str = "", device: str = "auto") -> Predictor:
    """Imports PyTorch, which takes seconds: the page is served before."""
    from engine.memory import keep_freed_memory
    from engine.predictor import Predictor

    keep_freed_memory()
    return Predictor.load(weights, detector, device)


def read_flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="app.py", description=__doc__)
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or GRADIO_SERVER_NAME)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="ask Gradio for a public address (off by default)")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the model (default: assets/weights)")
    parser.add_argument("--detector", default="", metavar="detectron2:CONFIG:WEIGHTS|FILE",
                        help="compute regions with detectron2, or with a file that `convert detectron2` wrote "
                        "(default: the detector of the weights)")
    parser.add_argument("--detector-device", default="auto", help="where that detector computes: auto, cpu, cuda")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None, load: Callable[[Path, str, str], Predictor] = load_predictor) -> None:
    """Serve the page, then load the model behind it."""
    flags = read_flags(arguments)
    service = Service(lambda: load(flags.weights, flags.detector, flags.detector_device))
    page = build_page(service, flags.weights / "README.md")
    page.launch(server_name=flags.host, server_port=flags.port, share=flags.share, inbrowser=flags.open,
                prevent_thread_lock=True, theme=look(), css_paths=STYLE, footer_links=[], run_history=False,
                enable_monitoring=False, ssr_mode=False, max_file_size="64mb")
    service.start()
    page.block_thread()


if __name__ == "__main__":
    main()
