"""The command line: one verb, one function that unpacks its flags and calls the engine once (`engine.commands`)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from engine.commands import calibrating, making, measuring, novelty, training
from engine.errors import VLBertError
from engine.writing import FULL, remedy


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 where the user can mend what is wrong."""
    options = parser().parse_args(arguments)
    try:
        options.run_command(options)
    except VLBertError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        mend = f". {remedy(error.errno)}, then run the same command again" if error.errno in FULL else ""
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}{mend}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("stopped; a training run goes on when the same command is given again\n")
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m engine", description="VL-BERT: train, measure, predict, convert.")
    verbs = root.add_subparsers(required=True, metavar="VERB")
    training.add_pretrain(verbs.add_parser("pretrain", help="train a preset from ImageNet and BERT weights"))
    training.add_finetune(verbs.add_parser("finetune", help="train a task on top of a pre-trained model"))
    training.add_ablate(verbs.add_parser("ablate", help="pre-train once for each setting of the paper's ablation"))
    measuring.add_evaluate(verbs.add_parser("evaluate", help="measure on data that the training never saw"))
    calibrating.add_calibrate(verbs.add_parser("calibrate", help="fit the temperatures of the probabilities"))
    measuring.add_predict(verbs.add_parser("predict", help="answer about a photo: hidden words, a question, a phrase"))
    making.add_convert(verbs.add_parser("convert", help="turn a published checkpoint into a safetensors file"))
    making.add_thin(verbs.add_parser("thin", help="a fine-tuning of all weights as an adapter of a few megabytes"))
    making.add_average(verbs.add_parser("average", help="mix two states of one training"))
    novelty.add_novelty(verbs.add_parser("novelty", help="fit the measure of how unlike its training photographs a "
                                        "picture is"))
    making.add_scenes(verbs.add_parser("scenes", help="draw pictures with known boxes, and questions about them"))
    making.add_shard(verbs.add_parser("shard", help="pack a folder of photos into tar files that can be streamed"))
    measuring.add_bench(verbs.add_parser("bench", help="time and memory on this machine"))
    return root
