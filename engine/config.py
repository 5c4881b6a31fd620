"""Settings of a model and of its training: frozen dataclasses, presets, json in and out.

Each field carries its unit, range and help text in its metadata (`setting`): the one source of
validation, of the command line's help and of the studio's forms.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

from engine.errors import ConfigError
from engine.wording import limits, shown

STAGES = ("detector", "features", "pretraining", "tuning")
TASKS = ("vqa", "vcr", "grounding")  # of fine-tuning
TUNES = ("full", "lora", "head")  # what of a model a fine-tuning moves
PRECISIONS = ("no", "bf16", "fp16")


def setting(default: Any, help: str, *, unit: str = "", low: float | None = None,
            high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field that knows how to explain and to check itself."""
    return field(default=default, metadata={
        "help": help, "unit": unit, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: checks each field against the range in its metadata."""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value, meta = getattr(self, f.name), f.metadata
            if meta.get("choices") and value not in meta["choices"]:
                raise ConfigError(f"{f.name} is {shown(value)}; choose one of {', '.join(meta['choices'])}.")
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{f.name} is {value}; it must be a finite number.")
            low, high = meta.get("low"), meta.get("high")
            if (low is not None and value < low) or (high is not None and value > high):
                raise ConfigError(f"{f.name} is {value}; it must {limits(low, high, meta['unit'])}.")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Settings):
    """Sizes of the Transformer (specification, "Pre-training settings")."""

    vocabulary: int = setting(30522, "word pieces", low=5)
    hidden: int = setting(768, "width of an element's state (D)", low=8)
    layers: int = setting(12, "Transformer blocks (N)", low=1)
    heads: int = setting(12, "attention heads per block (H)", low=1)
    feed_forward: int = setting(3072, "width inside a block's feed-forward part", low=8)
    positions: int = setting(512, "longest sequence of positions", low=2)
    segments: int = setting(3, "A, B for text, C for regions", low=3)
    dropout: float = setting(0.1, "dropout of hidden states", low=0, high=0.9)
    attention_dropout: float = setting(0.1, "dropout of attention probabilities", low=0, high=0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden % self.heads:
            raise ConfigError(f"hidden {self.hidden} is not a multiple of heads {self.heads}; change one of them.")


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(Settings):
    """Fast R-CNN and, where there is one, its region proposal network."""

    depth: int = setting(101, "layers of the ResNet: 50 or 101", low=50, high=101)
    stage5: str = setting(
        "region", "run stage 5 on each region's 14x14 crop, dilated (published), or once on the whole map",
        choices=("region", "map"))
    classes: int = setting(1601, "region classes, background (0) included (C)", low=2)
    short_side: int = setting(600, "shorter side of the resized picture", unit="pixels", low=32)
    long_side: int = setting(1000, "longest side of the resized picture", unit="pixels", low=32)
    square_side: int = setting(
        0, "if not 0, every picture is squashed to this square instead", unit="pixels", low=0)
    mean_side: int = setting(
        0, "if not 0, every picture keeps its aspect ratio and gets the area of a square of this side instead; its "
        "sides are rounded to multiples of 32", unit="pixels", low=0)
    source_side: int = setting(
        0, "if not 0, every picture is first reduced to this square, the size of the training photographs",
        unit="pixels", low=0)
    norm_eps: float = setting(1e-5, "epsilon of the frozen normalisation; belongs to the weights", low=0)
    proposals: bool = setting(False, "has a region proposal network of its own")
    anchor_scales: tuple[float, ...] = setting(
        (0.08, 0.16, 0.3, 0.5, 0.8), "sides of the anchors as shares of the picture's longer side")
    post_nms_topk: int = setting(100, "proposals that are classified", low=1)
    objectness_weight: float = setting(
        0.5, "weight of the objectness in a region's score, a geometric mean; the rest is that of the probability of "
        "any class but the background", low=0, high=1)
    refinements: int = setting(1, "times that the box head moves a proposal; the class is that of the proposal", low=1)
    nms_thresh: float = setting(0.6, "of two regions of one class with a larger IoU the better stays", low=0, high=1)
    cross_class_nms_thresh: float = setting(0.8, "the same for any two regions", low=0, high=1)
    pixel_mean: tuple[float, float, float] = setting(
        (122.7717, 115.9465, 102.9801), "subtracted from R, G, B in 0..255")
    pixel_order: str = setting("RGB", "channel order the backbone expects", choices=("RGB", "BGR"))


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig(Settings):
    """The two tasks of pre-training and what `mini` adds to them.

    `mvrc`, `relationship` and `text_only` are the settings of the paper's ablation (table 4). The fields from
    `classify_all_regions` on are the project's own switches; the published presets have them off.
    """

    word_probability: float = setting(0.15, "share of words predicted", low=0, high=1)
    region_probability: float = setting(0.15, "share of regions predicted", low=0, high=1)
    region_masked: float = setting(0.9, "share of predicted regions that are hidden", low=0, high=1)
    mvrc: bool = setting(True, "classify regions, hidden ones above all; without it no region is hidden")
    relationship: bool = setting(False, "half of the captions come from another photo, and the model tells which")
    examples_first: bool = setting(
        False, "words and regions count by the mean of their example's own, so that a long caption counts like a short")
    text_only: bool = setting(True, "mix in text-only sequences")
    text_share: float = setting(1.0, "text-only sequences for each caption", low=0.01)
    classify_all_regions: float = setting(
        0.0, "weight of classifying every region, hidden or not (VCR fine-tuning does it)", low=0)
    grounded_noun_probability: float = setting(
        0.0, "if not 0, share of the nouns with a box that are predicted", low=0, high=1)
    described_word_probability: float = setting(
        0.0, "if not 0, share of the colours, numbers and actions that are predicted", low=0, high=1)
    apart: bool = setting(
        False, "a hidden region's own noun stays visible: what one of the two says of the other is what is learned")
    alignment: float = setting(0.0, "weight of the phrase-to-region alignment loss", low=0)
    extra_regions: int = setting(0, "at most this many detected regions join the annotated ones", low=0)
    matching: float = setting(0.0, "weight of image-text matching with hard negatives", low=0)
    matching_share: float = setting(0.25, "share of the captions that matching reads", low=0.01, high=1)

    @property
    def matches(self) -> bool:
        """Whether the sentence-image relationship head is trained."""
        return self.relationship or self.matching > 0


@dataclass(frozen=True, kw_only=True)
class RecipeConfig(Settings):
    """Length of the stages; the defaults are about a third of what the shipped weights had (see their model card)."""

    detector_epochs: float = setting(1.8, "passes over the photos for the detector", low=0)
    detector_rate: float = setting(1e-3, "highest learning rate of the detector's heads; its backbone has a tenth",
                                   low=0)
    detector_sides: str = setting("", "mean sides of the pictures that the detector learns from, one drawn for each "
                                  'step: "352 416 480"; without it always its own')
    views: int = setting(2, "more looks at each photo (mirrored, relit, boxes moved), from which features are drawn",
                         low=0, high=16)
    epochs: float = setting(9.9, "passes over the captions on cached features", low=0)
    tuning_epochs: float = setting(1.0, "passes over the photos end to end", low=0)
    limit: int = setting(0, "if not 0, only so many photos", low=0)
    accumulate: int = setting(1, "parts into which each process cuts its share of a step, to need less memory", low=1)
    precision: str = setting("bf16", "autocast: none, bfloat16 (where a processor has none, float32), or "
                           "float16 with scaled losses", choices=PRECISIONS)
    seed: int = setting(0, "of every random choice", low=0, high=10**9)


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig(Settings):
    """Settings of one fine-tuning run."""

    task: str = setting("grounding", "what is learned", choices=TASKS)
    tune: str = setting("lora", "what moves: all weights, low-rank matrices beside them, or the head alone",
                        choices=TUNES)
    epochs: float = setting(3.0, "passes over the data", low=0)
    batch_size: int = setting(128, "examples in a step", low=1)
    rate: float = setting(0.0, "highest learning rate of VL-BERT; 0 is what suits `tune`", low=0)
    optimiser: str = setting("adamw", "AdamW, or SGD with momentum 0.9", choices=("adamw", "sgd"))
    schedule: str = setting("triangle", "how the rate falls: evenly, or to a tenth at each of `drops`",
                            choices=("triangle", "steps"))
    drops: str = setting("", 'schedule steps: shares of the run after which the rate falls, in one argument: "0.7 0.9"')
    warmup: float = setting(0.1, "the rate rises first: below 1 for this share of the steps, else for so many", low=0)
    weight_decay: float = setting(0.01, "weight decay", low=0)
    clip_norm: float = setting(10.0, "largest norm of the gradient", low=0)
    precision: str = setting("bf16", "autocast: none, bfloat16 (where a processor has none, float32), or "
                           "float16 with scaled losses", choices=PRECISIONS)
    rank: int = setting(16, "of the low-rank matrices", low=1, high=256)
    evidence: float = setting(0.0, "vqa: weight of finding the regions that show what is asked for, where the data "
                              "name them; vcr: weight of telling which words make a choice wrong", low=0)
    words: float = setting(0.0, "vqa, vcr: weight of going on with pre-training's hidden words, on questions with "
                           "their answers", low=0)
    ranking: float = setting(0.0, "grounding, vcr: weight of choosing among the regions or the four, beside "
                             "judging each", low=0)
    extra_regions: int = setting(12, "grounding: at most this many detected regions join the given boxes", low=0)
    steps: int = setting(0, "if not 0, so many steps, whatever the epochs", unit="steps", low=0)
    most_steps: int = setting(0, "if not 0, a longer run is refused", unit="steps", low=0)
    views: int = setting(0, "more looks at each picture (relit, boxes moved) from which features are drawn",
                         low=0, high=16)
    mirror: bool = setting(False, "every other of the views is mirrored; only for words that never say left or right")
    held_out: float = setting(0.0, "share of the pictures that is not trained on, to measure on", low=0, high=0.5)
    evaluate_every: int = setting(0, "if not 0, measure on the held-out pictures after each so many steps",
                                  unit="steps", low=0)
    log_every: int = setting(20, "steps between two lines of the log", unit="steps", low=1)
    limit: int = setting(0, "if not 0, only so many photos or questions", low=0)
    accumulate: int = setting(1, "parts into which each process cuts its share of a step, to need less memory", low=1)
    seed: int = setting(0, "of every random choice", low=0, high=10**9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.evaluate_every and not self.held_out:
            raise ConfigError(f"evaluate_every is {self.evaluate_every}, but nothing is held out to measure on; "
                              "set held_out, for example to 0.15.")


@dataclass(frozen=True, kw_only=True)
class ScenesConfig(Settings):
    """Scenes that are drawn to learn from (`engine.data.scenes`)."""

    scenes: int = setting(0, "so many are drawn to learn from; 0 draws none", unit="scenes", low=0, high=20000)
    scenes_seed: int = setting(1, "same seed, same scenes", low=0)
    scenes_rounds: int = setting(1, "how often everything is asked of a scene", low=1, high=20)


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """A whole VL-BERT. `precomputed` is the published "prec" layout (see `engine.model.vlbert`)."""

    name: str = setting("base", "preset it came from")
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)
    appearance: int = setting(2048, "width of a region's appearance feature", low=8)
    geometry: int = setting(2048, "width of a region's geometry embedding", low=8)
    precomputed: bool = setting(
        False, "hidden regions get a learned feature and region 0 is the mean of the others "
               "(published on precomputed features); else hidden pixels are zeroed before the detector")

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of `to_json`. Raises ConfigError on unknown fields."""
        raw = json.loads(text)
        try:
            detector = dict(raw.pop("detector"))
            detector = {k: tuple(v) if isinstance(v, list) else v for k, v in detector.items()}
            return cls(encoder=EncoderConfig(**raw.pop("encoder")), detector=DetectorConfig(**detector),
                       pretraining=PretrainingConfig(**raw.pop("pretraining")), **raw)
        except (TypeError, KeyError) as error:
            raise ConfigError(f"This is not a model configuration of this version: {error}.") from error


def base(*, precomputed: bool = False) -> ModelConfig:
    """VL-BERT-base as published: 12 x 768 over ResNet-101."""
    return ModelConfig(name="base", precomputed=precomputed)


def large(*, precomputed: bool = False) -> ModelConfig:
    """VL-BERT-large as published: 24 x 1024 over ResNet-101."""
    return ModelConfig(
        name="large", precomputed=precomputed,
        encoder=EncoderConfig(hidden=1024, layers=24, heads=16, feed_forward=4096))


def mini() -> ModelConfig:
    """The shipped model: 6 x 384 over ResNet-50, trained here on Flickr8k (see its model card)."""
    return ModelConfig(
        name="mini", precomputed=True,
        encoder=EncoderConfig(hidden=384, layers=6, heads=12, feed_forward=1536, attention_dropout=0.0),
        detector=DetectorConfig(
            depth=50, stage5="map", classes=401, square_side=384, source_side=224, norm_eps=1e-3, proposals=True,
            pixel_mean=(123.68, 116.779, 103.939), pixel_order="BGR"),
        pretraining=PretrainingConfig(
            word_probability=0.15, region_probability=0.2, text_share=0.33, classify_all_regions=0.5,
            grounded_noun_probability=0.5, apart=True, alignment=0.5, extra_regions=12))


def mini_coco() -> ModelConfig:
    """`mini` for photographs of several data sets: aspect ratio and detail kept, smaller anchors, 500 classes."""
    shipped = mini()
    detector = dataclasses.replace(shipped.detector, classes=501, square_side=0, source_side=0, mean_side=432,
                                   anchor_scales=(0.045, 0.08, 0.16, 0.3, 0.5, 0.8), post_nms_topk=200,
                                   objectness_weight=0.7, refinements=2, nms_thresh=0.5, cross_class_nms_thresh=0.5)
    pretraining = dataclasses.replace(shipped.pretraining, described_word_probability=0.3, matching=0.5)
    return dataclasses.replace(shipped, name="mini-coco", detector=detector, pretraining=pretraining)


PRESETS = {"mini": mini, "mini-coco": mini_coco, "base": base, "large": large}


def preset(name: str) -> ModelConfig:
    """The preset called `name`. Raises ConfigError naming the known ones."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]()
