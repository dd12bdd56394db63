"""`dualhash train`: from a catalogue to a model folder."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

import dualhash
from dualhash.cli import output
from dualhash.cli.options import ColumnOptions, Names
from dualhash.errors import DualhashError

UNSAID = ColumnOptions()

Flag = Annotated[bool, Parameter(negative=())]


@Parameter(name="*", group="Recipe")
@dataclass(frozen=True)
class RecipeOptions:
    """Settings over those of the preset; `--config` reaches all there are.

    Attributes:
        bits: Length of the code, a multiple of 8.
        backbone: The network below the code: alexnet, resnet18, face10, vgg16, efficientnet-lite0,
            resnet18-half, or timm:NAME.
        pretrained: Begin with the backbone's published weights, or from scratch.
        weights: Begin with the weights in this folder, which `dualhash pretrain` made.
        frozen_stages: Leave so many of the backbone's leading stages as they are, which makes
            training several times as fast.
        without_categories: Categories whose images are not looked at, as a,b,c.
        category_loss: softmax, triplet, ssdh, hashnet or dnnh.
        attribute_loss: weighted-cross-entropy or hinge.
        alpha: Weight of the attributes against the category; auto tries several and keeps the
            largest at which category search does not suffer.
        iterations: Length of the training in batches.
        epochs: Length of the training in passes over the images, instead.
        lr_new: Learning rate of new layers.
        lr_pretrained: Learning rate of layers that came with weights.
        precision: bf16 is faster where the processor has it, auto looks whether it has.
        validation_every: Batches between two validations; resuming begins at the last.
        seed: Of all that is random; the same seed gives the same model on the same machine.
    """

    bits: int | None = None
    backbone: str | None = None
    pretrained: bool | None = None
    weights: str | None = None
    frozen_stages: int | None = None
    without_categories: Names = ()
    category_loss: str | None = None
    attribute_loss: str | None = None
    alpha: Literal["auto"] | float | None = None
    iterations: int | None = None
    epochs: float | None = None
    lr_new: float | None = None
    lr_pretrained: float | None = None
    precision: Literal["auto", "bf16", "fp32"] | None = None
    validation_every: int | None = None
    seed: int | None = None

    def given(self) -> dict[str, Any]:
        """What was said."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


PRESET = RecipeOptions()


def train(
    table: str,
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
    recipe: RecipeOptions = PRESET,
    columns: ColumnOptions = UNSAID,
) -> None:
    """Learn codes from the images and labels of a catalogue, and write a model folder.

    Labels may be missing: images with a category teach categories, images with attributes teach
    attributes. Stopped or killed, the same command with --resume goes on.

    Args:
        table: A CSV or Parquet table with a row for each image, a folder with a folder for each
            category, or openmoji.
        out: The model folder to make.
        method: dph, or a method of another paper that `dualhash baselines` lists, such as ssdh; it
            learns from the images that have the labels it is made for.
        base: The model folder whose codes the method svm-binary reads.
        preset: A whole recipe: small (images under 100 pixels, from scratch), photo (larger ones,
            from weights), paper-imagenet, paper-cfw, released-imagenet or released-cfw. Left out,
            the size of the images decides between the first two.
        config: A JSON or TOML file of settings, such as momentum = 0.9; options said here win,
            and so does what makes a method.
        resume: Go on with the training that was begun for this folder.
        replace: Replace the model that is there, when the new one is complete.
        keep_checkpoints: Leave checkpoints and logs in the folder OUT.training.
        tensorboard: Also log for TensorBoard, into OUT/tensorboard.
        recipe: Settings over those of the preset.
        columns: Which column plays which part.
    """
    _ = dualhash.train  # says what to install where torch is missing
    from dualhash.baselines.deep_method import DeepMethod
    from dualhash.baselines.registry import METHODS
    from dualhash.baselines.train_method import PAPERS_OWN, train_method

    if isinstance(known := METHODS.get(method), DeepMethod):
        known.check_asked(recipe.given())
    catalogue = read(table, columns)
    output.note(
        f"learning {len(catalogue.names.categories):,} categories and "
        f"{len(catalogue.names.attributes):,} attributes"
    )
    configuration = settle(catalogue, preset, config, recipe)
    output.note(
        f"{method}, preset {configuration.preset}: {configuration.backbone}, "
        f"{configuration.bits} bits"
        + (f", alpha {configuration.alpha}" if method == PAPERS_OWN else "")
    )
    try:
        model = train_method(
            method,
            catalogue,
            configuration,
            out,
            base=base,
            resume=resume,
            replace=replace,
            keep_checkpoints=keep_checkpoints,
            tensorboard=tensorboard,
        )
    except KeyboardInterrupt:
        output.note(
            "With --resume the same command goes on from the last validation, if there was one."
        )
        raise
    _show(model)


def read(table: str, columns: ColumnOptions) -> dualhash.Catalogue:
    """The catalogue; what is wrong with it is shown."""
    catalogue = columns.read(table)
    output.list_left_out(catalogue.left_out)
    output.list_remarks(catalogue.remarks)
    return catalogue


def settle(
    catalogue: dualhash.Catalogue, preset: str | None, config: Path | None, recipe: RecipeOptions
) -> dualhash.TrainConfig:
    """The settings: options over the file over the preset."""
    from dualhash.training.data.image_size import usual_size
    from dualhash.training.presets import preset_for

    settings = (_read(config) if config else {}) | recipe.given()
    in_file = settings.pop("preset", None)
    chosen = preset or in_file or preset_for(max(usual_size(catalogue.images)))
    return dualhash.preset_config(chosen, **settings)


def _read(path: Path) -> dict[str, Any]:
    """The settings in a file.

    Raises:
        DualhashError: It cannot be read, or does not hold settings.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DualhashError(f"{path} is neither JSON nor, named .toml, TOML: {error}.") from error
    if not isinstance(values, dict):
        raise DualhashError(f'{path} does not hold settings, such as {{"momentum": 0.9}}.')
    return values


def _show(model: dualhash.Model) -> None:
    """What came out."""
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
