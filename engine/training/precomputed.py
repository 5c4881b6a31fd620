"""Pre-training of any preset on captions with precomputed regions: no photographs, no detector."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import torch
from accelerate.utils import gather_object

from engine.config import ModelConfig, PretrainingConfig, RecipeConfig
from engine.data.conceptual import ConceptualCaptions
from engine.data.flickr8k import texts
from engine.errors import DataError
from engine.model.vlbert import VLBert
from engine.tasks.precomputed import LOST_IN_A_ROW, PrecomputedTask, TextChunks
from engine.training.materials import digest_if_there
from engine.training.origin import FREE_WITHOUT_VIEWS, of_settings
from engine.training.processes import accelerator
from engine.training.recipe import beginning, refuse_own_inputs
from engine.training.schedule import TrainingConfig
from engine.training.stage import run_stage
from engine.training.stage_material import pieces_of
from engine.weights.bert import bert_file, load_bert
from engine.weights.shipped import GENOME_CLASSES
from engine.weights.store import save

CAPTIONS = 128  # in a step, with as many of the text-only corpus: 8 and 8 on each of 16 GPUs
RATE = 1e-7 * 2 * CAPTIONS
WARMUP = 0.062  # 16,000 steps of ten passes over 3.3 million captions


def pretrain_precomputed(config: ModelConfig, recipe: RecipeConfig, *, folder: Path, text: Path, run: Path, bert: Path,
                         split: str = "train", tensorboard: bool = False) -> Path:
    """Train for `recipe.epochs` on Conceptual Captions with regions of Visual Genome's classes, from BERT's weights;
    the folder of the trained weights, which a C4 detector completes.

    Settings as published (specification, "Pre-training settings"). recipe.limit: of captions. Raises DataError,
    ConfigError, WeightsError and DiskError for what a user can mend, KeyboardInterrupt after SIGINT or SIGTERM, once
    the step is done and saved.
    """
    refuse_own_inputs(run, text, bert_file(bert), bert / "vocab.txt")
    machine = accelerator()
    vocabulary = bert / "vocab.txt"
    pieces = pieces_of(vocabulary, config)
    data = ConceptualCaptions(folder, split, recipe.limit or None, (config.appearance, GENOME_CLASSES))
    _refuse_unusable(data)
    config = dataclasses.replace(config, precomputed=True, pretraining=PretrainingConfig(),
                                 detector=dataclasses.replace(config.detector, classes=GENOME_CLASSES))
    torch.manual_seed(recipe.seed)
    model = VLBert.from_config(config)
    load_bert(model, bert)
    task = PrecomputedTask(model, config, pieces, data, TextChunks(texts(text), pieces))
    settings = TrainingConfig(epochs=recipe.epochs, batch_size=min(CAPTIONS, len(data)), rate=RATE, warmup=WARMUP,
                              seed=recipe.seed, accumulate=recipe.accumulate, precision=recipe.precision)
    origin = {**beginning(bert), "captions": digest_if_there(folder / f"{split}_frcnn.json"),
              "text": digest_if_there(text), **of_settings(recipe, free=FREE_WITHOUT_VIEWS)}
    run_stage(machine, task, settings, run / "pretraining", stage="pretraining", log=run / "log.jsonl",
              tensorboard=tensorboard, origin=origin)
    for told in gather_object([data.told]):  # each process takes captions of its own
        for number, wrong in told.items():
            data.tell(number, wrong)
    if machine.is_main_process:
        if data.skipped.count:
            sys.stderr.write(f"{data.skipped}\n")
        weights = run / "weights"
        save(model, weights / f"{config.name}-vlbert.safetensors", config, kind="vlbert")
        (weights / "vocab.txt").write_bytes(vocabulary.read_bytes())
    machine.wait_for_everyone()
    return run / "weights"


def _refuse_unusable(data: ConceptualCaptions) -> None:
    """Raises DataError where not one of the first captions has regions that this model takes."""
    first = range(min(LOST_IN_A_ROW, len(data)))
    if all(data.usable(number) is None for number in first):
        raise DataError(f"None of the first {len(first)} captions can be used. The first of them: {data.told[0][0]} "
                        "The classes are Visual Genome's with the background first.")
