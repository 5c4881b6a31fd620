"""Low-rank adaptation (Hu et al. 2021): a trained matrix moves by a product of two thin ones.

Training uses peft; here is what it leaves, and how it is added to the weights, so that using an adapter needs no peft.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.model.vlbert import VLBert

TARGETS = r"encoder\.layers\.\d+\.(attention\.(query|key|value)|attention_output|intermediate|output)|regions\.project"
ADDED = re.compile(r"(?P<module>.+)\.lora_(?P<part>[AB])(\.default)?\.weight")


def add_lora(model: VLBert, rank: int, alpha: int) -> None:
    """Freeze `model` and give each linear layer of its encoder, and the projection of regions, thin matrices that are
    trained. Raises WeightsError where peft is not installed."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise WeightsError("Low-rank adaptation needs peft. Run `pip install peft`, or tune full or head.") from error
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=TARGETS), model)


@torch.no_grad()
def take_up_lora(model: VLBert, state: Mapping[str, Tensor]) -> None:
    """Put the matrices that `lora_state` gave into a model that `add_lora` changed, with the same rank. Raises
    WeightsError where they are not of this model."""
    own = lora_state(model)
    odd = sorted(own.keys() ^ state.keys()) or [name for name in own if own[name].shape != state[name].shape]
    if odd:
        raise WeightsError(f"{odd[0]} of the adapter is no matrix of this model. Take an adapter of this model.")
    for name, tensor in own.items():
        tensor.copy_(state[name])


def lora_state(model: nn.Module) -> dict[str, Tensor]:
    """The thin matrices of a model that `add_lora` changed: `MODULE.lora_A.weight` [rank, in], `MODULE.lora_B.weight`
    [out, rank]."""
    found = {}
    for name, tensor in model.state_dict().items():
        if match := ADDED.fullmatch(name):
            found[f"{match['module']}.lora_{match['part']}.weight"] = tensor
    return found


class LowRank(nn.Module):
    """A linear layer that moved by scale x B x A, which are kept apart from its weights: others may share these.

    linear: the layer as it was. first: A, [rank, in]; second: B, [out, rank]. scale: alpha / rank.
    """

    def __init__(self, linear: nn.Linear, first: Tensor, second: Tensor, scale: float) -> None:
        super().__init__()
        self.linear = linear
        self.first = nn.Parameter(first.float(), requires_grad=False)
        self.second = nn.Parameter(scale * second.float(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        return self.linear(x) + F.linear(F.linear(x, self.first), self.second)


class MovedWords(nn.Module):
    """Embeddings of words of which a few moved, which are kept apart: others may share the rest.

    words: the embeddings as they were, [V, D]; numbers: of the K pieces that moved; rows: theirs, [K, D].
    """

    def __init__(self, words: nn.Embedding, numbers: Tensor, rows: Tensor) -> None:
        super().__init__()
        self.words = words
        self.rows = nn.Parameter(rows.float(), requires_grad=False)
        places = torch.full((words.num_embeddings,), -1)
        places[numbers.long()] = torch.arange(len(rows))
        self.register_buffer("places", places, persistent=False)  # [V], -1 for what did not move
        self.places: Tensor

    @property
    def weight(self) -> Tensor:
        """[V, D], all of them, put together anew: for decoding."""
        moved = self.places >= 0
        return self.words.weight.index_put((moved.nonzero()[:, 0],), self.rows[self.places[moved]])

    def forward(self, piece_ids: Tensor) -> Tensor:
        """[...] -> [..., D]."""
        places = self.places[piece_ids]
        return torch.where((places < 0)[..., None], self.words(piece_ids), self.rows[places])


def attach_lora(model: VLBert, state: Mapping[str, Tensor], scale: float) -> None:
    """Put a `LowRank` in the place of each layer that moved; the layers' own weights stay as they are.

    scale: alpha / rank. Raises WeightsError that names a matrix without its partner, or one that does not fit; the
    model is unchanged then.
    """
    moved: dict[str, LowRank] = {}
    modules = dict(model.named_modules())
    names = sorted({match["module"] for name in state if (match := ADDED.fullmatch(name))})
    if len(state) != 2 * len(names):
        raise WeightsError(f"An adapter holds {len(state)} matrices for {len(names)} layers; each layer needs lora_A "
                           "and lora_B. The file was changed; take the original.")
    for name in names:
        linear = modules.get(name)
        first, second = state.get(f"{name}.lora_A.weight"), state.get(f"{name}.lora_B.weight")
        if not isinstance(linear, nn.Linear) or first is None or second is None:
            raise WeightsError(f"{name} of the adapter is no layer of this model, or lacks a matrix. "
                               "Take an adapter of this model.")
        if {first.ndim, second.ndim} != {2} or second.shape[1] != first.shape[0] or (
                second.shape[0], first.shape[1]) != tuple(linear.weight.shape):
            raise WeightsError(f"{name} of the adapter has the shapes {list(second.shape)} and {list(first.shape)}; "
                               f"the layer has {list(linear.weight.shape)}. Take an adapter of this model.")
        moved[name] = LowRank(linear, first, second, scale)
    for name, layer in moved.items():
        model.set_submodule(name, layer)
