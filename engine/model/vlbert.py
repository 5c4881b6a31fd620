"""VL-BERT: one sequence of words and regions through one Transformer (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.model.embeddings import Embeddings, RegionEmbedding
from engine.model.encoder import Encoder
from engine.model.heads import Heads
from engine.model.layout import Layout
from engine.structures.batch import Asked, Batch

INITIAL_STD = 0.02


@dataclass(frozen=True)
class Encoded:
    """The last layer's states, sorted back: text [B, T, D], regions [B, R, D], 0 where not real or not asked for;
    pooled [B, D]."""

    text: Tensor
    regions: Tensor
    pooled: Tensor


class Pooler(nn.Module):
    """tanh(Linear) of the [CLS] state."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)

    def forward(self, states: Tensor) -> Tensor:
        """[B, L, D] -> [B, D]."""
        return self.dense(states[:, 0]).tanh()


class VLBert(nn.Module):
    """The whole model behind the detector.

    regions, embeddings, encoder: the built parts. classes: C. align: with the word-to-region alignment head.
    """

    def __init__(self, regions: RegionEmbedding, embeddings: Embeddings, encoder: Encoder, classes: int, *,
                 align: bool = False) -> None:
        super().__init__()
        self.regions = regions
        self.embeddings = embeddings
        self.encoder = encoder
        self.pooler = Pooler(embeddings.words.embedding_dim)
        self.heads = Heads(embeddings.words, classes, align=align)
        self._initialise()

    @classmethod
    def from_config(cls, config: ModelConfig) -> VLBert:
        """A model with fresh weights; the one place where the configuration is unpacked."""
        sizes = config.encoder
        return cls(
            RegionEmbedding(config.appearance, config.geometry, sizes.hidden, sizes.dropout,
                            learned_hidden=config.precomputed),
            Embeddings(sizes.vocabulary, sizes.hidden, sizes.positions, sizes.segments, sizes.dropout),
            Encoder(sizes.layers, sizes.hidden, sizes.heads, sizes.feed_forward, sizes.dropout,
                    sizes.attention_dropout),
            config.detector.classes, align=config.pretraining.alignment > 0)

    @property
    def device(self) -> torch.device:
        """Where the model is, and where batches and what is compared with its answers must be."""
        return self.embeddings.end.device

    def forward(self, batch: Batch, asked: Asked | None = None) -> Encoded:
        """Rows with no real region are text-only: their words get the text-only visual embedding.

        asked: whose states are read afterwards, where not all are.
        """
        obj_rep = self.obj_rep(batch)
        return self.encode(batch, obj_rep, self.embeddings.text_visual(obj_rep, batch.region_real, batch.tags), asked)

    def obj_rep(self, batch: Batch) -> Tensor:
        """The visual feature of each region, [B, R, D] (specification, "Visual feature").

        In the precomputed layout region 0 is the mean of the other regions in sight and hidden regions get the
        learned appearance. Otherwise the appearance is taken as it comes: hidden pixels were zeroed before.
        """
        appearance = self.regions.whole_picture(batch.appearance, batch.region_real, batch.region_hidden)
        return self.regions(appearance, batch.boxes, batch.region_hidden)

    def encode(self, batch: Batch, obj_rep: Tensor, text_visual: Tensor, asked: Asked | None = None) -> Encoded:
        """From visual features on. obj_rep [B, R, D]; text_visual [B, T, D], or [B, 1, D] for all words alike.

        Tasks whose words name a region of their own (VCR) pass that region's obj_rep as the word's text_visual.
        """
        layout = Layout.of(batch.text_real, batch.region_real)
        states = self.embeddings(layout, batch.piece_ids, batch.segments, text_visual, obj_rep, batch.region_hidden)
        if asked is None:
            states = self.encoder(states, layout.real)
        else:
            places = layout.pack(asked.text, asked.regions, torch.zeros_like(asked.text[:, :1]))
            places[:, 0] = True  # [CLS], which is pooled
            states = self.encoder(states, layout.real, places)
        return Encoded(*layout.unpack(states), self.pooler(states))

    def _initialise(self) -> None:
        """Normal weights and zero biases as in BERT; the visual LayerNorms start with the scale 0."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=INITIAL_STD)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        own = self.embeddings
        for vector in (own.end, own.region_word, own.hidden_region_word, own.text_only_visual):
            nn.init.normal_(vector, std=INITIAL_STD)
        for norm in (own.visual_text_norm, own.visual_region_norm):
            nn.init.zeros_(norm.weight)
