"""`dualhash index`: from images to a file of codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from dualhash.cli import output
from dualhash.cli.options import ColumnOptions

index_app = App(name="index", help="Make and extend a file of codes.")

REMEMBERED = ColumnOptions()


@index_app.command
def create(
    model: Path,
    images: str,
    /,
    *,
    out: Path,
    views: Literal[1, 10] = 1,
    replace: Annotated[bool, Parameter(negative=())] = False,
    columns: ColumnOptions = REMEMBERED,
) -> None:
    """Encode images and write an index of their codes.

    The index appears when it is complete. Images that cannot be read are listed and left out.
    A table is read with the columns that the model remembers, unless others are given.

    Args:
        model: A model folder.
        images: A folder of images, or a catalogue as `dualhash train` takes it.
        out: The index file to make, such as products.dhx.
        views: 10 averages corners, centre and mirrors of each image: better codes, ten times
            the work.
        replace: Replace the index that is there.
        columns: Which column plays which part.
    """
    from dualhash.codes import Model
    from dualhash.search import build_index

    opened = Model.open(model)
    catalogue = columns.read(images, opened)
    with output.progress("Encoding") as report:
        built = build_index(opened, catalogue, out, views=views, replace=replace, progress=report)
    output.list_left_out([*catalogue.left_out, *(failure.reason for failure in built.failures)])
    size = built.count * opened.bits // 8
    output.say(
        f"{out}: {built.count:,} {'image' if built.count == 1 else 'images'}, {opened.bits} bits "
        f"each, {size:,} bytes of codes."
    )
