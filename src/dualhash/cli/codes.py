"""`dualhash codes`: codes as files, to and from other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from dualhash.cli import output
from dualhash.cli.options import ColumnOptions
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from dualhash.codes.code_file import SavedCodes
    from dualhash.evaluation.encoded_test_set import EncodedTestSet

codes_app = App(name="codes", help="Write and read codes as files.")

REMEMBERED = ColumnOptions()


@codes_app.command
def export(
    source: Path,
    table: str,
    /,
    *,
    out: Path,
    format: Literal["dat", "npz"] = "dat",
    views: Literal[1, 10] = 1,
    model: Path | None = None,
    replace: Annotated[bool, Parameter(negative=())] = False,
    columns: ColumnOptions = REMEMBERED,
) -> None:
    """Write the codes of the test images of a catalogue, for the paper's MATLAB scripts or numpy.

    From a model these are the outputs of the hash layer and the attributes told from them; from an
    index its bits, and the attributes told from those. Images that cannot be read, or are not in
    the index, are listed and left out. A table is read with the columns that the model remembers,
    unless others are given.

    Args:
        source: A model folder, or an index file.
        table: A catalogue with images in the subset test, as `dualhash train` takes it.
        out: A folder for code.dat, label.dat and attribute.dat, or with npz the file to make.
        format: dat is what the released code hands to its test.m, npz one file for numpy.
        views: 10 averages corners, centre and mirrors of each image; of a model only.
        model: The model of the index, where it is not where it was when the index was made.
        replace: Replace files that are there.
        columns: Which column plays which part.
    """
    from dualhash.codes.code_file import write_saved
    from dualhash.codes.dat_files import FILES, write_dat

    targets = [out / name for name in FILES] if format == "dat" else [out]
    _check_free(targets, replace=replace)
    unseen, saved = _encoded(source, table, views, model, columns)
    folder = out if format == "dat" else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    (write_dat if format == "dat" else write_saved)(out, saved)
    output.list_left_out([failure.reason for failure in unseen.failures])
    output.say(f"{out}: codes of {len(saved):,} test images of {unseen.catalogue.source}.")
    if format == "dat":
        bits, attributes = saved.outputs.shape[1], saved.probabilities.shape[1]
        output.say(f"In test.m: codelenth = {bits}; num_attr = {attributes}; N = {len(saved)};")


def _encoded(
    source: Path, table: str, views: Literal[1, 10], model: Path | None, columns: ColumnOptions
) -> tuple[EncodedTestSet, SavedCodes]:
    from dualhash.codes import Model
    from dualhash.evaluation.encoded_test_set import encode_test_images, read_indexed_codes
    from dualhash.search import Index

    if source.is_dir():
        if model is not None:
            raise DualhashError(f"{source} is a model itself; --model is for an index.")
        opened = Model.open(source)
        catalogue = columns.read(table, opened)
        with output.progress("Encoding") as report:
            unseen = encode_test_images(opened, catalogue, views=views, progress=report)
        probabilities = opened.attribute_probabilities(unseen.reals)
    else:
        if views != 1:
            raise DualhashError("An index has its codes already; --views is for a model.")
        with Index.open(source, model) as index:
            catalogue = columns.read(table, index.model)
            unseen = read_indexed_codes(index, catalogue)
            probabilities = index.header.attribute_head.probabilities(unseen.reals)
    output.list_left_out(catalogue.left_out)
    return unseen, unseen.saved(probabilities)


@codes_app.command(name="import")
def import_(
    folder: Path,
    /,
    *,
    out: Path,
    replace: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Read the codes that the paper's released code wrote, to judge them here.

    `dualhash evaluate codes.npz CATALOGUE` then takes the file in place of a model.

    Args:
        folder: Where code.dat, label.dat and attribute.dat are.
        out: The file to make, such as codes.npz.
        replace: Replace the file that is there.
    """
    from dualhash.codes.code_file import write_saved
    from dualhash.codes.dat_files import read_dat

    _check_free([out], replace=replace)
    saved = read_dat(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_saved(out, saved)
    output.say(
        f"{out}: {len(saved):,} codes of {saved.outputs.shape[1]} bits with "
        f"{saved.probabilities.shape[1]} attributes, in {len(set(saved.labels.tolist())):,} "
        "categories."
    )


def _check_free(targets: list[Path], *, replace: bool) -> None:
    there = [path for path in targets if path.exists()]
    if there and not replace:
        raise DualhashError(f"{there[0]} exists already; --replace replaces it.")
