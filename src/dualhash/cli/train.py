"""`dualhash train`: from a catalogue to a model folder."""

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cyclopts import Parameter

import dualhash
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag, Names, Whole, Wholes
from dualhash.errors import DualhashError


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


NO_OPTIONS = TrainingOptions()


def train(
    source: CatalogueSource,
    /,
    *,
    out: Path,
    method: str = "dph",
    base: Path | None = None,
    preset: str | None = None,
    config: Path | None = None,
    resume: Flag = False,
    replace: Flag = False,
    keep_checkpoints: Flag = False,
    tensorboard: Flag = False,
    options: TrainingOptions = NO_OPTIONS,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Learn codes from the images and labels of a catalogue, and write a model folder.

    Labels may be missing: categories are learned from the images that have one, attributes from
    the images that have some. If the training is stopped or killed, continue with --resume.
    Training settings without an option come from the preset.

    Args:
        source: A CSV or Parquet table with one row per image, a folder with a subfolder per
            category, or a data set, such as openmoji.
        out: The model folder to write. With several --bits, the folders are OUT-32, OUT-64, …
        method: dph, or a comparison method that `dualhash baselines` lists, such as ssdh. It uses
            only images with the labels that it learns from.
        base: For the method svm-binary: the model folder whose codes it reads.
        preset: A set of defaults for all settings: features (a code head on the features of a
            frozen network, in minutes), small (a network for small images, from scratch),
            paper-imagenet, paper-cfw, released-imagenet or released-cfw. The default is features;
            with --backbone or --weights it is small.
        config: A JSON or TOML file of settings, such as momentum = 0.9. Options on the command
            line and settings that define the method override it.
        resume: Continue the unfinished training of this folder.
        replace: Replace the existing model when the new one is complete.
        keep_checkpoints: Keep checkpoints and logs in the folder OUT.training.
        tensorboard: Also write logs for TensorBoard to OUT/tensorboard.
        options: Settings that override those of the preset.
        columns: The role of each column.
    """
    learn = dualhash.train  # without torch, this reports what to install
    from dualhash.baselines import find_method
    from dualhash.training.initial_network import check_entries

    chosen = find_method(method, base)
    chosen.check_settings(options.settings())
    vectors = options.vector_file
    if columns.features_column and options.features and vectors is None:
        raise DualhashError("Give --features or --features-column, not both.")
    default = "small" if options.backbone or options.weights else "features"
    plan = {
        out.with_name(f"{out.name}-{bits}") if len(options.bits) > 1 else out: build_config(
            preset, config, dataclasses.replace(options, bits=(bits,) if bits else ()), default
        )
        for bits in options.bits or (None,)
    }
    for configuration in plan.values():
        check_entries(chosen.configure(configuration))
    if len(plan) > 1 and not (resume or replace):
        _check_none_exists(plan)
    catalogue = read_catalogue(source, columns, vectors)
    if catalogue.names.categories or catalogue.names.attributes:
        output.note(
            f"learning {len(catalogue.names.categories):,} categories and "
            f"{len(catalogue.names.attributes):,} attributes"
        )
    models = []
    for folder, configuration in plan.items():
        learned = configuration.features or configuration.backbone
        if catalogue.features is not None:
            learned = f"vectors of {catalogue.features.length} values"
        output.note(
            f"{method}, preset {configuration.preset}: "
            f"{learned}, {configuration.bits} bits"
            + (f", alpha {configuration.alpha}" if method == "dph" else "")
        )
        try:
            models.append(
                learn(
                    catalogue,
                    configuration,
                    folder,
                    method=chosen,
                    resume=resume,
                    replace=replace,
                    keep_checkpoints=keep_checkpoints,
                    tensorboard=tensorboard,
                )
            )
        except KeyboardInterrupt:
            output.note("Run the same command with --resume to continue from the last validation.")
            raise
    if len(models) == 1:
        _show(models[0])
    else:
        _show_table(models)


def read_catalogue(
    source: str, columns: ColumnOptions, features: Path | None = None
) -> dualhash.Catalogue:
    """Returns the catalogue, and shows its problems."""
    catalogue = columns.read(source, features=features)
    output.list_left_out(catalogue.left_out)
    output.list_remarks(catalogue.remarks)
    return catalogue


def build_config(
    preset: str | None, config: Path | None, options: NetworkOptions, default: str = "small"
) -> dualhash.TrainConfig:
    """Returns the settings: options override the file, and the file overrides the preset.

    Args:
        preset: The preset that the user named.
        config: A file of settings.
        options: Settings on the command line.
        default: The preset if the user named none.
    """
    settings = (_read_settings(config) if config else {}) | options.settings()
    in_file = settings.pop("preset", None)
    return dualhash.preset_config(preset or in_file or default, **settings)


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


def _check_none_exists(folders: Iterable[Path]) -> None:
    """Refuses to learn some of several lengths and then stop at a model that exists."""
    for folder in folders:
        if folder.exists():
            raise DualhashError(
                f"{folder} exists: --resume keeps the models that are complete and learns the "
                "others, --replace replaces them; or choose another --out."
            )


def _show_table(models: Sequence[dualhash.Model]) -> None:
    """Prints the results of several lengths of the code."""
    rows: list[output.Row] = []
    for model in models:
        training = model.card.training
        alpha = training.get("alpha")
        figures = (alpha, training["best"]["category_map"], training["best"]["avg_hm"])
        cells = ("" if value is None else f"{value:.3g}" for value in figures)
        rows.append((str(model.folder), model.bits, *cells, f"{training['seconds']:.0f}"))
    title = f"On {models[0].card.training['validation_images']:,} validation images"
    headers = ("model", ">bits", ">alpha", ">category mAP", ">avg HM", ">seconds")
    output.show(output.table(title, headers, rows))


def _show(model: dualhash.Model) -> None:
    """Prints the result of a training."""
    training = model.card.training
    best, alpha = training["best"], training.get("alpha")
    output.say(
        f"{model.folder}: {model.bits} bits from {training['images']:,} images in "
        f"{training['seconds']:.0f} seconds" + ("" if alpha is None else f", alpha {alpha:g}")
    )
    for name, title in (("category_map", "category mAP"), ("avg_hm", "avg HM of attributes")):
        if best[name] is not None:
            output.say(
                f"{title} {best[name]:.3f} on {training['validation_images']:,} validation images"
            )
