"""`dualhash pretrain`: from a catalogue to weights that other trainings start from."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import dualhash
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag
from dualhash.cli.train import read_catalogue
from dualhash.cli.training_options import OF_NETWORK, NetworkOptions, build_config

NO_OPTIONS = NetworkOptions()


def pretrain(
    source: CatalogueSource,
    /,
    *,
    out: Path,
    preset: Annotated[str | None, Parameter(show_default=OF_NETWORK)] = None,
    config: Path | None = None,
    resume: Flag = False,
    replace: Flag = False,
    keep_checkpoints: Flag = False,
    options: NetworkOptions = NO_OPTIONS,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Train a backbone to classify the categories of a catalogue, without a code.

    `dualhash train --weights OUT` starts from it. With --frozen-stages as well, a training takes
    minutes, and several trainings share the cached output of the frozen stages.

    Args:
        source: A CSV or Parquet table with one row per image, a folder with a subfolder per
            category, or a data set.
        out: The folder to write the weights to.
        preset: A set of defaults for all settings, as for `dualhash train`.
        config: A JSON or TOML file of settings. Options on the command line override it.
        resume: Continue the unfinished training of this folder.
        replace: Replace the existing weights when the new ones are complete.
        keep_checkpoints: Keep checkpoints and logs in the folder OUT.training.
        options: Settings that override those of the preset.
        columns: The role of each column.
    """
    learn = dualhash.pretrain  # without torch, this reports what to install
    configuration = build_config(preset, config, options)
    card = learn(
        read_catalogue(source, columns),
        configuration,
        out,
        resume=resume,
        replace=replace,
        keep_checkpoints=keep_checkpoints,
    )
    training = card.training
    output.say(
        f"{out}: {card.backbone} classifies "
        f"{output.counted(len(card.category_names), 'category')}, trained on "
        f"{output.counted(training['images'], 'image')} in "
        f"{output.counted(round(training['seconds']), 'second')}"
    )
    output.say(
        f"category mAP of its features {training['best']['category_map']:.3f} on "
        f"{output.counted(training['validation_images'], 'validation image')}"
    )
