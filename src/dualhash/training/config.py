"""The settings of a training: typed, checked, and saved in every model."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from dualhash.registry import saved_name

EntrySettings = dict[str, bool | int | float | str]
"""Settings of a loss, layer or head, by name."""

VECTORS = "vectors"
"""The value of `features` for vectors that the catalogue holds."""

ALPHAS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def _entry(kind: str) -> BeforeValidator:
    """Turns a registered name, a class or a function into what is saved."""
    return BeforeValidator(partial(saved_name, kind))


FINETUNED = ("efficientnet-lite0", "efficientnet-lite2")
"""Extractors whose top stages can be trained."""


class TrainConfig(BaseModel):
    """All settings of a training; unknown keys are refused.

    The defaults are those of the paper (section 4.1); `presets.PRESETS` holds complete sets.
    Features, code head, backbone, hash layer and losses may be custom: give the class or
    function, or its import path `package.module:Name`, which is what the configuration keeps.

    Attributes:
        preset: The preset that the settings started from; a note without effect.
        method: The training method; set by `dualhash.train`.
        features: An extractor, as `features.registry.open_extractor` takes it. Its features are
            computed once per image and kept, and only a code head is trained on them, in seconds
            to minutes. "vectors" stands for the vectors of a catalogue that holds some;
            `dualhash.train` sets it. None trains a backbone.
        code_head: The network between kept features and hash layer: a name of
            `dualhash.network.CODE_HEADS`.
        head_settings: Settings of the code head by name, such as `units` and `dropout`.
        finetune: Number of top stages of the extractor, efficientnet-lite0 or -lite2, that are
            trained on with the head once it is learned. What the lower stages give is kept.
        finetune_epochs: Length of that in passes over the images.
        finetune_lr: Learning rate of that.
        backbone: A name of `dualhash.network.BACKBONES`, or any timm model as `timm:NAME`.
        pretrained: Start with the published weights of the backbone.
        weights: Folder of the weights to start with instead: the result of `pretrain`, or
            OUT.training of a training that kept its checkpoints.
        frozen_stages: Number of leading stages of the backbone that are not trained. Their output
            for each image and its mirror image is computed once and cached on disk; there are no
            random crops then.
        learns: "both" kinds of labels, or only "category" or "attribute", from the images that
            have such labels.
        without_categories: Categories whose images are not used.
        image_size: (height, width) in pixels; None for the size of the backbone or, if it accepts
            any size, the median size of the images.
        hash_layer: A name of `dualhash.network.HASH_LAYERS`.
        hash_settings: Settings of the hash layer by name; the defaults are those of its paper.
        bits: Length of the code k, a multiple of 8.
        category_share: Share of the bits, rounded to a multiple of 8, that belong to the category:
            the category head reads them and images are ranked by them. The attribute head reads
            the others. None: both heads read all bits, and images are ranked by all.
        category_head: "linear", or "cosine", which the loss "cosine-margin" needs.
        category_loss: A name of `dualhash.losses.CATEGORY_LOSSES`.
        loss_settings: Settings of the category loss by name; the defaults are those of its paper.
        attribute_loss: A name of `dualhash.losses.ATTRIBUTE_LOSSES`.
        fill_attributes: Predict missing attribute labels of training images first, and learn from
            the probabilities (`loop.fill_attributes`). The attribute loss must not be "hinge".
        alpha: Weight of the attribute loss in equation 8; "auto" searches it (`choose_alpha`).
        alpha_spares_head: Train the attribute head as if alpha were 1, so that alpha weighs only
            the effect of attributes on the code. Otherwise a small alpha slows the head.
        alphas: The values that the search tries, ascending, the first 0.
        alpha_tolerance: The relative drop of category mAP that the search accepts.
        alpha_fraction: Length of a trial of the search, as a share of the training.
        attribute_images: Images from train-attribute per batch.
        categories_per_batch: Distinct categories in the class-aware part of a batch.
        images_per_category: Images of each of these categories.
        shuffled_images: Use batches of this size, drawn from all labelled images in shuffled
            passes, instead of class-aware batches; categories then appear by their frequency (the
            released code: 200). If a batch has no label of some kind, an image with such a label
            replaces another.
        optimiser: "sgd", or "adamw", which decouples the weight decay from the gradient.
        momentum: Momentum of SGD.
        nesterov: Use Nesterov's momentum.
        lr_new: Learning rate of the hash layer and the heads.
        lr_pretrained: Learning rate of pretrained layers.
        weight_decay: L2 penalty on weights.
        bias_lr_multiplier: Learning rate of one-dimensional parameters relative to weights.
        decay_bias: Apply the weight decay to one-dimensional parameters (biases, normalisation).
        schedule: "step", "one-cycle" or "fixed"; see `learning_rate_schedule`.
        step_every: Iterations between two steps of "step".
        step_factor: Factor on the learning rate at each step.
        warmup_share: Share of the iterations in which "one-cycle" rises to its peak.
        iterations: Length of the training in batches; give either this or `epochs`.
        epochs: Length of the training in passes over as many images as there are to train on.
        min_iterations: Least number of batches when `epochs` gives the length.
        mirror: Augmentation: mirror each image with probability 0.5. With `features` the mirror
            images are extracted too, which takes twice as long.
        random_crop: Augmentation: a random crop instead of the central one.
        crop_padding: Pixels of repeated border that a random crop may include on each side.
        precision: Number format of the backbone in training: "bf16" (bfloat16), "fp32", or "auto"
            for bfloat16 if the processor supports it in hardware.
        validation_fraction: Share of the training subsets used for validation.
        validation_every: Iterations between two validations; each writes a checkpoint.
        final_weights: The weights of the model: those of the "best" validation, or the "last".
        seed: Seed of all random numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    preset: str | None = None
    method: str = "dph"
    features: Annotated[str, _entry("extractor")] | None = None
    code_head: Annotated[str, _entry("code head")] = "hidden-layer"
    head_settings: EntrySettings = {}
    finetune: int = Field(default=0, ge=0)
    finetune_epochs: float = Field(default=5, gt=0)
    finetune_lr: float = Field(default=1e-4, gt=0)
    backbone: Annotated[str, _entry("backbone")] = "alexnet"
    pretrained: bool = True
    weights: str | None = None
    frozen_stages: int = Field(default=0, ge=0)
    learns: Literal["both", "category", "attribute"] = "both"
    without_categories: tuple[str, ...] = ()
    image_size: tuple[PositiveInt, PositiveInt] | None = None
    hash_layer: Annotated[str, _entry("hash layer")] = "sigmoid"
    hash_settings: EntrySettings = {}
    bits: int = Field(default=256, ge=8, le=4096, multiple_of=8)
    category_share: float | None = Field(default=None, gt=0, lt=1)

    category_head: Literal["linear", "cosine"] = "linear"
    category_loss: Annotated[str, _entry("category loss")] = "softmax"
    loss_settings: EntrySettings = {}
    attribute_loss: Annotated[str, _entry("attribute loss")] = "weighted-cross-entropy"
    fill_attributes: bool = False
    alpha: Literal["auto"] | float = 0.1
    alpha_spares_head: bool = False
    alphas: tuple[float, ...] = ALPHAS
    alpha_tolerance: float = Field(default=0.03, ge=0, lt=1)
    alpha_fraction: float = Field(default=0.25, gt=0, le=1)

    attribute_images: int = Field(default=64, ge=1)
    categories_per_batch: int = Field(default=16, ge=2)
    images_per_category: int = Field(default=4, ge=1)
    shuffled_images: int | None = Field(default=None, ge=2)

    optimiser: Literal["sgd", "adamw"] = "sgd"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    lr_new: float = Field(default=1e-2, gt=0)
    lr_pretrained: float = Field(default=1e-3, ge=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    bias_lr_multiplier: float = Field(default=1.0, gt=0)
    decay_bias: bool = True
    schedule: Literal["step", "one-cycle", "fixed"] = "step"
    step_every: int = Field(default=60_000, ge=1)
    step_factor: float = Field(default=0.1, gt=0, le=1)
    warmup_share: float = Field(default=0.25, gt=0, lt=1)
    iterations: int | None = Field(default=150_000, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    min_iterations: int = Field(default=1, ge=1)

    mirror: bool = True
    random_crop: bool = True
    crop_padding: int = Field(default=0, ge=0)
    precision: Literal["auto", "bf16", "fp32"] = "auto"

    validation_fraction: float = Field(default=0.1, gt=0, le=0.5)
    validation_every: int = Field(default=500, ge=1)
    final_weights: Literal["best", "last"] = "best"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _epochs_replace_iterations(cls, values: dict[str, object]) -> dict[str, object]:
        return {"iterations": None, **values} if values.get("epochs") is not None else values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.iterations is None) == (self.epochs is None):
            raise ValueError("Set either iterations or epochs, not both")
        if self.frozen_stages and not (self.pretrained or self.weights):
            raise ValueError("frozen_stages needs weights: set weights or pretrained")
        if self.category_loss == "cosine-margin" and self.category_head != "cosine":
            raise ValueError("the loss cosine-margin needs the category head cosine")
        if self.fill_attributes and self.attribute_loss == "hinge":
            raise ValueError("the attribute loss hinge takes no probabilities: fill_attributes")
        if self.features and (self.frozen_stages or self.weights):
            raise ValueError("features replaces the backbone: leave out frozen_stages and weights")
        if self.finetune and self.features not in FINETUNED:
            raise ValueError(f"finetune needs features of {' or '.join(FINETUNED)}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        if self.alpha != "auto" and self.alpha < 0:
            raise ValueError("alpha must be at least 0, or auto")
        if not self.alphas or self.alphas[0] != 0 or list(self.alphas) != sorted(set(self.alphas)):
            raise ValueError("alphas must ascend and begin with 0")
        return self
