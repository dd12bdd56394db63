import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import search as oracle

from dualhash.codes import LinearHead, pack
from dualhash.errors import DualhashError
from dualhash.search.conditions import Conditions, choose
from dualhash.search.tasks import CodeTable, by_attributes, by_category, combined, rank

NAMES = ("red", "green", "blue")


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, CodeTable, Conditions, int]:
    """A query, the bits of a table with many duplicates and its ids with gaps, conditions, k."""
    width, n = draw(st.integers(1, 9)), draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = rng.random((3, 8 * width)) < 0.5
    bits = kinds[rng.integers(0, 3, n)] ^ (
        rng.random((n, 8 * width)) < draw(st.sampled_from([0, 0.1]))
    )
    ids = np.sort(rng.choice(100, n, replace=False)).astype(np.int64)
    weight = rng.normal(size=(3, 8 * width)).astype(np.float32)
    head = LinearHead(NAMES, weight, rng.normal(size=3).astype(np.float32))
    want = draw(st.sampled_from([["red"], ["red", "blue"], []]))
    conditions = choose(head, want=want, without=["green"])
    return kinds[0], bits, CodeTable(ids, pack(bits)), conditions, draw(st.integers(1, 15))


def confidences(conditions: Conditions, bits: np.ndarray) -> list[float]:
    head = conditions.head
    heads = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    return [oracle.joint(row, heads, conditions.wanted.tolist()) for row in bits.tolist()]


@given(cases())
def test_category_against_sorting(case):
    query, bits, table, _, k = case
    keys = [oracle.hamming(query.tolist(), row) for row in bits.tolist()]
    found = by_category(pack(query), table, k)
    assert found.ids.tolist() == oracle.first(keys, table.ids.tolist(), k)
    assert found.matched == len(bits)


@given(cases())
def test_attributes_against_sorting(case):
    _, bits, table, conditions, k = case
    keys = [-round(p, 12) for p in confidences(conditions, bits)]
    found = by_attributes(conditions, table, k)
    place = dict(zip(table.ids.tolist(), keys, strict=True))
    expected = oracle.first(keys, table.ids.tolist(), k)
    np.testing.assert_allclose(
        [place[item] for item in found.ids.tolist()], [place[item] for item in expected], rtol=1e-5
    )
    assert found.matched == len(bits)


@given(cases())
def test_equal_codes_come_by_id(case):
    _, _, table, conditions, _ = case
    found = by_attributes(conditions, table, 100).ids.tolist()
    code = dict(zip(table.ids.tolist(), map(bytes, table.codes), strict=True))
    for content in set(code.values()):
        same = [item for item in found if code[item] == content]
        assert same == sorted(same)


@given(cases())
def test_combined_against_filtering_and_sorting(case):
    query, bits, table, conditions, k = case
    head = conditions.head
    heads = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    met = [
        all(
            (oracle.probability(row, *part) >= 0.5) == wanted
            for part, wanted in zip(heads, conditions.wanted.tolist(), strict=True)
        )
        for row in bits.tolist()
    ]
    ids = [item for item, keep in zip(table.ids.tolist(), met, strict=True) if keep]
    kept = [row for row, keep in zip(bits.tolist(), met, strict=True) if keep]
    found = combined(pack(query), conditions, table, k)
    assert found.ids.tolist() == oracle.first(
        [oracle.hamming(query.tolist(), row) for row in kept], ids, k
    )
    assert found.matched == len(ids)
    alone = combined(None, conditions, table, 100)
    assert sorted(alone.ids.tolist()) == sorted(ids)
    ranked = by_attributes(conditions, table, 100).ids.tolist()
    assert alone.ids.tolist() == [item for item in ranked if item in ids]


@given(cases(), st.sampled_from(["category", "attribute", "combined"]))
def test_the_first_ten_of_more_are_the_top_ten(case, task):
    query, _, table, conditions, k = case
    asked = choose(conditions.head) if task == "category" else conditions
    whole = rank(task, pack(query), asked, table, 100).ids.tolist()
    assert rank(task, pack(query), asked, table, k).ids.tolist() == whole[:k]


def test_by_hand():
    codes = np.array([[0b1], [0b11], [0b1], [0b10000000]], np.uint8)
    table = CodeTable(np.array([3, 4, 6, 9]), codes)
    query = np.array([0b1], np.uint8)
    assert by_category(query, table, 3).ids.tolist() == [3, 6, 4]
    weight = np.array([[0, 0, 0, 0, 0, 0, 4, -2]], np.float32)
    conditions = choose(LinearHead(("red",), weight, np.ones(1, np.float32)), want=["red"])
    assert by_attributes(conditions, table, 9).ids.tolist() == [4, 9, 3, 6]
    found = combined(query, conditions, table, 9)
    assert (found.ids.tolist(), found.matched) == ([4, 9], 2)
    assert table.leave_out(4).ids.tolist() == [3, 6, 9]
    assert table.of(np.array([9, 3])).codes.tolist() == [[0b10000000], [0b1]]


QUERY = np.zeros(1, np.uint8)
HEAD = LinearHead(("red",), np.ones((1, 8), np.float32), np.zeros(1, np.float32))
TABLE = CodeTable(np.arange(2), np.zeros((2, 1), np.uint8))


@pytest.mark.parametrize(
    ("task", "query", "want", "k", "said"),
    [
        ("categroy", QUERY, (), 1, "no task 'categroy'. Did you mean 'category'"),
        ("category", QUERY, (), 0, "at least 1, not 0"),
        ("category", None, (), 1, "category needs a query"),
        ("category", QUERY, ("red",), 1, "category takes no attributes"),
        ("attribute", QUERY, (), 1, "attribute needs at least one attribute"),
        ("combined", QUERY, (), 1, "combined needs at least one attribute"),
    ],
)
def test_what_makes_no_query_is_refused(task, query, want, k, said):
    with pytest.raises(DualhashError, match=said):
        rank(task, query, choose(HEAD, want=want), TABLE, k)
