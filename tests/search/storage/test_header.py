"""Damaged headers, and headers of other formats."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index
from dualhash.search.storage.header import FORMAT, OLDEST
from dualhash.search.storage.rows import checksum

FIELDS = (
    "format",
    "bits",
    "views",
    "model_hash",
    "model_folder",
    "calibration",
    "ranking_bits",
    "category_names",
    "category_weight",
    "category_bias",
    "calibrated_category_weight",
    "calibrated_category_bias",
    "calibrated_attribute_weight",
    "calibrated_attribute_bias",
    "attribute_names",
    "attribute_weight",
    "attribute_bias",
    "checksum",
)


@pytest.fixture
def path(tmp_path: Path, model: Model) -> Path:
    made = tmp_path / "i.dhx"
    with Index.create(made, model) as index:
        index.add(np.zeros((3, 2), np.uint8), ["x"] * 3)
        index.delete([1])
    return made


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for sql in statements:
            connection.execute(sql)
        connection.commit()


def refused(path: Path) -> str:
    """The error message if the index is opened."""
    with pytest.raises(DualhashError) as error:
        Index.open(path)
    return str(error.value)


def flipped(value: object) -> object:
    """The value with one bit flipped."""
    if isinstance(value, int):
        return value ^ 1
    octets = bytearray(value.encode() if isinstance(value, str) else value)
    octets[len(octets) // 2] ^= 1
    return octets.decode() if isinstance(value, str) else bytes(octets)


def in_format(path: Path, number: int) -> None:
    """Changes the header to that of another format."""
    with closing(sqlite3.connect(path)) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta WHERE key != 'checksum'"))
        meta["format"] = number
        values = (part for key in sorted(meta) for part in (key, meta[key]))
        change = "UPDATE meta SET value = ? WHERE key = ?"
        connection.execute(change, (number, "format"))
        connection.execute(change, (checksum(*values), "checksum"))
        connection.execute(f"PRAGMA user_version = {number}")
        connection.commit()


def test_fields_lists_all_keys_of_the_header(path: Path):
    with closing(sqlite3.connect(path)) as connection:
        assert {key for (key,) in connection.execute("SELECT key FROM meta")} == set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_a_flipped_field_is_reported_as_damage(path: Path, field: str):
    with closing(sqlite3.connect(path)) as connection:
        ((value,),) = connection.execute("SELECT value FROM meta WHERE key = ?", (field,))
        change = "UPDATE meta SET value = ? WHERE key = ?"
        connection.execute(change, (flipped(value), field))
        connection.commit()
    assert "i.dhx is damaged: its header failed its check" in refused(path)
    run(path, f"DELETE FROM meta WHERE key = '{field}'")
    assert "i.dhx is damaged: its header" in refused(path)


@pytest.mark.parametrize("field", ["count", "edition", "next_id", "checksum"])
@pytest.mark.parametrize("bit", [0, 7, 40])
def test_a_flipped_counter_is_reported_as_damage(path: Path, field: str, bit: int):
    with Index.open(path) as reader:
        assert reader.search(np.zeros(2, np.uint8)).matched == 2
        run(path, f"UPDATE state SET {field} = {field} + ({1 << bit})")
        for use in (reader.__len__, lambda: reader.search(np.zeros(2, np.uint8))):
            with pytest.raises(DualhashError, match=r"i.dhx is damaged: its number of items"):
                use()
    assert "i.dhx is damaged: its number of items failed its check" in refused(path)


@pytest.mark.parametrize("sql", ["DELETE FROM state", "INSERT INTO state SELECT * FROM state"])
def test_counters_must_have_exactly_one_row(path: Path, sql: str):
    run(path, sql)
    assert "i.dhx is damaged: its number of items" in refused(path)


@pytest.mark.parametrize("version", [0, 1, FORMAT - 1, FORMAT + 1, FORMAT ^ 64, -(2**31)])
def test_a_flipped_format_number_is_reported_as_damage(path: Path, version: int):
    run(path, f"PRAGMA user_version = {version}")
    assert "i.dhx is damaged: its format number failed its check" in refused(path)


def test_a_newer_format_is_refused(path: Path):
    in_format(path, FORMAT + 1)
    message = refused(path)
    assert (
        f"has format {FORMAT + 1}; this version of dualhash reads formats up to {FORMAT}" in message
    )
    assert "Upgrade dualhash" in message


def test_an_older_format_is_refused(path: Path):
    """Format 3 had no format number in the header, and counters without a checksum."""
    run(
        path,
        "DELETE FROM meta WHERE key = 'format'",
        "INSERT INTO meta VALUES ('count', 2), ('edition', 1), ('next_id', 3)",
        "PRAGMA user_version = 3",
    )
    message = refused(path)
    assert f"has format 3; this version of dualhash reads formats {OLDEST} to {FORMAT}" in message
    assert "Create the index again with `dualhash index create --replace`" in message


@pytest.mark.parametrize("number", [3, FORMAT + 1])
def test_an_index_of_another_format_can_be_replaced(path: Path, model: Model, number: int):
    in_format(path, number)
    Index.create(path, model, replace=True).close()
    with Index.open(path) as index:
        assert len(index) == 0


def test_flipped_bits_in_the_first_100_bytes_are_detected(path: Path, model: Model):
    """In SQLite's own header, a flipped bit is damage or has no effect."""
    sound = path.read_bytes()
    assert sound[68:72] == b"dhx1"
    complaints: dict[int, str] = {}
    for place in range(100):
        spoiled = bytearray(sound)
        spoiled[place] ^= 1 << place % 8
        path.write_bytes(spoiled)
        try:
            with Index.open(path) as index:
                assert index.search(np.zeros(2, np.uint8)).matched == 2
        except DualhashError as error:
            complaints[place] = str(error)
    assert complaints.keys() >= {*range(16), *range(60, 64), *range(68, 72)}
    assert [message for message in complaints.values() if "i.dhx is damaged" not in message] == []
    path.write_bytes(b"sqlite" + sound[6:])
    Index.create(path, model, replace=True).close()
    with Index.open(path) as index:
        assert len(index) == 0
