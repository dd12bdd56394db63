from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import search as oracle

from dualhash.codes import LinearHead, pack
from dualhash.errors import DualhashError
from dualhash.search.code_table import CodeTable
from dualhash.search.conditions import Conditions, choose
from dualhash.search.kernels import bitmap
from dualhash.search.results import Task
from dualhash.search.tasks import Ranking, Scope, by_attributes, by_category, combined, rank

NAMES = ("red", "green", "blue")


@dataclass(frozen=True)
class Case:
    """A query, the bits of a table with many duplicates, conditions, and what may be found."""

    query: np.ndarray
    bits: np.ndarray
    table: CodeTable
    conditions: Conditions
    allowed: np.ndarray
    k: int
    threads: int

    @property
    def rows(self) -> list[int]:
        return np.flatnonzero(self.allowed).tolist()

    @property
    def distances(self) -> list[int]:
        return [oracle.hamming(self.query.tolist(), row) for row in self.bits.tolist()]

    @property
    def met(self) -> list[bool]:
        """For each code, whether all wanted values have a probability of at least one half."""
        head = self.conditions.head
        return [
            all(
                (oracle.probability(row, weight, bias) >= 0.5) == wanted
                for weight, bias, wanted in zip(
                    head.weight.tolist(), head.bias.tolist(), self.conditions.wanted, strict=True
                )
            )
            for row in self.bits.tolist()
        ]

    def scope(self, k: int | None = None, radius: int | None = None) -> Scope:
        return Scope(self.table, bitmap(self.allowed), k or self.k, radius, self.threads)

    def first(self, keys: list[float], rows: list[int], k: int | None = None) -> list[int]:
        """Ids of the k smallest keys among some rows."""
        ids = self.table.ids
        return oracle.first([keys[i] for i in rows], [int(ids[i]) for i in rows], k or self.k)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    width, n = draw(st.integers(1, 9)), draw(st.sampled_from([0, 1, 5, 12, 63, 64, 65, 200]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = rng.random((3, 8 * width)) < 0.5
    bits = kinds[rng.integers(0, 3, n)] ^ (
        rng.random((n, 8 * width)) < draw(st.sampled_from([0, 0.1]))
    )
    weight = rng.normal(size=(3, 8 * width)).astype(np.float32)
    head = LinearHead(NAMES, weight, rng.normal(size=3).astype(np.float32))
    want = draw(st.sampled_from([["red"], ["red", "blue"], []]))
    return Case(
        query=kinds[0],
        bits=bits,
        table=table_of(head, np.sort(rng.choice(1000, n, replace=False)), pack(bits)),
        conditions=choose(head, want=want, without=["green"]),
        allowed=rng.random(n) < draw(st.sampled_from([0.1, 0.9, 1])),
        k=draw(st.integers(1, 15)),
        threads=draw(st.integers(1, 2)),
    )


def table_of(head: LinearHead, ids: np.ndarray, codes: np.ndarray) -> CodeTable:
    return CodeTable.empty(head).extended([(ids, codes)])


@given(cases(), st.sampled_from([None, 0, 3, 20]))
def test_category_against_sorting(case: Case, radius: int | None):
    found = by_category(pack(case.query), case.scope(radius=radius))
    near = [row for row in case.rows if radius is None or case.distances[row] <= radius]
    assert found.ids.tolist() == case.first(case.distances, near)
    assert found.matched == len(near)


@given(cases())
def test_attributes_against_sorting(case: Case):
    head = case.conditions.head
    heads = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    wanted = case.conditions.wanted.tolist()
    keys = [-oracle.joint(row, heads, wanted) for row in case.bits.tolist()]
    found = by_attributes(case.conditions, case.scope())
    place = dict(zip(case.table.ids.tolist(), keys, strict=True))
    expected = case.first(keys, case.rows)
    np.testing.assert_allclose(
        [place[item] for item in found.ids.tolist()], [place[item] for item in expected], rtol=1e-5
    )
    assert found.matched == len(case.rows)


@given(cases())
def test_equal_codes_come_by_id(case: Case):
    found = by_attributes(case.conditions, case.scope(k=1000)).ids.tolist()
    code = dict(zip(case.table.ids.tolist(), map(bytes, pack(case.bits)), strict=True))
    for content in set(code.values()):
        same = [item for item in found if code[item] == content]
        assert same == sorted(same)


@given(cases(), st.sampled_from([None, 5]))
def test_combined_against_filtering_and_sorting(case: Case, radius: int | None):
    met = [row for row in case.rows if case.met[row]]
    near = [row for row in met if radius is None or case.distances[row] <= radius]
    found = combined(pack(case.query), case.conditions, case.scope(radius=radius))
    assert found.ids.tolist() == case.first(case.distances, near)
    assert found.matched == len(near)
    alone = combined(None, case.conditions, case.scope(k=1000))
    assert sorted(alone.ids.tolist()) == case.table.ids[met].tolist()
    ranked = by_attributes(case.conditions, case.scope(k=1000)).ids.tolist()
    assert alone.ids.tolist() == [item for item in ranked if item in alone.ids]


@given(cases(), st.sampled_from(["category", "attribute", "combined"]))
def test_the_first_ten_of_more_are_the_top_ten(case: Case, task: Task):
    asked = choose(case.table.head) if task == "category" else case.conditions
    whole = rank(task, pack(case.query), asked, case.scope(k=1000)).ids.tolist()
    assert rank(task, pack(case.query), asked, case.scope()).ids.tolist() == whole[: case.k]


def test_by_hand():
    """Scores of red: -1, 3, -1, 1."""
    weight = np.array([[0, 0, 0, 0, 0, 0, 4, -2]], np.float32)
    head = LinearHead(("red",), weight, np.ones(1, np.float32))
    codes = np.array([[0b1], [0b11], [0b1], [0b10000000]], np.uint8)
    table = table_of(head, np.array([3, 4, 6, 9]), codes)
    query, conditions = np.array([0b1], np.uint8), choose(head, want=["red"])

    def ids(found: Ranking) -> list[int]:
        return found.ids.tolist()

    everything = Scope(table, table.blocks.everything, 3)
    assert ids(by_category(query, everything)) == [3, 6, 4]
    assert ids(by_attributes(conditions, everything)) == [4, 9, 3]
    found = combined(query, conditions, everything)
    assert (ids(found), found.matched) == ([4, 9], 2)
    without = Scope(table, table.without(3), 3, radius=1)
    found = by_category(query, without)
    assert (ids(found), found.matched) == ([6, 4], 2)


QUERY = np.zeros(1, np.uint8)
HEAD = LinearHead(("red",), np.ones((1, 8), np.float32), np.zeros(1, np.float32))
TABLE = table_of(HEAD, np.arange(2), np.zeros((2, 1), np.uint8))


@pytest.mark.parametrize(
    ("task", "query", "want", "limits", "said"),
    [
        ("categroy", QUERY, (), {}, "no task 'categroy'. Did you mean 'category'"),
        ("category", None, (), {}, "category needs a query"),
        ("category", QUERY, ("red",), {}, "category takes no attributes"),
        ("attribute", QUERY, (), {}, "attribute needs at least one attribute"),
        ("combined", QUERY, (), {}, "combined needs at least one attribute"),
        ("category", QUERY, (), {"k": 0}, "results k must be at least 1, not 0"),
        ("category", QUERY, (), {"radius": -1}, "range of distances must be at least 0, not -1"),
        ("category", QUERY, (), {"threads": 0}, "threads must be at least 1, not 0"),
        ("attribute", QUERY, ("red",), {"radius": 3}, "range of distances needs a query, and"),
        ("combined", None, ("red",), {"radius": 3}, "range of distances needs a query, and"),
    ],
)
def test_what_makes_no_query_is_refused(task, query, want, limits, said):
    def search() -> None:
        scope = Scope(TABLE, TABLE.blocks.everything, **{"k": 1, **limits})
        rank(task, query, choose(HEAD, want=want), scope)

    with pytest.raises(DualhashError, match=said):
        search()
