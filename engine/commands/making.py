"""Commands that make files: `convert`, `average`, `thin`, `scenes`, `shard`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.commands.shared import WEIGHTS
from engine.errors import DataError


def add_convert(p: argparse.ArgumentParser) -> None:
    p.add_argument("kind", choices=("published", "detectron2"),
                   help="the authors' four pre-trained models, or a Faster R-CNN C4 of detectron2")
    p.add_argument("file", type=Path, help="the checkpoint")
    p.add_argument("out", type=Path, help="the file to write: of published, NAME-vlbert.safetensors beside a vocab.txt"
                   " is what --weights FOLDER finds; of detectron2, what --detector takes")
    p.set_defaults(run_command=_convert)


def _convert(options: argparse.Namespace) -> None:
    from engine.weights.detectron2 import convert_detectron2
    from engine.weights.published import convert_published

    written = convert_published if options.kind == "published" else convert_detectron2
    for path in written(options.file, options.out):
        sys.stdout.write(f"{path}\n")


def add_average(p: argparse.ArgumentParser) -> None:
    p.add_argument("first", type=Path, help="folder of weights; its detector is kept")
    p.add_argument("second", type=Path, help="folder of weights that training made of the first ones")
    p.add_argument("out", type=Path, help="folder to write")
    p.add_argument("--share", type=float, default=0.5, help="how much of the second, 0 to 1 (default 0.5)")
    p.set_defaults(run_command=_average)


def _average(options: argparse.Namespace) -> None:
    from engine.weights.average import average

    sys.stdout.write(f"{average(options.first, options.second, options.out, options.share)}\n")


def add_thin(p: argparse.ArgumentParser) -> None:
    p.add_argument("adapter", type=Path, help="RUN/NAME-TASK.safetensors that --tune full left")
    p.add_argument("out", type=Path, help="the file to write, ending in .safetensors")
    p.add_argument("--rank", type=int, default=48, help="of the matrices (default 48)")
    p.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the weights that it was trained on")
    p.set_defaults(run_command=_thin)


def _thin(options: argparse.Namespace) -> None:
    from engine.weights.thin import make_thin

    sys.stdout.write(f"{make_thin(options.adapter, options.weights, options.out, options.rank)}\n")


def add_scenes(p: argparse.ArgumentParser) -> None:
    p.add_argument("--out", type=Path, required=True, help="folder for images/, scenes.jsonl, entities_SPLIT.jsonl")
    p.add_argument("--count", type=int, required=True, help="how many scenes")
    p.add_argument("--seed", type=int, default=0, help="same seed, same scenes (default 0)")
    p.add_argument("--pairs", choices=("all", "known", "novel"), default="all",
                   help="which colours and shapes meet: all; without eight withheld pairs; each target one of them "
                   "(to measure pointing: there a colour tells the shape)")
    p.add_argument("--split", default="train", help="SPLIT of entities_SPLIT.jsonl (default train)")
    p.add_argument("--rounds", type=int, default=1, help="how often everything is asked of a scene (default 1)")
    p.set_defaults(run_command=_scenes)


def _scenes(options: argparse.Namespace) -> None:
    from engine.data.scenes import write
    from engine.progress import shown

    if options.seed < 0:
        raise DataError(f"Seeds count from 0; this one is {options.seed}.")
    if Path(options.split).name != options.split:
        raise DataError(f"--split is a part of a file's name, entities_SPLIT.jsonl; {options.split!r} cannot be.")
    write(options.out, options.count, options.seed, pairs=options.pairs, split=options.split,
          rounds=options.rounds, progress=shown("scenes"))
    sys.stdout.write(f"{options.out}\n")


def add_shard(p: argparse.ArgumentParser) -> None:
    p.add_argument("--data", type=Path, required=True, help="folder with entities_SPLIT.jsonl and images/")
    p.add_argument("--split", default="train")
    p.add_argument("--out", type=Path, required=True, help="folder of the shards, SPLIT-000000.tar and so on")
    p.add_argument("--per-shard", type=int, default=512, help="photos in a shard (default 512)")
    p.set_defaults(run_command=_shard)


def _shard(options: argparse.Namespace) -> None:
    from engine.data.shards import write
    from engine.progress import shown

    for path in write(options.data, options.split, options.out, options.per_shard, shown("photos")):
        sys.stdout.write(f"{path}\n")
