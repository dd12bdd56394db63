"""`dualhash train`: from a catalogue to a model folder."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import dualhash
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Count, Flag
from dualhash.cli.training_options import (
    OF_FEATURES,
    OF_NETWORK,
    TrainingOptions,
    build_config,
)
from dualhash.errors import DualhashError
from dualhash.progress import Display

NO_OPTIONS = TrainingOptions()
PRESET_DEFAULT = f"{OF_FEATURES}; {OF_NETWORK} with --backbone or --weights"


def train(
    source: CatalogueSource,
    /,
    *,
    out: Path,
    method: str = "dph",
    base: Path | None = None,
    preset: Annotated[str | None, Parameter(show_default=PRESET_DEFAULT)] = None,
    config: Path | None = None,
    resume: Flag = False,
    replace: Flag = False,
    keep_checkpoints: Flag = False,
    tensorboard: Flag = False,
    devices: Count = 1,
    options: TrainingOptions = NO_OPTIONS,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Learn codes from the images and labels of a catalogue, and write a model folder.

    Labels may be missing: categories are learned from the images that have one, attributes from
    the images that have some. If the training is stopped or killed, continue with --resume.
    Settings that you do not give come from the preset; the defaults below name it in brackets.

    Args:
        source: A CSV or Parquet table with one row per image, a folder with a subfolder per
            category, or a data set, such as openmoji.
        out: The model folder to write. With several --bits, the folders are OUT-32, OUT-64, …
        method: dph, or a comparison method that `dualhash baselines` lists, such as ssdh. It uses
            only images with the labels that it learns from.
        base: For the method svm-binary: the model folder whose codes it reads.
        preset: A set of defaults for all settings: dph+ (a code head on the features of a frozen
            network, in minutes, with bits of their own for category and attributes), features
            (the same with bits that both share), small (a network for small images, from
            scratch), paper-imagenet, paper-cfw, released-imagenet or released-cfw.
        config: A JSON or TOML file of settings, such as momentum = 0.9. Options on the command
            line and settings that define the method override it.
        resume: Continue the unfinished training of this folder.
        replace: Replace the existing model when the new one is complete.
        keep_checkpoints: Keep checkpoints and logs in the folder OUT.training.
        tensorboard: Also write logs for TensorBoard to OUT/tensorboard.
        devices: Train on so many GPUs, or without any, in so many processes. The model is that of
            one device except for rounding and dropout.
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
    default = OF_NETWORK if options.backbone or options.weights else OF_FEATURES
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
            f"learning {output.counted(len(catalogue.names.categories), 'category')} and "
            f"{output.counted(len(catalogue.names.attributes), 'attribute')}"
        )
    models, display = [], Display()
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
                    display=display,
                    devices=devices,
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
    images = output.counted(models[0].card.training["validation_images"], "validation image")
    headers = ("model", ">bits", ">alpha", ">category mAP", ">avg HM", ">seconds")
    output.show(output.table(f"On {images}", headers, rows))


def _show(model: dualhash.Model) -> None:
    """Prints the result of a training."""
    training = model.card.training
    best, alpha = training["best"], training.get("alpha")
    output.say(
        f"{model.folder}: {model.bits} bits from {output.counted(training['images'], 'image')} in "
        f"{output.counted(round(training['seconds']), 'second')}"
        + ("" if alpha is None else f", alpha {alpha:g}")
    )
    images = output.counted(training["validation_images"], "validation image")
    for name, title in (("category_map", "category mAP"), ("avg_hm", "avg HM of attributes")):
        if best[name] is not None:
            output.say(f"{title} {best[name]:.3f} on {images}")
