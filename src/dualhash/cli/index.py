"""`dualhash index`: from images to a file of codes, and its upkeep."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from dualhash.cli import output
from dualhash.cli.options import ColumnOptions, IndexFile
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from dualhash.catalogue.catalogue import Catalogue
    from dualhash.search import BuildReport

index_app = App(name="index", help="Make, change and check a file of codes.")

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
        images: A folder of images, an image, or a catalogue as `dualhash train` takes it.
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
    _say_left_out(catalogue, built)
    size = built.count * opened.bits // 8
    output.say(f"{out}: {_images(built.count)}, {opened.bits} bits each, {size:,} bytes of codes.")


@index_app.command
def add(
    index: IndexFile,
    images: str,
    /,
    *,
    update: Annotated[bool, Parameter(negative=())] = False,
    columns: ColumnOptions = REMEMBERED,
    model: Path | None = None,
) -> None:
    """Encode further images and add them to an index.

    Images that are in the index already, told by their paths, are left as they are: adding the
    same folder again adds what is new in it. Searches see each batch of images as soon as it is
    added. Images that cannot be read are listed and left out.

    Args:
        index: An index file.
        images: A folder of images, an image, or a catalogue as `dualhash train` takes it.
        update: Encode images that are in the index already, too, and replace what it has of them:
            code, labels and row of the table. Their ids stay.
        columns: Which column plays which part.
        model: The model folder, where it is not where it was when the index was made.
    """
    from dualhash.search import Index, add_images

    with Index.open(index, model) as opened:
        catalogue = columns.read(images, opened.model)
        with output.progress("Encoding") as report:
            added = add_images(opened, catalogue, update=update, progress=report)
        _say_left_out(catalogue, added)
        known = f", {added.updated:,} updated" if added.updated else ""
        if added.unchanged:
            known = f", {added.unchanged:,} there already (--update encodes them anew)"
        output.say(f"{index}: {_images(added.count)} added{known}; {len(opened):,} in all.")


@index_app.command
def delete(index: IndexFile, /, *ids: str) -> None:
    """Delete items from an index, all of those named or none.

    Args:
        index: An index file.
        ids: Ids of items, as a search shows them: 17 or id:17. They are not given to other items.
    """
    from dualhash.search import Index
    from dualhash.search.query import as_id

    if not ids:
        raise DualhashError("Name at least one id of an item to delete.")
    stated = (as_id(f"id:{text.removeprefix('id:')}") for text in ids)
    named = {item for item in stated if item is not None}
    with Index.open(index) as opened:
        opened.delete(named)
        output.say(f"{index}: {_images(len(named))} deleted, {len(opened):,} left.")


@index_app.command
def compact(index: IndexFile, /) -> None:
    """Give the room of deleted items back to the disk.

    Args:
        index: An index file.
    """
    from dualhash.search import Index

    with Index.open(index) as opened:
        before = opened.stats().file_bytes
        opened.compact()
        output.say(f"{index}: {opened.stats().file_bytes:,} bytes, {before:,} before.")


@index_app.command
def stats(index: IndexFile, /, *, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Show how much is in an index.

    Args:
        index: An index file.
        json: Print it as JSON.
    """
    from dualhash.search import Index

    with Index.open(index) as opened:
        found = asdict(opened.stats())
    if json:
        output.print_json(found)
        return
    shown = output.table(str(index), "what", ">number")
    for name, number in found.items():
        shown.add_row(name.replace("_", " "), f"{number:,}")
    output.show(shown)


@index_app.command
def verify(index: IndexFile, /) -> None:
    """Read all of an index and check that it is as it was written.

    Args:
        index: An index file.
    """
    from dualhash.search import Index

    with Index.open(index) as opened:
        found, count = opened.verify(), len(opened)
    if found:
        raise DualhashError("\n".join(found))
    output.say(f"{index}: {_images(count)}, nothing is damaged.")


@index_app.command
def push(
    index: IndexFile,
    /,
    *,
    to: str,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Copy an index to Milvus, where collections too large for one machine are searched.

    Only what differs is sent. A push that was interrupted goes on where it was when it is run
    again, and after changes of the index another push brings them across: what was added, updated
    and deleted. Searches give the same results there, by the URI that is printed, as in
    `dualhash search milvus://host:19530/products id:17`.

    Needs `pip install 'dualhash[milvus]'`. The environment variable MILVUS_TOKEN holds what the
    server wants to see, such as user:password.

    Args:
        index: An index file.
        to: A Milvus server, as http://host:19530 or http://host:19530/collection, or a file of
            Milvus Lite, as products.db. The collection is named after the index file by default.
        json: Print what became of the items as JSON.
    """
    from dualhash.search.remote.milvus.push import push as push_index

    with output.progress("Pushing") as report:
        pushed = push_index(index, to, progress=report)
    if json:
        output.print_json(asdict(pushed) | {"place": str(pushed.place)})
        return
    output.say(
        f"{pushed.place}: {pushed.added:,} added, {pushed.updated:,} updated, "
        f"{pushed.deleted:,} deleted, {pushed.unchanged:,} as they were."
    )


def _images(count: int) -> str:
    return f"{count:,} {'image' if count == 1 else 'images'}"


def _say_left_out(catalogue: Catalogue, built: BuildReport) -> None:
    output.list_left_out([*catalogue.left_out, *(failure.reason for failure in built.failures)])
