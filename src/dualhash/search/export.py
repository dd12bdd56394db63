"""Exports all items of an index, with codes, labels and payload, as CSV, Parquet or `.npz`."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.files import write_whole
from dualhash.search.results import Item
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import MISSING
from dualhash.search.table_columns import label_columns, payload_columns

EXPORT_SUFFIXES = (".csv", ".parquet", ".npz")


def export_index(index: Path, out: Path) -> int:
    """Writes one row for each of the N items of an index; `docs/formats.md` lists the columns.

    Args:
        index: The index file.
        out: The file to write; its suffix, one of `EXPORT_SUFFIXES`, is the
            format.

    Returns:
        N.

    Raises:
        DualhashError: The index cannot be read, the suffix is unknown, or the file cannot be
            written.
    """
    if out.suffix.lower() not in EXPORT_SUFFIXES:
        raise DualhashError(
            f"{out} must end in {', '.join(EXPORT_SUFFIXES[:-1])} or {EXPORT_SUFFIXES[-1]}."
        )
    with IndexReader(index) as reader, reader.reading():
        none = np.empty((0, reader.header.bits // 8), np.uint8)
        codes = np.concatenate([none, *(part for _, part in reader.codes())])
        ranking_bits = reader.header.compared_bits
        items = list(reader)
        attributes = reader.header.attribute_head.names
    content = BytesIO()
    if out.suffix.lower() == ".npz":
        arrays = _arrays(items, codes, attributes)
        np.savez_compressed(content, ranking_bits=np.array(ranking_bits), **arrays)
    else:
        frame = pl.DataFrame(_columns(items, codes, attributes))
        (frame.write_csv if out.suffix.lower() == ".csv" else frame.write_parquet)(content)
    write_whole(out, content.getvalue())
    return len(items)


def _arrays(
    items: list[Item], codes: NDArray[np.uint8], attributes: Sequence[str]
) -> dict[str, Any]:
    states = [[item.labels.attributes.get(name, MISSING) for name in attributes] for item in items]
    payload = json.dumps([item.payload for item in items], ensure_ascii=False).encode()
    return {
        "ids": np.array([item.id for item in items], np.int64),
        "codes": codes,
        "images": np.array([item.image for item in items], np.str_),
        "categories": np.array([item.labels.category or "" for item in items], np.str_),
        "attributes": np.array(states, np.int8).reshape(len(items), len(attributes)),
        "attribute_names": np.array(attributes, np.str_),
        "payload": np.frombuffer(payload, np.uint8),
    }


def _columns(
    items: list[Item], codes: NDArray[np.uint8], attributes: Sequence[str]
) -> list[pl.Series]:
    category, *labels = label_columns([item.labels for item in items], attributes)
    return [
        pl.Series("id", [item.id for item in items], pl.Int64),
        pl.Series("image", [item.image for item in items], pl.String),
        category,
        pl.Series("code", [code.tobytes().hex() for code in codes], pl.String),
        *labels,
        *payload_columns([item.payload for item in items]),
    ]
