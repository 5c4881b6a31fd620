"""The ways of explaining, each with what it does and does not show."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ConfigError


@dataclass(frozen=True)
class Method:
    """signed: tells for from against. complete: its values sum to full - empty. long: takes seconds. scaled: its signed
    values are shares of a whole, no amounts of probability."""

    name: str
    title: str
    sentence: str
    source: str
    signed: bool
    complete: bool
    long: bool = False
    scaled: bool = False


_ALL = (
    Method("consensus", "Consensus",
           "Attention relevance and leave-one-out, each scaled to a sum of 1, three parts and one: what one misses the "
           "other may see, but a value is no longer an amount of probability.",
           "Rieger and Hansen 2020, Aggregating explanation methods, arXiv 1903.00519; parts chosen on development "
           "photographs", signed=True, complete=False, scaled=True),
    Method("relevance", "Attention relevance",
           "Follows the attention that raises the answer through all layers; it shows where evidence flows, not what "
           "the answer would be without it, and never what speaks against.",
           "Chefer, Gur and Wolf 2021, Generic attention-model explainability, arXiv 2103.15679",
           signed=False, complete=False),
    Method("integrated_gradients", "Integrated gradients",
           "Adds up the answer's slope while everything fades in together from fully hidden; the values sum to the "
           "whole change, but half-faded inputs are nothing the model has seen.",
           "Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, arXiv 1703.01365",
           signed=True, complete=True, long=True),
    Method("gradient_x_input", "Gradient x input",
           "The answer's slope at this very input times what hiding would take away; fast, but it sees only the "
           "nearest surroundings and misses what is saturated.",
           "Shrikumar et al. 2016, Not just a black box, arXiv 1605.01713", signed=True, complete=False),
    Method("leave_one_out", "Leave one out",
           "The exact change of the answer when one word or region is hidden; two that say the same thing cover for "
           "each other and both look unimportant.",
           "Zeiler and Fergus 2014, Visualizing and understanding convolutional networks, arXiv 1311.2901 (ablation)",
           signed=True, complete=False),
    Method("shapley", "Shapley values",
           "The mean change that a word or region makes over all orders of revealing them; fair to those that say the "
           "same thing, but slow, and sampled where there are many.",
           "Shapley 1953; Strumbelj and Kononenko 2014, Explaining prediction models with feature contributions",
           signed=True, complete=True, long=True),
    Method("attention", "Raw attention",
           "What the hidden element looks at in the last layer, mean of the heads; it says what is read, not what is "
           "used, and is the same for every answer.",
           "Bahdanau, Cho and Bengio 2015, arXiv 1409.0473; criticised by Jain and Wallace 2019, arXiv 1902.10186",
           signed=False, complete=False),
    Method("rollout", "Attention rollout",
           "Raw attention followed through all layers, half of each layer taken past it; the same for every answer.",
           "Abnar and Zuidema 2020, Quantifying attention flow in transformers, arXiv 2005.00928",
           signed=False, complete=False),
    Method("random", "Random order", "Chance: what any map must beat.", "", signed=False, complete=False),
)
METHODS = {m.name: m for m in _ALL}
DEFAULT = "consensus"


def method(name: str) -> Method:
    """Raises ConfigError naming the known ones."""
    if name not in METHODS:
        raise ConfigError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]
