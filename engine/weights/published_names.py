"""The names in the four published VL-BERT checkpoints, and ours (specification, "Published checkpoints")."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import torch

from engine.config import base
from engine.detector.fast_rcnn import FastRCNN
from engine.weights.names import both, count, encoder

BACKBONE = "image_feature_extractor.backbone."
STAGE5 = ("image_feature_extractor.roi_head_feature_extractor.", "image_feature_extractor.head.0.")  # stored twice
VECTORS = {  # stored as [1, width]
    "object_linguistic_embeddings.weight": "embeddings.region_word",
    "object_mask_word_embedding.weight": "embeddings.hidden_region_word",
    "aux_text_visual_embedding.weight": "embeddings.text_only_visual",
    "vlbert.end_embedding.weight": "embeddings.end",
}
HIDDEN_APPEARANCE = {"object_mask_visual_embedding.weight": "regions.hidden_appearance"}
PAIRS = {  # each with weight and bias
    "image_feature_extractor.obj_downsample.1": "regions.project",
    "vlbert.embedding_LayerNorm": "embeddings.norm",
    "vlbert.visual_ln_text": "embeddings.visual_text_norm",
    "vlbert.visual_ln_object": "embeddings.visual_region_norm",
    "vlbert.mlm_head.predictions.transform.dense": "heads.mlm.dense",
    "vlbert.mlm_head.predictions.transform.LayerNorm": "heads.mlm.norm",
    "vlbert.mvrc_head.transform.dense": "heads.mvrc.dense",
    "vlbert.mvrc_head.region_cls_pred": "heads.mvrc.classify",
}
TABLES = {
    "vlbert.word_embeddings.weight": "embeddings.words.weight",
    "vlbert.mlm_head.predictions.decoder.weight": "embeddings.words.weight",
    "vlbert.position_embeddings.weight": "embeddings.positions.weight",
    "vlbert.token_type_embeddings.weight": "embeddings.segments.weight",
    "vlbert.mlm_head.predictions.bias": "heads.mlm.bias",
}
OPTIONAL = (  # the four do not have them, but a run with the relationship loss does; the spelling is theirs
    both("vlbert.pooler.dense", "pooler.dense"),
    both("vlbert.relationsip_head.caption_image_relationship", "heads.relationship"),
)


def vlbert_names(keys: Collection[str]) -> dict[str, str]:
    """Every name that the VL-BERT part of a checkpoint with these keys must have, and ours."""
    names = VECTORS | TABLES | encoder(count(keys, r"vlbert\.encoder\.layer\.(\d+)\."), "vlbert.")
    for theirs, ours in PAIRS.items():
        names |= both(theirs, ours)
    for optional in OPTIONAL:
        if any(k in keys for k in optional):
            names |= optional
    return names if has_detector(keys) else names | HIDDEN_APPEARANCE


def detector_names(keys: Collection[str]) -> dict[str, str]:
    """The same for the detector part, ResNet-101; nothing if the checkpoint has none."""
    if not has_detector(keys):
        return {}
    names: dict[str, str] = {}
    for ours in _detector_keys():
        inner = ours.removeprefix("backbone.")
        stage5 = inner.removeprefix("layer4.")
        names |= {BACKBONE + inner: ours} if stage5 == inner else {p + stage5: ours for p in STAGE5}
    return names


@cache
def _detector_keys() -> tuple[str, ...]:
    with torch.device("meta"):
        return tuple(FastRCNN.from_config(base().detector).state_dict())


def has_detector(keys: Collection[str]) -> bool:
    """Is it one of the end-to-end checkpoints? The others hold no backbone."""
    return any(k.startswith(BACKBONE) for k in keys)
