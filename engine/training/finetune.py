"""Fine-tune the shipped model, or another one, on a task: regions computed once, a head and what `tune` names trained.

The features of every picture are computed first and kept in the run's folder; a run that was stopped goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from engine.boxes_config import AUTO_BOXES, BoxesConfig
from engine.config import FineTuneConfig
from engine.data import datasets
from engine.data.features import FeatureCache
from engine.data.region_source import CachedRegions, RegionSource
from engine.data.sequences import readable
from engine.data.several import Source, sources_of, together
from engine.data.splitting import split_off, spread
from engine.data.tokenizer import WordPieces
from engine.data.unreadable import with_readable_pictures
from engine.detector.detector import Detector, RegionDetector
from engine.detector.elsewhere import Elsewhere
from engine.errors import ConfigError
from engine.measure.beliefs import Task
from engine.measure.held_out import HeldOut
from engine.model.lora import add_lora, take_up_lora
from engine.model.task_heads import AnswerHead, FineTuned
from engine.predictor import Predictor
from engine.structures.example import Regions
from engine.structures.photo import Photo
from engine.structures.questions import DataSet, OpenQuestion, Pictured, ReferringExpression
from engine.tasks.grounding import GroundingTask
from engine.tasks.vcr import VcrTask
from engine.tasks.vqa import VqaTask
from engine.training import checkpoint
from engine.training.events import Events
from engine.training.looks import Looks, unreadable
from engine.training.materials import digest_of, features_folder, pixels_of
from engine.training.origin import of_finetuning, of_questions, refuse_other
from engine.training.processes import accelerator
from engine.training.schedule import TrainingConfig, drops_of, steps_of
from engine.training.stage import run_stage
from engine.training.watching import OnePicture, Probe, Watch, Watched
from engine.weights.adapters import (
    PARTS,
    AdapterInfo,
    base_file,
    check_base,
    content_digest,
    digest,
    read_info,
    save_adapter,
    under,
)
from engine.weights.detectors import identity
from engine.weights.files import fill, read_tensors
from engine.writing import refuse_overwriting

RATES = {"full": 1e-4, "lora": 1e-3, "head": 1e-3}
MEASURED = 300  # held-out questions that are asked each time


def finetune(settings: FineTuneConfig, *, data: Path | Sequence[Path | str], split: str, init: Path, run: Path,
             tensorboard: bool = False, cache: Path | None = None, probe: Probe | None = None,
             events: Events | None = None, after: Path | None = None, detector: str = "",
             detector_device: str = "auto", held: bool = False, boxes: BoxesConfig = AUTO_BOXES) -> Path:
    """Train and write `run`/NAME-TASK.safetensors; returns its path.

    data: a folder, or several, each "FOLDER" or "FOLDER:SPLIT"; one given twice counts twice. split: of those that name
    none. init: the folder of weights to start from. after: an adapter that another run with the same `tune`, full or
    lora of the same rank, left on top of them, to begin with, but for its head. cache: where features are kept for
    other runs (default: `run`/features). probe: asked at each measurement. events: receives what the run does.
    detector, detector_device: as of `engine.predictor.Predictor.load`. held: the caller keeps other runs out of `run`
    already (`engine.training.materials.alone`). boxes: how those of one's own photos are written. Raises DataError,
    WeightsError and DiskError for what a user can mend, ConfigError where the folder holds a run with other settings or
    `after` itself, KeyboardInterrupt after SIGINT or SIGTERM, once the step is done and saved.
    """
    machine, events = accelerator(), events or Events()
    if after:
        refuse_overwriting(run / after.name, after)
    sources = sources_of(data, split)
    datasets.check_boxes(boxes, settings.task, *(source.folder for source in sources))
    sight = identity(detector, init)
    _refuse_before(settings, run / "state.pt", init, after, sight)
    predictor = Predictor.load(init, detector, detector_device)
    config, vlbert, pieces = predictor.config, predictor.model, predictor.pieces
    torch.manual_seed(settings.seed)
    begun = beginning(settings, after, init) if after else {}
    if begun and settings.tune == "full":
        fill(vlbert, begun, str(after))
    found = asked(settings, sources, boxes, pieces)
    seen = predictor.see(Photo.open(probe.photo)) if probe else None
    shared = cache or (run if detector else None)
    plain, views, pictures = features_of(settings, found, predictor.detector, machine, events, sight, run, shared)
    found, left_out = with_readable_pictures(found, unreadable([plain, *views]))
    if left_out.count:
        sys.stderr.write(f"{left_out}\n")
    learned, held_out = split_off(found, settings.held_out)
    info = info_of(settings, sources, init, learned)
    model = FineTuned(vlbert, info.head(config.encoder.hidden))
    if isinstance(model.head, AnswerHead):
        model.head.know_words(vlbert.embeddings.words.weight, single_pieces(info.answers, pieces))
    freeze(model, settings, begun)
    task = task_of(info, model, learned, CachedRegions(plain, views), pieces, settings.extra_regions, settings.evidence,
                   settings.words, settings.ranking)
    training = training_of(settings, len(task))
    watch = None
    if held_out and settings.evaluate_every and machine.is_main_process:
        measured = task_of(info, model, held_out, CachedRegions(plain), pieces, settings.extra_regions)
        own = own_example(settings, info, model, pieces, probe, seen.regions) if probe and seen else None
        watch = Watch(model, HeldOut(measured, spread(len(measured), MEASURED), settings.extra_regions),
                      found.pictures, own, events, run, settings.evaluate_every)
        watch.begin(len(task), training, fresh=not (run / "state.pt").exists())
    run_stage(machine, task, training, run, stage=settings.task, log=run / "log.jsonl", tensorboard=tensorboard,
              every=settings.log_every, watch=watch, held=held,
              origin={**of_finetuning(settings, training, digest(base_file(init)), after, sight), "pictures": pictures,
                      "questions": of_questions(info, learned)})
    out = run / f"{config.name}-{settings.task}.safetensors"
    if machine.is_main_process:
        save_adapter(out, model, info)
        events.say("finished", file=out.name)
    return out


def _refuse_before(settings: FineTuneConfig, state: Path, init: Path, after: Path | None, detector: str) -> None:
    """Raises ConfigError, before any picture is read, for settings that contradict each other or those of an earlier
    run in the same folder."""
    training = training_of(settings, settings.batch_size)
    if state.is_file():
        own = of_finetuning(settings, training, digest(base_file(init)), after, detector)
        own.pop("batch_size")  # that of few examples is known only once they are counted
        refuse_other(checkpoint.origin(state), own, state, checkpoint.REMEDY)


def features_of(settings: FineTuneConfig, found: DataSet[Any], detector: RegionDetector, machine: Accelerator,
                events: Events, sight: str, run: Path,
                shared: Path | None) -> tuple[FeatureCache, list[FeatureCache], str]:
    """Compute the features of all pictures and of their views where they are not there yet.

    Args:
        settings: of the run
        found: the questions and their pictures
        detector: finds and describes regions
        machine: its main process computes
        events: receives the progress
        sight: what distinguishes the detector from others
        run: the folder of the run
        shared: a folder in which features are named by what they are made from, or None for `run`/features

    Returns:
        The plain features, those of the views, and the digest of the pictures.
    """
    detections = detections_of(settings, found.pictures)
    pixels = pixels_of(found.pictures)
    folder = features_folder(shared, found.pictures, sight, detections=detections,
                             pixels=pixels) if shared else run / "features"
    looks, pictures = Looks(folder, settings.views, settings.mirror), digest_of(found.pictures, pixels)
    if machine.is_main_process:
        look(looks, detector, machine.device, found.pictures, events, pictures, detections=detections)
    machine.wait_for_everyone()
    return *looks.caches(found.pictures), pictures


def detections_of(settings: FineTuneConfig, pictures: Sequence[Pictured]) -> bool | None:
    """Whether the detector's own regions are needed: of every picture, of none, or (None) of those without boxes."""
    if settings.task == "grounding" and settings.extra_regions:
        return True
    boxed = {bool(pictured.boxes) for pictured in pictures}
    return None if len(boxed) == 2 and settings.task != "grounding" else boxed == {False}


def look(looks: Looks, detector: RegionDetector, device: torch.device, pictures: Sequence[Pictured], events: Events,
         digest: str, *, detections: bool | None) -> None:
    """Compute the features that are not there yet, on `device`; a detector that was chosen is on one of its own.

    digest: that of the pictures."""
    assert isinstance(detector, Detector | Elsewhere)
    if isinstance(detector, Detector):
        detector.to(device)
    looks.compute(detector, pictures, partial(events.progress, "features"), detections=detections, digest=digest)
    detector.cpu()


def beginning(settings: FineTuneConfig, after: Path, init: Path) -> dict[str, Tensor]:
    """What another fine-tuning of the same weights moved, to begin with. Raises ConfigError and WeightsError."""
    info = read_info(after)
    if info.tune not in PARTS or settings.tune != info.tune:
        raise ConfigError(f"This run tunes {settings.tune}, and {after} was tuned {info.tune}; going on from another "
                          "fine-tuning takes full in both, or lora in both. Change tune, or leave the other run out.")
    if info.tune == "lora" and settings.rank != info.rank:
        raise ConfigError(f"This run's rank is {settings.rank}, and that of {after} is {info.rank}. Set rank to "
                          f"{info.rank}, or leave the other run out.")
    check_base(info, after, init)
    tensors = read_tensors(after)
    if info.tune == "lora" and under(tensors, PARTS["full"]):
        raise ConfigError(f"{after} was made thin of a fine-tuning of all weights; begin with that one instead.")
    return under(tensors, PARTS[info.tune])


def info_of(settings: FineTuneConfig, sources: Sequence[Source], init: Path, learned: DataSet[Any]) -> AdapterInfo:
    """What the adapter will say of itself. Raises ConfigError where evidence is wanted and the data name none."""
    evidence = settings.task in ("vqa", "vcr") and settings.evidence > 0
    if evidence and settings.task == "vqa" and all(q.boxes is None for q in learned.questions):
        raise ConfigError(f"evidence is {settings.evidence}, but no question of "
                          f"{' or '.join(str(source.folder) for source in sources)} names the boxes that show what is "
                          "asked for. Set evidence to 0, or take data whose questions do, such as scenes.")
    rank = settings.rank if settings.tune == "lora" else 0
    return AdapterInfo(settings.task, settings.tune, content_digest(base_file(init)), rank=rank, alpha=2 * rank,
                       answers=datasets.answers_of(sources, learned) if settings.task == "vqa" else (),
                       classes=classes_of(learned.pictures) if settings.task == "vcr" else (),
                       about=", ".join(dict.fromkeys(f"{s.folder.name} {s.split}" for s in sources)),
                       evidence=evidence)


def single_pieces(answers: Sequence[str], pieces: WordPieces) -> dict[int, int]:
    """Of the answers that are one word piece their number, and that piece."""
    split = {number: pieces.of_word(text) for number, text in enumerate(answers) if text and " " not in text}
    return {number: own[0] for number, own in split.items() if len(own) == 1 and own[0] != pieces.unknown}


def training_of(settings: FineTuneConfig, examples: int) -> TrainingConfig:
    """Steps and rates for so many examples. Raises ConfigError where there are more steps than allowed, or where the
    schedule and its drops do not go together."""
    batch = min(settings.batch_size, examples)
    epochs = settings.steps / max(1, examples // batch) if settings.steps else settings.epochs
    training = TrainingConfig(
        epochs=epochs, batch_size=batch, rate=settings.rate or RATES[settings.tune], optimiser=settings.optimiser,
        schedule=settings.schedule, drops=drops_of(settings.drops), warmup=settings.warmup,
        weight_decay=settings.weight_decay, clip_norm=settings.clip_norm, precision=settings.precision,
        seed=settings.seed, accumulate=settings.accumulate)
    steps = steps_of(examples, training)
    if settings.most_steps and steps > settings.most_steps:
        raise ConfigError(f"This run would take {steps} steps ({examples} examples, {batch} in a step); at most "
                          f"{settings.most_steps} are allowed here. Lower the epochs, or raise the batch size.")
    return training


def own_example(settings: FineTuneConfig, info: AdapterInfo, model: FineTuned, pieces: WordPieces, probe: Probe,
                regions: Regions) -> Watched:
    """The visitor's own photo and words, as a question of the run's task. Raises ConfigError for VCR."""
    pictures = (Pictured(probe.photo),)
    if settings.task == "vcr":
        raise ConfigError("Choosing among four has no example of one's own: it would need four answers. Leave it out.")
    asked: DataSet[Any] = DataSet(pictures, (OpenQuestion(0, probe.text, {}),)) if settings.task == "vqa" else DataSet(
        pictures, (ReferringExpression(0, probe.text, ()),))
    return Watched(task_of(info, model, asked, OnePicture(regions), pieces, 0), 0, len(regions), probe.photo)


def asked(settings: FineTuneConfig, sources: Sequence[Source], boxes: BoxesConfig, pieces: WordPieces) -> DataSet[Any]:
    """The examples whose texts fit; how they were read and what was left out is written to stderr. Raises DataError."""
    found = readable(questions(settings, sources, boxes), pieces, answers=settings.words > 0)
    sys.stderr.write(f"{found.note}\n" if found.note else "")
    sys.stderr.write(f"{found.skipped}\n" if found.skipped.count else "")
    return found


def questions(settings: FineTuneConfig, sources: Sequence[Source], boxes: BoxesConfig = AUTO_BOXES) -> DataSet[Any]:
    """The examples of a task. boxes: how those of one's own photos are written. Raises DataError."""
    readers: dict[str, Callable[..., DataSet[Any]]] = {
        "vqa": datasets.open_questions, "vcr": datasets.choice_questions,
        "grounding": partial(datasets.referring_expressions, boxes=boxes)}
    return together(sources, partial(readers[settings.task], limit=settings.limit or None))


def task_of(info: AdapterInfo, model: FineTuned, found: DataSet[Any], source: RegionSource,
            pieces: WordPieces, extra_regions: int, evidence: float = 0.0, words: float = 0.0,
            ranking: float = 0.0) -> Task:
    """The task of an adapter on these questions. evidence, words, ranking: weights of what it learns beside."""
    if info.task == "vqa":
        return VqaTask(model, found.questions, source, pieces, info.answers, evidence=evidence, words=words)
    if info.task == "vcr":
        numbers = {name: i for i, name in enumerate(info.classes, 1)}
        return VcrTask(model, found.pictures, found.questions, source, pieces, class_numbers=numbers,
                       words=words, evidence=evidence, ranking=ranking)
    return GroundingTask(model, found.questions, source, pieces, most_detections=extra_regions, ranking=ranking)


def freeze(model: FineTuned, settings: FineTuneConfig, begun: dict[str, Tensor]) -> None:
    """Leave trainable what `tune` names. begun: the low-rank matrices that it starts with, where `tune` is lora."""
    if settings.tune == "lora":
        add_lora(model.vlbert, settings.rank, 2 * settings.rank)
        if begun:
            take_up_lora(model.vlbert, begun)
    elif settings.tune == "head":
        model.vlbert.requires_grad_(False)


def classes_of(pictures: Sequence[Pictured]) -> tuple[str, ...]:
    """The names of regions in a data set, in alphabetical order."""
    return tuple(sorted({name for picture in pictures for name in picture.names}))
