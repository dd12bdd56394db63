import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import LinearHead
from dualhash.search.code_table import CodeTable
from dualhash.search.conditions import choose
from dualhash.search.kernels import members

NAMES = ("red", "green", "blue")


def random_table(sizes: list[int], seed: int, ask_between: bool) -> tuple[CodeTable, np.ndarray]:
    """A table that grew in parts, and its codes; ids are 2, 5, 8 and so on."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(3, 16)), rng.normal(size=3)
    head = LinearHead(NAMES, weight.astype(np.float32), bias.astype(np.float32))
    codes = rng.integers(0, 256, (sum(sizes), 2), np.uint8)
    table, start = CodeTable.empty(head), 0
    for size in sizes:
        rows = np.arange(start, start + size)
        table = table.extended([(3 * rows + 2, codes[rows])])
        if ask_between:
            table.meeting(choose(head, want=NAMES[: 1 + size % 3]))
        start += size
    return table, codes


@given(
    st.lists(st.sampled_from([0, 1, 5, 63, 64, 65, 130]), max_size=5),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_however_a_table_grew_it_is_the_same(sizes: list[int], seed: int, ask_between: bool):
    table, codes = random_table(sizes, seed, ask_between)
    head = table.head
    np.testing.assert_array_equal(table.ids, 3 * np.arange(len(codes)) + 2)
    np.testing.assert_array_equal(table.codes(table.ids[::-1]), codes[::-1])
    conditions = choose(head, want=["red"], without=["blue"])
    scores = head.code_scores(codes)
    met = members(table.meeting(conditions), len(codes))
    np.testing.assert_array_equal(met, (scores[:, 0] >= 0) & (scores[:, 2] < 0))


def test_sets_of_ids():
    table, codes = random_table([70, 60], 0, ask_between=False)
    some = np.array([200, 2, 386])
    chosen = members(table.only(some), len(codes))
    assert table.ids[chosen].tolist() == [2, 200, 386]
    left = members(table.without(200), len(codes))
    assert table.ids[~left].tolist() == [200]


def test_one_half_is_present():
    head = LinearHead(("red",), np.zeros((1, 8), np.float32), np.zeros(1, np.float32))
    table = CodeTable.empty(head).extended([(np.arange(1), np.zeros((1, 1), np.uint8))])
    assert members(table.meeting(choose(head, want=["red"])), 1).tolist() == [True]
    assert members(table.meeting(choose(head, without=["red"])), 1).tolist() == [False]
