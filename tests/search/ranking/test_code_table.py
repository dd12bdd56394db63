import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import LinearHead
from dualhash.search.kernels import bitmap_of, members
from dualhash.search.ranking import code_table
from dualhash.search.ranking.code_table import CodeTable
from tests.search.ranking.small_code_table import predicates

NAMES = ("red", "green", "blue")


def random_table(
    sizes: list[int], seed: int, ask_between: bool
) -> tuple[CodeTable, LinearHead, np.ndarray]:
    """A table that grew in parts, and its codes; ids are 2, 5, 8 and so on."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(3, 16)), rng.normal(size=3)
    head = LinearHead(NAMES, weight.astype(np.float32), bias.astype(np.float32))
    codes = rng.integers(0, 256, (sum(sizes), 2), np.uint8)
    table, start = CodeTable.empty(16), 0
    for size in sizes:
        rows = np.arange(start, start + size)
        table = table.extended([(3 * rows + 2, codes[rows])])
        if ask_between:
            table.meeting(predicates(head, want=NAMES[: 1 + size % 3]))
        start += size
    return table, head, codes


@given(
    st.lists(st.sampled_from([0, 1, 5, 63, 64, 65, 130]), max_size=5),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_a_table_does_not_depend_on_how_it_grew(sizes: list[int], seed: int, ask_between: bool):
    table, head, codes = random_table(sizes, seed, ask_between)
    np.testing.assert_array_equal(table.codes.ids, 3 * np.arange(len(codes)) + 2)
    np.testing.assert_array_equal(table.codes_of(table.codes.ids[::-1]), codes[::-1])
    conditions = predicates(head, want=["red"], without=["blue"])
    scores = head.code_scores(codes)
    met = members(table.meeting(conditions), len(codes))
    np.testing.assert_array_equal(met, (scores[:, 0] >= 0) & (scores[:, 2] < 0))


def test_sets_of_ids_select_their_items():
    table, _, codes = random_table([70, 60], 0, ask_between=False)
    remaining = members(table.without(np.array([200, 2, 386])).codes.existing, len(codes))
    assert set(table.codes.ids.tolist()) - set(table.codes.ids[remaining].tolist()) == {2, 200, 386}
    between = members(table.between(200, 207), len(codes))
    assert table.codes.ids[between].tolist() == [200, 203, 206]
    assert not members(table.between(300, 200), len(codes)).any()


@given(st.integers(0, 200), st.integers(-5, 700), st.integers(0, 700))
def test_a_range_of_ids_selects_the_ids_in_it(size: int, start: int, length: int):
    table, _, _ = random_table([size], 0, ask_between=False)
    between = members(table.between(start, start + length), size)
    assert table.codes.ids[between].tolist() == [
        item for item in table.codes.ids.tolist() if start <= item < start + length
    ]


def test_memory_of_an_id_range_follows_its_length(monkeypatch: pytest.MonkeyPatch):
    """Apart from the bitmap, which has one bit per code."""
    table, _, _ = random_table([6400], 0, ask_between=False)
    marked = []
    monkeypatch.setattr(
        code_table,
        "bitmap_of",
        lambda chosen, n: marked.append(len(chosen)) or bitmap_of(chosen, n),
    )
    assert members(table.between(3 * 3000 + 2, 3 * 3010 + 2), 6400).sum() == 10
    assert marked == [10]


def test_ids_of_any_size_are_accepted():
    """They grow out of 32 bits."""
    codes = np.arange(4, dtype=np.uint8)[:, None]
    small = CodeTable.empty(8).extended([(np.array([5, 2**32 - 1]), codes[:2])])
    large = small.extended([(np.array([2**32, 2**62]), codes[2:])])
    assert (small.codes.ids.dtype, large.codes.ids.dtype) == (np.uint32, np.int64)
    for table, ids in ((small, [5, 2**32 - 1]), (large, [5, 2**32 - 1, 2**32, 2**62])):
        every = np.array(ids)
        assert table.codes.ids.tolist() == ids
        assert table.positions(every).tolist() == list(range(len(ids)))
        assert table.codes_of(every[1:]).tolist() == codes[1 : len(ids)].tolist()
        for start, stop in ((0, 6), (-(2**63), 2**63 - 1), (6, 2**32), (2**32, 2**63 - 1)):
            chosen = members(table.between(start, stop), len(ids))
            assert chosen.tolist() == [start <= item < stop for item in ids]


def test_a_probability_of_one_half_counts_as_present():
    head = LinearHead(("red",), np.zeros((1, 8), np.float32), np.zeros(1, np.float32))
    table = CodeTable.empty(8).extended([(np.arange(1), np.zeros((1, 1), np.uint8))])
    assert members(table.meeting(predicates(head, want=["red"])), 1).tolist() == [True]
    assert members(table.meeting(predicates(head, without=["red"])), 1).tolist() == [False]


def test_cached_bitmaps_depend_on_head_and_threshold():
    """Another head with the same names, or another threshold, is not given them."""
    table, head, codes = random_table([100], 0, ask_between=False)
    for weight, bias, threshold in (
        (head.weight, head.bias, 0.5),
        (-head.weight, head.bias, 0.5),
        (head.weight, head.bias + 1, 0.5),
        (head.weight, head.bias, 0.9),
        (head.weight, head.bias, 0.5),
    ):
        other = LinearHead(NAMES, weight, bias)
        met = members(table.meeting(predicates(other, want=["red"], threshold=threshold)), 100)
        expected = other.code_scores(codes)[:, 0] >= np.log(threshold / (1 - threshold))
        np.testing.assert_array_equal(met, expected)


def test_the_number_of_cached_bitmaps_is_limited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(code_table, "MAX_BITMAPS", 3)
    table, head, codes = random_table([100], 0, ask_between=False)
    for threshold in np.linspace(0.1, 0.9, 9).tolist() * 2:
        wanted_red = predicates(head, want=["red"], threshold=threshold)
        met = members(table.meeting(wanted_red), 100)
        expected = head.code_scores(codes)[:, 0] >= np.log(threshold / (1 - threshold))
        np.testing.assert_array_equal(met, expected)
        assert len(table._present) <= 3
