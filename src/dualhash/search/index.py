"""An index: codes, labels and payloads in one file, ready to search."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure
from dualhash.codes.linear_head import HEADS, LinearHead
from dualhash.codes.model import Model
from dualhash.codes.ten_crop import check_views
from dualhash.errors import DualhashError
from dualhash.search.clustering import cluster_added_codes, cluster_codes
from dualhash.search.codes_from_elsewhere import header_of_codes, packed_codes
from dualhash.search.query import QueryLike, check_codes, check_model, find_model
from dualhash.search.remote.base import RemoteIndex, remote_opener
from dualhash.search.request import SearchOptions, make_request
from dualhash.search.results import ItemLabels, Results
from dualhash.search.storage import writer
from dualhash.search.storage.file import new_index_file
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import IndexReader, whole_id
from dualhash.search.storage.verify import Stats, damages, measure

if TYPE_CHECKING:
    from dualhash.search.ranking.execute import Searcher


class Index(IndexReader):
    """An open index file. Use it in a `with` block, or close it.

    Changes by other programs are seen by the next search. Several threads may use it at once.
    """

    def __init__(self, path: Path, model: Model | None = None) -> None:
        """Use `Index.open` or `Index.create`."""
        super().__init__(path)
        self._model = model

    @classmethod
    def create(
        cls, path: str | Path, model: Model, *, views: int = 1, replace: bool = False
    ) -> "Index":
        """Creates an empty index file for codes of `model` and opens it.

        Args:
            path: The file to create, in an existing folder.
            model: The model whose codes it will hold.
            views: Views of each image that are averaged for its code, also of image queries.
            replace: Whether to replace an existing index.

        Raises:
            DualhashError: The file exists and `replace` is False, or it cannot be written.
        """
        with cls.unfinished(path, model, views=views, replace=replace):
            pass
        return cls.open(Path(path), model)

    @classmethod
    @contextmanager
    def unfinished(
        cls,
        path: str | Path,
        model: Model,
        *,
        views: int = 1,
        replace: bool = False,
        source: str | None = None,
    ) -> Iterator["Index"]:
        """Yields an empty index that moves to `path` at the end of the block.

        If the block fails, `path` stays as it was. Arguments are those of `create`; `source`
        identifies the content. If it is given, a block that is killed or interrupted leaves its
        items, and the next block with the same source continues with them.
        """
        check_views(views, model.card.vector_length)
        header = Header(
            bits=model.bits,
            views=views,
            model_hash=model.hash,
            model_folder=model.folder,
            calibration=model.card.calibration,
            ranking_bits=model.card.ranking_bits,
            **{name: getattr(model, name) for name in HEADS},
        )
        with (
            new_index_file(Path(path), header, replace=replace, source=source) as file,
            cls(file, model) as index,
        ):
            yield index
            cluster_codes(index)

    @classmethod
    def from_codes(
        cls,
        path: str | Path,
        codes: NDArray[np.uint8] | NDArray[np.bool_],
        *,
        payload: pl.DataFrame | Sequence[Mapping[str, Any]] | None = None,
        images: Sequence[Path | str] | None = None,
        labels: Sequence[ItemLabels] | None = None,
        attribute_head: LinearHead | None = None,
        category_head: LinearHead | None = None,
        ranking_bits: int | None = None,
        replace: bool = False,
    ) -> "Index":
        """Creates an index file of n codes from anywhere, with the ids 0 to n - 1, and opens it.

        It has no model, so an image cannot be a query. Searches by category need no head; searches
        by attributes need an attribute head.

        Args:
            path: The file to create, in an existing folder.
            codes: (n, k/8) uint8, packed as by `numpy.packbits`, or (n, k) bool.
            payload: n rows or mappings of plain values; empty by default.
            images: n paths, to show results with; none by default.
            labels: Labels of the n items; none by default. Labels of attributes that the attribute
                head does not predict are not stored.
            attribute_head: Predicts attributes: the sigmoid of weight . b + bias, with bits b of 0
                and 1.
            category_head: Predicts categories: the softmax of weight . b + bias.
            ranking_bits: Number of leading bits whose Hamming distance ranks, a multiple of 8
                below k; by default all. Heads read all bits.
            replace: Whether to replace an existing index.

        Raises:
            DualhashError: Codes or a head have another shape or dtype, `ranking_bits` does not fit
                the codes, the arguments differ in number, or the file exists and `replace` is
                False, or cannot be written.
        """
        packed = packed_codes(codes)
        bits = 8 * packed.shape[1]
        header = header_of_codes(bits, ranking_bits, category_head, attribute_head)
        payloads = payload.to_dicts() if isinstance(payload, pl.DataFrame) else payload
        with new_index_file(Path(path), header, replace=replace) as file, cls(file) as index:
            index.add(packed, [""] * len(packed) if images is None else images, payloads, labels)
            cluster_codes(index)
        return cls.open(Path(path))

    @overload
    @classmethod
    def open(cls, path: Path, model: Model | str | Path | None = None) -> "Index": ...

    @overload
    @classmethod
    def open(cls, path: str, model: Model | str | Path | None = None) -> "Index | RemoteIndex": ...

    @classmethod
    def open(
        cls, path: str | Path, model: Model | str | Path | None = None
    ) -> "Index | RemoteIndex":
        """Opens an index file, or a remote index, such as postgresql://host/database/table.

        Args:
            path: The file; or the URI of a remote index, which can be searched but not changed.
            model: The model that made its codes, or its folder; needed for image queries if the
                model was moved.

        Raises:
            DualhashError: It is not an index, has a newer format, is damaged, or its codes were
                made by another model.
        """
        opened = Model.open(model) if isinstance(model, str | Path) else model
        if isinstance(path, str) and (open_remote := remote_opener(path)):
            return open_remote(path, opened)
        index = cls(Path(path), opened)
        try:
            if opened:
                check_model(index.path, index.header, opened)
        except BaseException:
            index.close()
            raise
        return index

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It was moved or replaced.
        """
        if self._model is None:
            self._model = find_model(self.path, self.header)
        return self._model

    def changing(self) -> AbstractContextManager[None]:
        """Makes all changes in the block one transaction, kept as a whole or not at all.

        A block within such a block is a part of it: if it fails, only its own changes are undone.
        """
        return self.connection.changing()

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns the k best items, exactly. Ties are ordered by id.

        Args:
            query: An image (a file, the content of one, an image of Pillow, or an RGB array
                (h, w, 3) uint8), an id (17 or "id:17"; that item is left out of the results), a
                packed code (k/8,) uint8, a vector (d,) float16 or float32 (or its .npy file) if the
                model takes vectors, or None if wanted and unwanted attributes are enough.
            **options: Task, attributes, filters and number of results; `SearchRequest` documents
                each: task, want, without, match, filter, ids, radius, threshold, precision,
                attribute_weight, k, offset and threads.

        Raises:
            DualhashError: The query cannot be read, an option is wrong, an attribute or field is
                unknown, or the file is damaged.
        """
        from dualhash.search.ranking.execute import search

        prefers = self.header.prefers_posterior
        request = make_request(options)
        return search(self, self._locked_searcher(), query, request, posterior=prefers)

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `search` returns for each of many queries, but faster.

        Queries are read and results yielded some hundreds at a time; each group of queries sees
        one state of the index.

        Args:
            queries: As for `search`.
            **options: As for `search`.

        Yields:
            For each query its results; or, if it cannot be used, its row and the reason.

        Raises:
            DualhashError: An option is wrong, or an attribute or field is unknown.
        """
        from dualhash.search.ranking.execute import search_batch

        prefers = self.header.prefers_posterior
        request = make_request(options)
        return search_batch(self, self._locked_searcher(), queries, request, posterior=prefers)

    def _locked_searcher(self) -> "Searcher":
        """Returns the same for all threads, so that they share one copy of the codes."""
        with self.reading():
            return self._searcher

    @cached_property
    def _searcher(self) -> "Searcher":
        from dualhash.search.ranking.code_cache import CodeCache
        from dualhash.search.ranking.execute import search_file

        return partial(search_file, self, CodeCache(self))

    def add(
        self,
        codes: NDArray[np.uint8] | None = None,
        images: Sequence[Path | str] | None = None,
        payloads: Sequence[Mapping[str, Any]] | None = None,
        labels: Sequence[ItemLabels] | None = None,
        *,
        features: NDArray[Any] | None = None,
    ) -> NDArray[np.int64]:
        """Adds n items in one transaction: all of them or, if it fails, none.

        They are new items even if there are items of the same images. To add only missing images,
        call `find` and `add` in one block of `changing`.

        Args:
            codes: (n, k/8) uint8, packed.
            images: n paths; by default the items have none.
            payloads: n mappings of plain values, stored as JSON; empty by default.
            labels: Labels of the n images; none by default. Attributes that the model does not
                know are not stored.
            features: In place of codes, vectors (n, d) float16 or float32, which the model encodes.

        Returns:
            (n,) int64 ids, ascending, never used before.

        Raises:
            DualhashError: The codes have another length, the arguments differ in number, or the
                features cannot be encoded.
        """
        if (codes is None) == (features is None):
            raise DualhashError("Give either codes or features.")
        if features is not None:
            codes = self.model.encode_vectors(features).codes
        assert codes is not None
        with self.changing():
            ids = writer.add(self, codes, self._entries(codes, images, payloads, labels))
            cluster_added_codes(self)
        return ids

    def update(
        self,
        item: int,
        *,
        code: NDArray[np.uint8] | None = None,
        image: Path | str | None = None,
        payload: Mapping[str, Any] | None = None,
        labels: ItemLabels | None = None,
    ) -> None:
        """Replaces those parts of an item that are given; its id stays.

        Args:
            item: Its id.
            code: (k/8,) uint8, packed.
            image: Path.
            payload: Plain values, stored as JSON.
            labels: Labels of the image.

        Raises:
            DualhashError: No item has this id, or the code has another length.
        """
        if code is not None:
            check_codes(code, self.header, dimensions=1)
        with self.changing():
            old = self.get(item)
            entry = (
                old.image if image is None else image,
                old.labels if labels is None else labels,
                old.payload if payload is None else payload,
            )
            writer.replace(self, [old.id], (old.code if code is None else code)[None], [entry])

    def replace(
        self,
        ids: Iterable[int],
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]] | None = None,
        labels: Sequence[ItemLabels] | None = None,
    ) -> None:
        """Replaces all of n items in one transaction; their ids stay.

        Args:
            ids: n different ids.
            codes: As for `add`, like the others.
            images: n paths.
            payloads: n mappings.
            labels: Labels of the n images.

        Raises:
            DualhashError: No item has one of the ids, an id is repeated, the codes have another
                length or the arguments differ in number; then nothing is replaced.
        """
        entries = self._entries(codes, images, payloads, labels)
        replaced = [whole_id(item) for item in ids]
        if not len(set(replaced)) == len(replaced) == len(codes):
            raise DualhashError(
                f"{len(codes)} items need {len(codes)} different ids, not {len(set(replaced))}."
            )
        writer.replace(self, replaced, codes, entries)

    def delete(self, ids: Iterable[int]) -> None:
        """Deletes items in one transaction; their ids are not used again.

        Raises:
            DualhashError: No item has one of the ids; then nothing is deleted.
        """
        writer.delete(self, ids)

    def compact(self) -> None:
        """Frees the disk space of deleted items, and clusters the codes; ids stay as they are.

        An index of an older format is brought into the present one.
        """
        writer.fill_blocks(self)
        cluster_codes(self)
        self.connection.vacuum()

    def stats(self) -> Stats:
        """Returns how many items there are, and how much space they take."""
        return measure(self)

    def verify(self) -> tuple[str, ...]:
        """Reads the whole file and returns a sentence for each damage; empty if there is none."""
        return damages(self)

    def _entries(
        self,
        codes: NDArray[np.uint8],
        images: Sequence[Path | str] | None,
        payloads: Sequence[Mapping[str, Any]] | None,
        labels: Sequence[ItemLabels] | None,
    ) -> list[writer.ItemContent]:
        """Returns image, labels and payload of n codes.

        Raises:
            DualhashError: The codes have another length or the arguments differ in number.
        """
        check_codes(codes, self.header, dimensions=2)
        images = [""] * len(codes) if images is None else images
        payloads = [{}] * len(codes) if payloads is None else payloads
        labels = [ItemLabels()] * len(codes) if labels is None else labels
        if not len(codes) == len(images) == len(payloads) == len(labels):
            raise DualhashError(
                f"There are {len(codes)} codes, {len(images)} images, {len(payloads)} payloads and "
                f"{len(labels)} labels; each item needs one of each."
            )
        return list(zip(images, labels, payloads, strict=True))
