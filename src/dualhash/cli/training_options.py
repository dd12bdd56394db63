"""Training settings on the command line: options, a file of settings, and the preset below them."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from cyclopts import Parameter

from dualhash.cli.options import Names, Whole, Wholes
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.presets import preset_config

OF_FEATURES, OF_NETWORK = "dph+", "small"
"""The preset if none is named: for a code head on kept features, or for a whole network."""

NOT_USED = {
    OF_FEATURES: {"backbone", "pretrained", "lr_pretrained", "precision"},
    OF_NETWORK: {"code_head", "finetune"},
}
"""Settings without effect, whose defaults are not shown."""

Options = TypeVar("Options", bound=type)


def show_defaults(*presets: str) -> Callable[[Options], Options]:
    """Returns a decorator that shows the values of these presets in the help of the options."""
    configs = {preset: preset_config(preset) for preset in presets}

    def default(name: str) -> str | Literal[False]:
        shown = {
            preset: f"{value:g}" if isinstance(value, float) else str(value)
            for preset, config in configs.items()
            if (value := getattr(config, name)) not in (None, ()) and name not in NOT_USED[preset]
        }
        if len(shown) == len(presets) and len(set(shown.values())) == 1:
            return shown[presets[0]]
        return ", ".join(f"{value} ({preset})" for preset, value in shown.items()) or False

    def shown(options: Options) -> Options:
        hints = get_type_hints(options, include_extras=True)
        options.__annotations__ = {
            name: Annotated[hint, Parameter(show_default=default(name))]
            for name, hint in hints.items()
        }
        return options

    return shown


@dataclass(frozen=True)
class CodeOptions:
    """Settings of codes and attributes.

    Attributes:
        bits: Length of the code, a multiple of 8. Several lengths, as 32,64,128, give the models
            OUT-32, OUT-64 and OUT-128, which learn from the same features.
        features: Train a code head on the features of a frozen network, which are computed once:
            efficientnet-lite0, efficientnet-lite2, timm:NAME, an ONNX image encoder,
            hub:OWNER/NAME, a model folder, or your own as package.module:NAME. Or a .npy file of
            your own vectors (float16 or float32), row i for row i of the table; see also
            --features-column.
        code_head: The network between features and hash layer: hidden-layer, or your own as
            package.module:NAME, such as my_heads:MyHead in the current folder.
        finetune: After the code head is learned, train this many top stages of
            efficientnet-lite0 or -lite2 with it, at a low learning rate. It takes longer; a GPU
            is used where there is one.
        category_loss: softmax, triplet, ssdh, hashnet, dnnh, cosine-margin, or your own or that of
            pytorch-metric-learning as package.module:NAME.
        attribute_loss: weighted-cross-entropy, hinge, or your own as package.module:NAME.
        alpha: Weight of the attributes relative to the category. auto tries several values and
            keeps the largest that does not harm category search.
    """

    bits: Wholes = ()
    features: str | None = None
    code_head: str | None = None
    finetune: Whole | None = None
    category_loss: str | None = None
    attribute_loss: str | None = None
    alpha: Literal["auto"] | float | None = None


@show_defaults(OF_NETWORK)
@Parameter(name="*", group="Training settings")
@dataclass(frozen=True)
class NetworkOptions:
    """Settings of every training.

    Attributes:
        backbone: The network that computes the features: alexnet, resnet18, face10, vgg16,
            efficientnet-lite0, resnet18-half, timm:NAME, or your own as package.module:NAME.
        pretrained: Start with the published weights of the backbone, or from scratch.
        weights: Start with the weights in this folder, written by `dualhash pretrain`.
        frozen_stages: Do not train this many leading stages of the backbone; training is then
            several times faster.
        without_categories: Categories whose images are not used, as a,b,c.
        iterations: Length of the training in batches.
        epochs: Length of the training in passes over the images, instead of --iterations.
        lr_new: Learning rate of new layers.
        lr_pretrained: Learning rate of pretrained layers.
        mirror: Also learn from mirror images. --no-mirror suits images whose meaning depends on
            left and right, and halves the time of the features.
        precision: Number format of the backbone. bf16 is faster on processors that support it;
            auto uses it there.
        validation_every: Batches between two validations. A resumed training continues from the
            last one.
        seed: Seed of all random numbers; the same seed gives the same model on the same machine.
    """

    backbone: str | None = None
    pretrained: bool | None = None
    weights: str | None = None
    frozen_stages: Whole | None = None
    without_categories: Names = ()
    iterations: Whole | None = None
    epochs: float | None = None
    lr_new: float | None = None
    lr_pretrained: float | None = None
    mirror: bool | None = None
    precision: Literal["auto", "bf16", "fp32"] | None = None
    validation_every: Whole | None = None
    seed: Whole | None = None

    def settings(self) -> dict[str, Any]:
        """Returns the options that the user gave."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


@show_defaults(OF_FEATURES, OF_NETWORK)
@Parameter(name="*", group="Training settings")
@dataclass(frozen=True)
class TrainingOptions(NetworkOptions, CodeOptions):
    """Settings that override those of the preset; `--config` accepts all settings."""

    def settings(self) -> dict[str, Any]:
        """Returns the options that the user gave; of several lengths of the code the first."""
        given = super().settings()
        if self.vector_file:
            del given["features"]
        return given | ({"bits": self.bits[0]} if self.bits else {})

    @property
    def vector_file(self) -> Path | None:
        """The NumPy file of vectors in place of an extractor; None if there is none."""
        return Path(self.features) if self.features and self.features.endswith(".npy") else None


def build_config(
    preset: str | None, config: Path | None, options: NetworkOptions, default: str = OF_NETWORK
) -> TrainConfig:
    """Returns the settings: options override the file, and the file overrides the preset.

    Args:
        preset: The preset that the user named.
        config: A file of settings.
        options: Settings on the command line.
        default: The preset if the user named none.
    """
    settings = (_read_settings(config) if config else {}) | options.settings()
    in_file = settings.pop("preset", None)
    return preset_config(preset or in_file or default, **settings)


def _read_settings(path: Path) -> dict[str, Any]:
    is_toml = path.suffix == ".toml"
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if is_toml else json.loads(text)
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        hint = "" if is_toml else " The name of a TOML file must end in .toml."
        kind = "TOML" if is_toml else "JSON"
        raise DualhashError(f"{path} cannot be read as {kind}: {error}.{hint}") from error
    if not isinstance(values, dict):
        raise DualhashError(f'{path} must hold settings by name, such as {{"momentum": 0.9}}.')
    return values
