"""The names in checkpoints of the published fine-tuning: VQA, VCR and referring expressions, and ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from engine.errors import WeightsError
from engine.weights.files import renamed
from engine.weights.names import both, plain
from engine.weights.published_names import HIDDEN_APPEARANCE, VECTORS, detector_names, vlbert_names

SOURCE = "a published fine-tuned checkpoint"
INSIDE = "vlbert._module."  # VCR runs its choices through a wrapper
HEADS = {
    "vqa": both("final_mlp.0.dense", "head.dense") | both("final_mlp.0.LayerNorm", "head.norm")
    | both("final_mlp.2", "head.classify"),
    "refcoco": both("final_mlp.0.dense", "head.dense") | both("final_mlp.2", "head.classify"),
    "vcr": both("final_mlp.1", "head.score") | both("cnn_loss_reg.0.dense", "head.regions.dense")
    | both("cnn_loss_reg.2", "head.regions.classify"),
}
UNUSED = ("vlbert.mlm_head.", "vlbert.mvrc_head.", "object_mask_", "aux_text_")  # of pre-training only


def kind_of(keys: Collection[str]) -> str:
    """ "vqa", "vcr" or "refcoco". Raises WeightsError where it is none of them."""
    for kind, names in HEADS.items():
        if all(k in keys for k in names):
            return kind
    raise WeightsError("This is no published fine-tuned checkpoint: it has no head of VQA, VCR or RefCOCO+.")


def task_names(keys: Collection[str]) -> dict[str, str]:
    """Every name of the VL-BERT and head part of a fine-tuned checkpoint with these keys, and ours in FineTuned."""
    kind = kind_of(keys)
    inside = {k.replace(INSIDE, "vlbert."): k for k in keys}
    names = {theirs: ours for theirs, ours in vlbert_names(inside).items()
             if not theirs.startswith(UNUSED) and (theirs in inside or "pooler" not in theirs)}
    return {inside.get(theirs, theirs): f"vlbert.{ours}" for theirs, ours in names.items()} | HEADS[kind]


def rename_task(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """The tensors of FineTuned and of FastRCNN (None on precomputed features) under our names.

    Raises WeightsError naming the tensor that is missing, unknown or contradicts its double.
    """
    state = plain(state)
    names, detector = task_names(state), detector_names(state)
    own = {k: v for k, v in state.items() if k not in detector}
    tensors = renamed(own, names, SOURCE)
    for ours in (VECTORS | HIDDEN_APPEARANCE).values():
        if f"vlbert.{ours}" in tensors:
            tensors[f"vlbert.{ours}"] = tensors[f"vlbert.{ours}"].squeeze(0)
    return tensors, renamed({k: v for k, v in state.items() if k in detector}, detector, SOURCE) or None
