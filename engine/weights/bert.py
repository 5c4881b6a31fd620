"""From a BERT checkpoint: every spelling in use since the first one (specification, "Published checkpoints")."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from engine.errors import WeightsError
from engine.model.vlbert import VLBert
from engine.weights.files import fill, read_tensors, renamed
from engine.weights.names import both, count, encoder

SEGMENTS = "embeddings.segments.weight"
EMBEDDINGS = {
    **both("embeddings.LayerNorm", "embeddings.norm"),
    "embeddings.word_embeddings.weight": "embeddings.words.weight",
    "embeddings.position_embeddings.weight": "embeddings.positions.weight",
    "embeddings.token_type_embeddings.weight": SEGMENTS}
POOLER = both("pooler.dense", "pooler.dense")
WORD_HEAD = {
    "cls.predictions.bias": "heads.mlm.bias",
    **both("cls.predictions.transform.dense", "heads.mlm.dense"),
    **both("cls.predictions.transform.LayerNorm", "heads.mlm.norm")}
RELATIONSHIP = both("cls.seq_relationship", "heads.relationship")
DOUBLES = {
    "cls.predictions.decoder.weight": "embeddings.words.weight",
    "cls.predictions.decoder.bias": "heads.mlm.bias"}
FILES = ("model.safetensors", "pytorch_model.bin")


def load_bert(model: VLBert, path: Path) -> tuple[str, ...]:
    """Fill the text side of `model` from a checkpoint file, or a folder with `model.safetensors` or
    `pytorch_model.bin`.

    What BERT does not have keeps its fresh values: segments beyond BERT's, everything visual, and, where the
    checkpoint has none, the masked-language-model head and the relationship head. Returns the names of these tensors.
    Raises WeightsError naming the tensor that is missing, unknown or misshapen.
    """
    tensors = convert_bert(read_tensors(bert_file(path)))
    own = model.state_dict()
    rows = tensors[SEGMENTS]
    if rows.shape[0] > own[SEGMENTS].shape[0] or rows.shape[1:] != own[SEGMENTS].shape[1:]:
        raise WeightsError(f"{SEGMENTS} has the shape {list(rows.shape)} in this BERT checkpoint; this model takes at "
                           f"most {list(own[SEGMENTS].shape)}. Choose the configuration that belongs to the weights.")
    tensors[SEGMENTS] = own[SEGMENTS].clone()
    tensors[SEGMENTS][:len(rows)] = rows
    fresh = tuple(k for k in own if k not in tensors and _may_be_fresh(k))
    fill(model, tensors, "this BERT checkpoint", fresh=fresh)
    return fresh


def bert_file(path: Path) -> Path:
    """The checkpoint file at `path`, which may be its folder."""
    return next((path / name for name in FILES if (path / name).is_file()), path / FILES[0]) if path.is_dir() else path


def convert_bert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A BERT state dict under our names; `embeddings.segments.weight` has BERT's rows only.

    With or without the prefix `bert.`; gamma and beta are the LayerNorm weight and bias of the first checkpoints.
    The decoder is the word embeddings. Raises WeightsError naming the tensor that is missing, unknown or contradicts.
    """
    state = {_modern(k): v for k, v in state.items() if not k.endswith("position_ids")}
    names = encoder(count(state, r"encoder\.layer\.(\d+)\.")) | EMBEDDINGS
    for optional in (POOLER, WORD_HEAD, RELATIONSHIP):
        if any(k in state for k in optional):
            names |= optional
    names |= {k: v for k, v in DOUBLES.items() if k in state}
    return renamed(state, names, "a BERT checkpoint")


def _modern(key: str) -> str:
    key = key.removeprefix("bert.")
    return key.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _may_be_fresh(name: str) -> bool:
    """What a BERT checkpoint need not have: the heads, the pooler, and everything visual."""
    return name.startswith(("heads.", "pooler.", "regions.", "embeddings.visual_")) or name in {
        "embeddings.end", "embeddings.region_word", "embeddings.hidden_region_word", "embeddings.text_only_visual"}
