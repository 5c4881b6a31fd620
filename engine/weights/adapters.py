"""What fine-tuning leaves: a head, and how VL-BERT moved (not at all, by thin matrices, or as a whole).

One safetensors file, matrices in float16. It belongs to the very VL-BERT it was trained on, whose digest it carries.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.config import TASKS, TUNES, ModelConfig
from engine.errors import WeightsError
from engine.model.lora import TARGETS, MovedWords, attach_lora, lora_state
from engine.model.task_heads import AnswerHead, ChoiceHead, FineTuned, RegionScorer, TaskHead
from engine.model.tempered import is_temperature
from engine.model.vlbert import VLBert
from engine.weights.files import (
    check_file,
    fill,
    read_tensors,
    refuse_misshapen,
    refuse_unless_same,
    write_tensors,
)
from engine.weights.shipped import only
from engine.weights.store import stored
from engine.wording import shown

FORMAT = "vl-bert-studio adapter 1"
WORDS = "words."  # where one of thin matrices holds the words whose embeddings moved: `numbers` [K] and `rows` [K, D]
LEFT = ("embeddings.words.", "heads.")  # how the names of tensors begin that `thin` leaves out
MATRIX = re.compile(rf"(?P<module>{TARGETS})\.weight")
PARTS = {"lora": "lora.", "full": "vlbert."}  # where a file holds what moved, by `tune`


@dataclass(frozen=True)
class AdapterInfo:
    """What an adapter says of itself.

    Attributes:
        task: one of `TASKS`
        tune: one of `TUNES`
        base: digest of the VL-BERT it was trained on (`base_digests`)
        answers: the vocabulary of VQA
        evidence: whether its head also scores the regions or words that show the answer
        classes: the region classes of VCR's auxiliary loss
        rank, alpha: of LoRA; of a thin adapter, as if all its matrices had one rank
        about: for people
        temperature: of the head's logits (`engine.model.tempered`)
    """

    task: str
    tune: str
    base: str
    answers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    rank: int = 0
    alpha: int = 0
    about: str = ""
    evidence: bool = False
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.task not in TASKS or self.tune not in TUNES:
            raise WeightsError(f"An adapter of the task {shown(self.task)}, tuned by {shown(self.tune)}, is unknown "
                               f"here. Tasks are {', '.join(TASKS)}; ways to tune are {', '.join(TUNES)}.")
        texts = (self.base, self.about, *self.answers, *self.classes)
        if not all(isinstance(t, str) for t in texts) or not all(isinstance(n, int) for n in (self.rank, self.alpha)) \
                or not isinstance(self.evidence, bool) or not is_temperature(self.temperature):
            raise WeightsError("An adapter's base, answers and classes are text, its rank and alpha whole numbers, its "
                               "evidence true or false, its temperature a positive number. The file was changed; take "
                               "the original.")
        if (self.task == "vqa") != bool(self.answers):
            raise WeightsError(f"An adapter of the task {self.task!r} has {len(self.answers)} answers to choose from; "
                               "only vqa has any, and at least one. Take a file that `finetune` wrote.")

    def head(self, hidden: int) -> TaskHead:
        """A fresh head of this task."""
        if self.task == "vqa":
            return AnswerHead(hidden, len(self.answers), evidence=self.evidence)
        if self.task == "vcr":
            return ChoiceHead(hidden, len(self.classes) + 1 if self.classes else 0, evidence=self.evidence)
        return RegionScorer(hidden)


def base_file(folder: Path) -> Path:
    """The VL-BERT file of a folder of weights. Raises WeightsError."""
    return only(folder, "*-vlbert.safetensors")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(path: Path) -> str:
    """SHA-256 of the tensors of a safetensors file: their names, types, shapes and values.

    It stays the same when the file is written again with other metadata or in another order.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    key = hashlib.sha256()
    tensors = read_tensors(path)
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        key.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        key.update(tensor.flatten().view(torch.uint8).numpy().data)
    return key.hexdigest()


def base_digests(folder: Path) -> tuple[str, str]:
    """Digests of the VL-BERT of a folder of weights, one of which an adapter of it holds: of its tensors, and of its
    file, as older adapters do. Raises WeightsError."""
    file = base_file(folder)
    return content_digest(file), digest(file)


def check_base(info: AdapterInfo, path: Path, folder: Path) -> None:
    """Raises WeightsError where the adapter in `path` was not trained on the weights in `folder`."""
    if info.base not in base_digests(folder):
        raise WeightsError(f"{path} was trained on another VL-BERT than that of {folder}. Take both from one place.")


def save_adapter(path: Path, model: FineTuned, info: AdapterInfo) -> None:
    """Write what was trained; the file appears whole or not at all."""
    tensors = {f"head.{name}": t for name, t in model.head.state_dict().items()}
    if info.tune == "lora":
        tensors |= {f"lora.{name}": t for name, t in lora_state(model.vlbert).items()}
    elif info.tune == "full":
        tensors |= {f"vlbert.{name}": t for name, t in model.vlbert.state_dict().items()}
    write_adapter(path, tensors, info)


def write_adapter(path: Path, tensors: Mapping[str, Tensor], info: AdapterInfo) -> None:
    """The file appears whole or not at all. Raises DiskError where the disk is full or refuses."""
    kept = {name: stored(name, tensor) for name, tensor in tensors.items()}
    write_tensors(path, kept, {FORMAT: json.dumps(dataclasses.asdict(info), sort_keys=True)})


def read_info(path: Path) -> AdapterInfo:
    """What an adapter says of itself. Raises WeightsError where the file is missing, damaged or something else."""
    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            raw = json.loads((file.metadata() or {})[FORMAT])
        told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        return AdapterInfo(**told)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read; it is damaged or cut short ({error}). Fetch it again.") from error
    except WeightsError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is no adapter of this program, or one of another version. Take a file that "
                           "`finetune` wrote.") from error


def load_adapter(path: Path, vlbert: VLBert, base: Collection[str],
                 config: ModelConfig) -> tuple[FineTuned, AdapterInfo]:
    """The fine-tuned model, ready to answer. What did not move is shared with `vlbert`, which stays as it is: an
    adapter of thin matrices takes a few megabytes.

    vlbert, config: the model as it was loaded; base: its digests (`base_digests`). Raises WeightsError where the
    adapter was trained on another VL-BERT, or a tensor is missing, unknown, misshapen or not finite.
    """
    info = read_info(path)
    if info.base not in base:
        raise WeightsError(f"{path} was trained on another VL-BERT than the one that is loaded. Train it again on this "
                           f"one: python -m engine finetune {info.task}.")
    tensors = read_tensors(path)
    odd = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if odd:
        raise WeightsError(f"{odd[0]} of {path} holds numbers that are not finite. Take another adapter.")
    parts = {"full": (PARTS["full"],), "lora": (*PARTS.values(), WORDS)}.get(info.tune, ())
    stray = [name for name in tensors if not name.startswith(("head.", *parts))]
    if stray:
        raise WeightsError(f"{stray[0]} is unknown in an adapter that was tuned by {info.tune!r}: {path} was changed. "
                           "Take the original.")
    tuned = VLBert.from_config(config) if info.tune == "full" else twin(vlbert, config)
    if info.tune == "full":
        fill(tuned, under(tensors, PARTS["full"]), str(path))
    model = FineTuned(tuned, info.head(config.encoder.hidden))
    if info.tune == "lora":
        if whole := under(tensors, PARTS["full"]):
            exchange(tuned, whole, str(path))
        refuse_incomplete(tensors, tuned, str(path))
        attach_lora(tuned, under(tensors, PARTS["lora"]), info.alpha / max(1, info.rank))
        move_words(tuned, under(tensors, WORDS), str(path))
    fill(model.head, under(tensors, "head."), str(path))
    tuned.heads.copy_temperatures(vlbert.heads)
    model.head.temperature = info.temperature
    return model.eval(), info


def refuse_incomplete(tensors: Collection[str], vlbert: VLBert, source: str) -> None:
    """Refuse an adapter of thin matrices that does not hold all tensors of its kind.

    `finetune` leaves two matrices for each layer that it moves; `thin` leaves the small tensors and words, too.

    Args:
        tensors: the names in the file.
        vlbert: the model that the adapter belongs to.
        source: the file, for messages.

    Raises:
        WeightsError: names the first tensor that is missing.
    """
    own = vlbert.state_dict()
    expected = [f"{PARTS['lora']}{match['module']}.lora_{part}.weight"
                for name in own if (match := MATRIX.fullmatch(name)) for part in "AB"]
    if any(name.startswith((PARTS["full"], WORDS)) for name in tensors):
        expected += [f"{PARTS['full']}{name}" for name in own if kept_whole(name)]
        expected += [f"{WORDS}{part}" for part in ("numbers", "rows")]
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise WeightsError(f"{missing[0]} is missing in {source} ({len(missing)} of the {len(expected)} tensors of "
                           "VL-BERT in such an adapter). Take a complete file that `finetune` or `thin` wrote.")


def kept_whole(name: str) -> bool:
    """Whether a tensor of VL-BERT is stored as it is in what `thin` makes: it is no matrix with a thin form, and
    neither belongs to the heads of pre-training nor holds all words."""
    return not MATRIX.fullmatch(name) and not name.startswith(LEFT)


def twin(vlbert: VLBert, config: ModelConfig) -> VLBert:
    """Another model on the very same tensors: its layers can be exchanged and the first one does not change."""
    with torch.device("meta"):
        other = VLBert.from_config(config)
    other.load_state_dict(vlbert.state_dict(), assign=True)
    return other


def exchange(model: VLBert, tensors: Mapping[str, Tensor], source: str) -> None:
    """Put these tensors in the place of a `twin`'s, whose others stay shared. Raises WeightsError."""
    own = model.state_dict()
    prefix = PARTS["full"]  # as the file names them
    refuse_unless_same([prefix + name for name in tensors], [prefix + name for name in own if name in tensors],
                       file=source, wanted_by="this model")
    refuse_misshapen(tensors, own, source)
    whole = {name: tensor.to(own[name].dtype) for name, tensor in tensors.items()}
    model.load_state_dict({**own, **whole}, assign=True)


def move_words(model: VLBert, moved: Mapping[str, Tensor], source: str) -> None:
    """Give the words that moved, where any did, their own embeddings beside those of the model. Raises
    WeightsError."""
    if not moved:
        return
    words = model.embeddings.words
    numbers, rows = moved.get("numbers"), moved.get("rows")
    if len(moved) != 2 or numbers is None or rows is None or numbers.dtype != torch.int32 or numbers.ndim != 1 or \
            rows.shape != (len(numbers), words.embedding_dim) or bool(
                ((numbers < 0) | (numbers >= words.num_embeddings)).any()):
        raise WeightsError(f"The words of {source} are none of this model's, or lack their embeddings. Take an "
                           "adapter of this model.")
    own = MovedWords(words, numbers, rows)
    model.set_submodule("embeddings.words", own)
    model.heads.mlm.share(own)


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
