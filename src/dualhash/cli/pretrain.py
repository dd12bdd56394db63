"""`dualhash pretrain`: from a catalogue to weights that trainings start from."""

from __future__ import annotations

from pathlib import Path

import dualhash
from dualhash.cli import output
from dualhash.cli.options import ColumnOptions
from dualhash.cli.train import PRESET, UNSAID, Flag, RecipeOptions, read, settle


def pretrain(
    table: str,
    /,
    *,
    out: Path,
    preset: str | None = None,
    config: Path | None = None,
    resume: Flag = False,
    replace: Flag = False,
    keep_checkpoints: Flag = False,
    recipe: RecipeOptions = PRESET,
    columns: ColumnOptions = UNSAID,
) -> None:
    """Teach a backbone to tell the categories of a catalogue, without a code.

    Trainings then start from it with `dualhash train --weights OUT`. With --frozen-stages too they
    take minutes, and several trainings on one footing share what the frozen stages make of the
    images. Options that concern codes and attributes are not looked at.

    Args:
        table: A CSV or Parquet table with a row for each image, a folder with a folder for each
            category, or a data set.
        out: A folder for the weights, to make.
        preset: A whole recipe, as `dualhash train` has them.
        config: A JSON or TOML file of settings; options said here win.
        resume: Go on with what was begun for this folder.
        replace: Replace the weights that are there, when the new ones are complete.
        keep_checkpoints: Leave checkpoints and logs in the folder OUT.training.
        recipe: Settings over those of the preset.
        columns: Which column plays which part.
    """
    learn = dualhash.pretrain  # says what to install where torch is missing
    catalogue = read(table, columns)
    card = learn(
        catalogue,
        settle(catalogue, preset, config, recipe),
        out,
        resume=resume,
        replace=replace,
        keep_checkpoints=keep_checkpoints,
    )
    training = card.training
    output.say(
        f"{out}: {card.backbone} tells {len(card.category_names):,} categories, from "
        f"{training['images']:,} images in {training['seconds']:.0f} seconds"
    )
    output.say(
        f"category mAP of its features {training['best']['category_map']:.3f} on "
        f"{training['validation_images']:,} validation images"
    )
