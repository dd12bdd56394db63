"""`dualhash codes`: exports codes to other programs, and imports codes of the paper's program."""

from pathlib import Path
from typing import Literal

from cyclopts import App

from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag
from dualhash.codes import Model
from dualhash.codes.code_file import SavedCodes, write_saved
from dualhash.codes.dat_files import FILES, read_dat, write_dat
from dualhash.errors import DualhashError
from dualhash.evaluation.encoded_test_set import encode_test_images, read_indexed_codes
from dualhash.files import new_folder
from dualhash.search import Index
from dualhash.search.export import export_index

codes_app = App(name="codes", help="Export and import codes as files.")


@codes_app.command
def export(
    source: Path,
    catalogue_source: CatalogueSource | None = None,
    /,
    *,
    out: Path,
    format: Literal["dat", "npz"] = "dat",
    views: Literal[1, 10] = 1,
    model: Path | None = None,
    replace: Flag = False,
    features: Path | None = None,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Export a whole index, or the codes of the test images of a catalogue.

    Without a catalogue, all items of an index are written with id, image, category, code,
    attribute labels and payload, as CSV, Parquet or .npz: `dualhash codes export products.dhx --out
    codes.parquet`.

    With a catalogue, the codes of its test images are written for the paper's MATLAB scripts or for
    numpy. From a model, these are the outputs of the hash layer and the attributes predicted from
    them; from an index, its bits and the attributes predicted from these. Images that cannot be
    read, or are not in the index, are listed and left out. A table is read with the columns saved
    in the model, unless you give others.

    Args:
        source: An index file, or a model folder.
        catalogue_source: A catalogue with images in the subset test, in any form that `dualhash
            train` reads.
        out: Without a catalogue, a file that ends in .csv, .parquet or .npz. With a catalogue, a
            folder for code.dat, label.dat and attribute.dat, or with --format npz a file.
        format: With a catalogue: dat for test.m of the released code, npz for numpy.
        views: With a model: 10 averages the centre, the four corners and their mirror images.
        model: The model folder, if it was moved since the index was created.
        replace: Replace existing files.
        features: For a model that takes vectors, their .npy file: row i for row i of the table.
        columns: Which columns of the table hold which data.
    """
    if catalogue_source is None:
        if source.is_dir() or views != 1 or model is not None:
            raise DualhashError(
                "Name a catalogue, to export the codes of its test images. Without a catalogue, "
                "the source must be an index, and --views and --model cannot be used."
            )
        _check_free([out], replace=replace)
        with new_folder(out.parent):
            count = export_index(source, out)
        output.say(f"{out}: {output.counted(count, 'item')} of {source}.")
        return
    as_dat = format == "dat"
    _check_free([out / name for name in FILES] if as_dat else [out], replace=replace)
    saved = _encode(source, catalogue_source, views, model, columns, features=features)
    with new_folder(out if as_dat else out.parent):
        (write_dat if as_dat else write_saved)(out, saved)
    images = output.counted(len(saved), "test image")
    output.say(f"{out}: codes of {images} of {catalogue_source}.")
    if as_dat:
        bits = saved.ranking_bits or saved.outputs.shape[1]
        attributes = saved.probabilities.shape[1]
        output.say(f"In test.m: codelenth = {bits}; num_attr = {attributes}; N = {len(saved)};")


def _encode(
    source: Path,
    catalogue_source: str,
    views: Literal[1, 10],
    model: Path | None,
    columns: ColumnOptions,
    *,
    features: Path | None,
) -> SavedCodes:
    if source.is_dir():
        if model is not None:
            raise DualhashError(
                f"{source} is a model folder, so --model cannot be used; leave it out."
            )
        opened = Model.open(source)
        catalogue = columns.read(catalogue_source, opened, features)
        with output.progress("Encoding") as report:
            unseen = encode_test_images(opened, catalogue, views=views, progress=report)
        probabilities = opened.attribute_probabilities(unseen.reals)
    else:
        if views != 1:
            raise DualhashError(
                "An index already has its codes, so --views cannot be used; leave it out."
            )
        with Index.open(source, model) as index:
            catalogue = columns.read(catalogue_source, index.model, features)
            unseen = read_indexed_codes(index, catalogue)
            probabilities = index.header.attribute_head.probabilities(unseen.reals)
    output.list_left_out([*catalogue.left_out, *(failure.reason for failure in unseen.failures)])
    return unseen.saved(probabilities)


@codes_app.command(name="import")
def import_(folder: Path, /, *, out: Path, replace: Flag = False) -> None:
    """Import codes that the paper's released code wrote, to evaluate them.

    `dualhash evaluate codes.npz CATALOGUE` accepts the file in place of a model.

    Args:
        folder: The folder with code.dat, label.dat and attribute.dat.
        out: The file to write, such as codes.npz.
        replace: Replace an existing file.
    """
    _check_free([out], replace=replace)
    saved = read_dat(folder)
    with new_folder(out.parent):
        write_saved(out, saved)
    output.say(
        f"{out}: {output.counted(len(saved), 'code')} of {saved.outputs.shape[1]} bits with "
        f"{output.counted(saved.probabilities.shape[1], 'attribute')}, in "
        f"{output.counted(len(set(saved.labels.tolist())), 'category')}."
    )


def _check_free(targets: list[Path], *, replace: bool) -> None:
    for path in targets:
        if path.exists() and not replace:
            raise DualhashError(f"{path} exists already; --replace replaces it.")
