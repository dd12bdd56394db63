"""Stats, and damage that is found."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.storage.rows import checksum

ITEMS = 40


@pytest.fixture
def path(tmp_path: Path, model: Model) -> Path:
    made = tmp_path / "i.dhx"
    codes = np.random.default_rng(0).integers(0, 256, (ITEMS, 2), np.uint8)
    labels = [ItemLabels("circle" if i % 3 else None, {"red": True}) for i in range(ITEMS)]
    with Index.create(made, model) as index:
        index.add(codes, ["x"] * ITEMS, [{"number": i} for i in range(ITEMS)], labels)
    return made


def spoil(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


def counters(count: int, edition: int, next_id: int) -> str:
    """SQL that sets wrong counters with a correct checksum."""
    total = checksum(count, edition, next_id)
    return f"UPDATE state SET count={count}, edition={edition}, next_id={next_id}, checksum={total}"


def everything(path: Path) -> list[object]:
    """Results of several searches, in a form that can be compared."""
    with Index.open(path) as index:
        results = [
            index.search(np.zeros(2, np.uint8), k=ITEMS),
            index.search(task="attribute", want=["red", "blue"], without=["green"], k=ITEMS),
            index.search(np.zeros(2, np.uint8), filter={"category": "circle"}, k=ITEMS),
            index.search(np.zeros(2, np.uint8), filter={"number": 30}, k=ITEMS),
        ]
        return [index.header.views, *(found.as_dict() for found in results)]


def test_verify_counts_items_and_blocks(path: Path):
    with Index.open(path) as index:
        index.delete([0, 1, 2])
        stats = index.stats()
    assert (stats.items, stats.deleted, stats.labelled) == (37, 3, 24)
    assert (stats.bits, stats.views, stats.code_bytes) == (16, 1, 74)
    assert (stats.categories, stats.attributes) == (3, 3)
    assert stats.file_bytes == path.stat().st_size


def test_a_sound_index_has_no_damage(path: Path):
    with Index.open(path) as index:
        assert index.verify() == ()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE blocks SET codes = zeroblob(80)", "block of codes that begins with id 0"),
        ("UPDATE blocks SET ids = x'01'", "block of codes that begins with id 0"),
        ("UPDATE blocks SET first_id = -1", "block of codes that begins with id -1"),
        ("UPDATE items SET payload = '{}' WHERE id = 7", "item 7 "),
        ("UPDATE items SET category = 'hat' WHERE id = 8", "item 8 "),
        ("UPDATE items SET attributes = x'00' WHERE id = 9", "item 9 "),
        ("DELETE FROM items WHERE id = 7", "codes and its items have different ids"),
        ("UPDATE columns SET texts = '[]' WHERE field = 'number'", "field 'number' of the block"),
        ("UPDATE fields SET count = 39", "the fields of the block that begins with id 0"),
        ("DELETE FROM fields", "codes and its fields have different blocks"),
        ("DELETE FROM blocks", "has 0 of 40 codes"),
        (counters(41, 0, 40), "has 40 of 41 codes"),
        (counters(40, 0, 39), "next id is already in use"),
    ],
)
def test_damage_is_reported(path: Path, sql: str, message: str):
    spoil(path, sql)
    with Index.open(path) as index:
        found, *_ = (sentence for sentence in index.verify() if message in sentence)
    assert "i.dhx is damaged" in found


def test_columns_are_compared_with_payloads(path: Path):
    """Both have correct checksums, but differ from each other."""
    with Index.open(path) as index:
        records, columns = index.records, index.block_fields(0)
        other = {"number": columns["number"][::-1], "category": ["hat"] * ITEMS}
        message = records.item_row(
            7, "x", ItemLabels("circle", {"red": True}), {"number": 7, "size": 1}
        )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", message)
        for field, column in other.items():
            row = records.column_row(field, 0, column)
            connection.execute("REPLACE INTO columns VALUES (?, ?, ?, ?, ?)", row)
        connection.commit()
    with Index.open(path) as index:
        found = index.verify()
    assert found == tuple(
        f"{path} is damaged: the field {field!r} of the block that begins with id 0 differs from "
        "its items."
        for field in ("category", "number", "size")
    )


def test_text_that_is_not_utf8_is_reported_as_damage(path: Path):
    spoil(path, "UPDATE items SET payload = CAST(x'7b22ff' AS TEXT) WHERE id = 7")
    with Index.open(path) as index:
        with pytest.raises(DualhashError, match=r"i.dhx is damaged: .* column 'payload'"):
            index.item(7)
        (found,) = index.verify()
    assert "i.dhx is damaged" in found


def test_damaged_items_are_not_returned(path: Path):
    spoil(path, "UPDATE items SET payload = '{}' WHERE id = 7")
    with Index.open(path) as index:
        assert index.item(8).payload == {"number": 8}
        with pytest.raises(DualhashError, match="item 7"):
            index.item(7)
        with pytest.raises(DualhashError, match="item 7"):
            index.search("id:7")


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_never_changes_results(path: Path, seed: int):
    """For any flipped bit, searches return the same results or report damage."""
    sound, expected = path.read_bytes(), everything(path)
    rng = np.random.default_rng(seed)
    complaints = []
    for place in rng.choice(len(sound), 60, replace=False).tolist():
        spoiled = bytearray(sound)
        spoiled[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoiled)
        try:
            results = everything(path)
        except DualhashError as error:
            complaints.append(str(error))
        else:
            assert results == expected
    assert complaints
    assert all("i.dhx" in complaint for complaint in complaints)
