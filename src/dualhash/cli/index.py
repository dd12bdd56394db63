"""`dualhash index`: creates, changes and checks index files."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from cyclopts import App

from dualhash.catalogue.catalogue import Catalogue
from dualhash.cli import output
from dualhash.cli.options import ColumnOptions, Flag, IndexFile
from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import BuildReport, Index, add_images, build_index
from dualhash.search.query import as_id
from dualhash.search.remote.push import push as push_index

index_app = App(name="index", help="Create, change and check an index of codes.")


@index_app.command
def create(
    model: Path,
    images: str,
    /,
    *,
    out: Path,
    views: Literal[1, 10] = 1,
    replace: Flag = False,
    features: Path | None = None,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Encode images and write an index of their codes.

    The index file appears when it is complete. If the command is killed or interrupted, run it
    again: it continues where it stopped, unless images, labels or model have changed. Images that
    cannot be read are listed and left out. A table is read with the columns saved in the model,
    unless you give others.

    Args:
        model: A model folder.
        images: A folder of images, an image, or any catalogue that `dualhash train` reads.
        out: The index file to create, such as products.dhx.
        views: 10 averages the centre, the four corners and their mirror images: better codes, ten
            times the work.
        replace: Replace an existing index.
        features: For a model that takes vectors, their .npy file: row i for row i of the table.
        columns: Which columns of the table hold which data.
    """
    opened = Model.open(model)
    catalogue = columns.read(images, opened, features)
    try:
        with output.progress("Encoding") as report:
            built = build_index(
                opened, catalogue, out, views=views, replace=replace, progress=report
            )
    except KeyboardInterrupt:
        output.note("Run the same command again to continue where it stopped.")
        raise
    _list_left_out(catalogue, built)
    count = built.count + built.unchanged
    earlier = f" ({built.unchanged:,} encoded before an interruption)" if built.unchanged else ""
    size = count * opened.bits // 8
    output.say(
        f"{out}: {output.counted(count, 'image')}{earlier}, {opened.bits} bits each, {size:,} "
        "bytes of codes."
    )


@index_app.command
def add(
    index: IndexFile,
    images: str,
    /,
    *,
    update: Flag = False,
    features: Path | None = None,
    columns: ColumnOptions = ColumnOptions(),
    model: Path | None = None,
) -> None:
    """Encode more images and add them to an index.

    Images whose path is already in the index are skipped, so you can add the same folder again to
    add its new images. Searches find each batch of images as soon as it is added. Images that
    cannot be read are listed and left out.

    Args:
        index: An index file.
        images: A folder of images, an image, or any catalogue that `dualhash train` reads.
        update: Also encode images that the index contains, and replace their code, labels and
            payload. Their ids stay the same.
        features: For a model that takes vectors, their .npy file: row i for row i of the table.
        columns: Which columns of the table hold which data.
        model: The model folder, if it was moved since the index was created.
    """
    with Index.open(index, model) as opened:
        catalogue = columns.read(images, opened.model, features)
        with output.progress("Encoding") as report:
            added = add_images(opened, catalogue, update=update, progress=report)
        _list_left_out(catalogue, added)
        others = f", {added.updated:,} updated" if added.updated else ""
        if added.unchanged:
            others += f", {added.unchanged:,} already in the index (--update encodes them again)"
        count = output.counted(added.count, "image")
        output.say(f"{index}: {count} added{others}; {len(opened):,} in all.")


@index_app.command
def delete(index: IndexFile, /, *ids: str) -> None:
    """Delete items from an index. If an id does not exist, nothing is deleted.

    Args:
        index: An index file.
        ids: Ids of items, as a search shows them: 17 or id:17. New items never get a deleted id.
    """
    if not ids:
        raise DualhashError("Name at least one id to delete.")
    parsed = (as_id(f"id:{text.removeprefix('id:')}") for text in ids)
    items = {item for item in parsed if item is not None}
    with Index.open(index) as opened:
        opened.delete(items)
        output.say(f"{index}: {output.counted(len(items), 'image')} deleted, {len(opened):,} left.")


@index_app.command
def compact(index: IndexFile, /) -> None:
    """Return the space of deleted items to the disk, and cluster the codes for faster searches.

    Args:
        index: An index file.
    """
    with Index.open(index) as opened:
        before = opened.stats().file_bytes
        opened.compact()
        output.say(f"{index}: {opened.stats().file_bytes:,} bytes, {before:,} before.")


@index_app.command
def stats(index: IndexFile, /, *, json: Flag = False) -> None:
    """Show the size of an index.

    Args:
        index: An index file.
        json: Print the numbers as JSON.
    """
    with Index.open(index) as opened:
        numbers = asdict(opened.stats())
    if json:
        output.print_json(numbers)
        return
    rows = [(name.replace("_", " "), number) for name, number in numbers.items()]
    output.show(output.table(str(index), ["what", ">number"], rows))


@index_app.command
def verify(index: IndexFile, /) -> None:
    """Read all of an index and check it for damage.

    Args:
        index: An index file.
    """
    with Index.open(index) as opened:
        damages, count = opened.verify(), len(opened)
    if damages:
        raise DualhashError("\n".join(damages))
    output.say(f"{index}: {output.counted(count, 'image')}, no damage.")


@index_app.command
def push(index: IndexFile, /, *, to: str, json: Flag = False) -> None:
    """Copy an index to PostgreSQL or Milvus.

    Only differences are sent. Run the command again after an interruption, or to copy items that
    were added, updated or deleted since. To search the copy, use the URI that is printed:
    `dualhash search postgresql://host/shop/products id:17`. Its results are those of the index
    file.

    Needs `pip install 'dualhash[postgres]'` and the server's extension pgvector, or
    `pip install 'dualhash[milvus]'`. The environment variables PGPASSWORD and MILVUS_TOKEN hold the
    credentials for the server, for Milvus such as user:password.

    Args:
        index: An index file.
        to: A PostgreSQL database, such as postgresql://host/shop or postgresql://host/shop/table; a
            Milvus server, such as http://host:19530 or http://host:19530/collection; or a file of
            Milvus Lite, such as products.db. By default table and collection have the name of the
            index file. With ?ef_search=100 after a table, an HNSW index for approximate searches is
            created too, and its recall is printed.
        json: Print the counts as JSON.
    """
    with output.progress("Pushing") as report:
        pushed = push_index(index, to, progress=report)
    if json:
        output.print_json(asdict(pushed))
        return
    output.say(
        f"{pushed.address}: {pushed.added:,} added, {pushed.updated:,} updated, "
        f"{pushed.deleted:,} deleted, {pushed.unchanged:,} unchanged."
    )
    if pushed.recall is not None:
        output.say(f"Approximate searches find {pushed.recall:.1%} of the 10 nearest items.")


def _list_left_out(catalogue: Catalogue, built: BuildReport) -> None:
    output.list_left_out([*catalogue.left_out, *(failure.reason for failure in built.failures)])
