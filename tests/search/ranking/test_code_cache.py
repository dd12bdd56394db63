from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.search import Index
from dualhash.search.storage import writer
from tests.search.stored_codes import count_block_reads

ITEMS, BLOCK = 300, 8
QUERY = np.zeros(2, np.uint8)


@pytest.fixture
def small_blocks(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> Index:
    """300 items in blocks of 8."""
    monkeypatch.setattr(writer, "CODES_PER_BLOCK", BLOCK)
    codes = np.random.default_rng(0).integers(0, 256, (ITEMS, 2), np.uint8)
    with Index.create(tmp_path / "i.dhx", model) as index:
        index.add(codes, ["x"] * ITEMS)
        yield index


def replace_codes(index: Index, ids: list[int]) -> None:
    index.replace(ids, np.full((len(ids), 2), 255, np.uint8), ["x"] * len(ids))


@pytest.mark.parametrize(
    ("changed", "blocks"),
    [
        ([0, 1, 2, 7], [0]),
        ([7, 8, 40, 41, 47], [0, 8, 40]),
        (list(range(16, 48)), [16, 24, 32, 40]),
        (list(range(0, ITEMS // 2, BLOCK)), list(range(0, ITEMS // 2, BLOCK))),
    ],
)
def test_each_block_with_changes_is_read_once(
    small_blocks: Index, changed: list[int], blocks: list[int]
):
    with Index.open(small_blocks.path) as reader:
        reader.search(QUERY)
        replace_codes(small_blocks, changed)
        read = count_block_reads(reader)
        far = reader.search(QUERY, k=ITEMS).hits
        assert read == blocks
        assert {hit.id for hit in far if hit.distance == 16} >= set(changed)


@pytest.mark.parametrize("changed", [range(0, ITEMS // 2 + BLOCK, BLOCK), range(ITEMS)])
def test_all_blocks_are_read_in_one_pass_if_most_have_changes(
    small_blocks: Index, changed: range, monkeypatch: pytest.MonkeyPatch
):
    with Index.open(small_blocks.path) as reader:
        reader.search(QUERY)
        replace_codes(small_blocks, list(changed))
        monkeypatch.setattr(reader, "codes_of", None)
        read = count_block_reads(reader)
        far = reader.search(QUERY, k=ITEMS).hits
        assert read == list(range(0, ITEMS, BLOCK))
        assert {hit.id for hit in far if hit.distance == 16} >= set(changed)


def test_deleted_and_changed_items_of_many_blocks_are_updated(small_blocks: Index):
    with Index.open(small_blocks.path) as reader:
        reader.search(QUERY)
        small_blocks.delete([*range(8, 16), 296, 299])
        replace_codes(small_blocks, [0, 297])
        small_blocks.add(QUERY[None], ["y"])
        found = reader.search(QUERY, k=ITEMS).hits
        with Index.open(small_blocks.path) as fresh:
            assert found == fresh.search(QUERY, k=ITEMS).hits
        assert len(found) == ITEMS - 9
