"""The header of an index file: model, heads and format. It never changes."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.calibration import Calibration
from dualhash.codes.linear_head import HEADS, LinearHead
from dualhash.codes.model import Prediction, predict
from dualhash.errors import DualhashError
from dualhash.search.storage.rows import checksum, portable
from dualhash.search.storage.sqlite import APPLICATION_ID, damaged, foreign_database

FORMAT = 6
"""The format of new index files."""

OLDEST = 4
"""The oldest format that is read, and changed without being converted: format 4 has another header
than format 5, and both have no clusters."""


@dataclass(frozen=True, eq=False)
class Header:
    """The properties that all codes of an index share.

    Attributes:
        bits: Length k of the codes.
        views: Views of each image that were averaged for its code; queries are encoded alike.
        model_hash: Hash of the model that made the codes; without a model, of the heads.
        model_folder: Folder of that model when the index was created; None if there is none.
        category_head: C categories from k bits.
        attribute_head: p attributes from k bits.
        calibrated_category_head: C categories from k bits, as probabilities that are shares.
        calibrated_attribute_head: p attributes from k bits, likewise.
        calibration: What was fitted on validation images beside these heads.
        ranking_bits: Number of leading bits whose Hamming distance ranks; None for all.
    """

    bits: int
    views: int
    model_hash: str
    model_folder: Path | None
    category_head: LinearHead
    attribute_head: LinearHead
    calibrated_category_head: LinearHead
    calibrated_attribute_head: LinearHead
    calibration: Calibration = field(default_factory=Calibration)
    ranking_bits: int | None = None

    @property
    def prefers_posterior(self) -> bool:
        """Whether searches by posterior find more than those with a filter."""
        posterior = self.calibration.posterior
        return posterior is not None and posterior.better

    @property
    def compared_bits(self) -> int:
        """The number of bits that Hamming distances compare: `ranking_bits`, or all."""
        return self.ranking_bits or self.bits

    def predict(self, codes: NDArray[np.uint8]) -> list[Prediction]:
        """Predicts category and attributes of packed codes (N, k/8) by the calibrated heads."""
        return predict(codes, self.calibrated_category_head, self.calibrated_attribute_head)


def write_header(connection: sqlite3.Connection, header: Header, folder: Path) -> None:
    """Writes the header of an index file in `folder` (absolute)."""
    connection.execute(f"PRAGMA application_id = {int.from_bytes(APPLICATION_ID)}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    meta: dict[str, Any] = {
        "format": FORMAT,
        "bits": header.bits,
        "views": header.views,
        "model_hash": header.model_hash,
        "model_folder": portable(header.model_folder or "", folder),
        "calibration": header.calibration.model_dump_json(),
        "ranking_bits": json.dumps(header.ranking_bits),
    }
    for name, kind in HEADS.items():
        head: LinearHead = getattr(header, name)
        meta |= {
            f"{kind}_names": json.dumps(head.names, ensure_ascii=False),
            _key(name, "weight"): head.weight.astype("<f4").tobytes(),
            _key(name, "bias"): head.bias.astype("<f4").tobytes(),
        }
    meta["checksum"] = _checksum(meta)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())


def read_header(connection: sqlite3.Connection, path: Path) -> Header:
    """Reads the header of an open index file.

    The checksum is compared before the format, so that damage is not reported as another format.

    Raises:
        NotAnIndexError: It is another program's database.
        DualhashError: It is damaged or has another format.
    """
    ((application,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    ours, meta = application == int.from_bytes(APPLICATION_ID), _read_meta(connection)
    if meta.pop("checksum", None) != _checksum(meta):
        if not ours:
            raise foreign_database(path)
        if version < OLDEST and "format" not in meta:  # formats 1 to 3 did not state it here
            raise _too_old(path, version)
        raise damaged(path, "its header")
    if not ours or version != meta.get("format"):
        raise damaged(path, "its format number")
    if version < OLDEST:
        raise _too_old(path, version)
    if version > FORMAT:
        raise DualhashError(
            f"{path} has format {version}; this version of dualhash reads formats up to {FORMAT}. "
            "Upgrade dualhash."
        )
    try:
        if version == OLDEST:
            meta = _converted(meta)
        model_folder = meta["model_folder"]
        return Header(
            bits=meta["bits"],
            views=meta["views"],
            model_hash=meta["model_hash"],
            model_folder=path.absolute().parent / model_folder if model_folder else None,
            calibration=Calibration.model_validate_json(meta["calibration"]),
            ranking_bits=json.loads(meta["ranking_bits"]),
            **{name: _head_of(meta, name) for name in HEADS},
        )
    except (KeyError, ValueError) as error:
        raise damaged(path, "its header") from error


def _too_old(path: Path, version: int) -> DualhashError:
    return DualhashError(
        f"{path} has format {version}; this version of dualhash reads formats {OLDEST} to "
        f"{FORMAT}. Create the index again with `dualhash index create --replace`."
    )


def _read_meta(connection: sqlite3.Connection) -> dict[str, Any]:
    """Returns the header's table; empty if there is none or its text is damaged."""
    try:
        return dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError:
        return {}


def _checksum(meta: Mapping[str, Any]) -> int:
    """Returns the checksum of all keys and values, in the order of keys."""
    pairs = sorted(meta.items(), key=lambda pair: str(pair[0]))
    return checksum(*(part for pair in pairs for part in pair))


def _converted(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of format 4 as those of format 5."""
    parts = [f"{kind}_{part}" for kind in ("category", "attribute") for part in ("weight", "bias")]
    return {
        **meta,
        "calibration": json.dumps({"attribute_weight": json.loads(meta["soft"])}),
        "ranking_bits": "null",
        **{f"calibrated_{part}": meta[part] for part in parts},
    }


def _key(head: str, part: str) -> str:
    return f"{head.removesuffix('_head')}_{part}"


def _head_of(meta: Mapping[str, Any], name: str) -> LinearHead:
    names = tuple(json.loads(meta[f"{HEADS[name]}_names"]))
    weight = np.frombuffer(meta[_key(name, "weight")], "<f4").reshape(len(names), meta["bits"])
    bias = np.frombuffer(meta[_key(name, "bias")], "<f4").reshape(len(names))
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
