from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import LinearHead, pack
from dualhash.search.kernels import bitmap_of
from dualhash.search.kernels.clusters import file_codes
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.ranking.rank import NO_ITEM, QueryBatch, RankedIds, SearchScope, rank
from dualhash.search.results import TASKS, Task
from dualhash.search.storage.rows import UNFILED
from tests.oracles import search as oracle
from tests.search.ranking.small_code_table import predicates

NAMES = ("red", "green", "blue")
RANKED_TASKS = [task for task in TASKS if task != "posterior"]
NO_QUERY = QueryBatch(None, np.array([NO_ITEM]))


@dataclass(frozen=True)
class Case:
    """A query, the bits of a table with many duplicates, conditions, and what may be found."""

    query: np.ndarray
    bits: np.ndarray
    ids: np.ndarray
    table: CodeTable
    head: LinearHead
    conditions: AttributePredicates
    allowed: np.ndarray
    k: int
    threads: int

    @property
    def rows(self) -> list[int]:
        return np.flatnonzero(self.allowed).tolist()

    @property
    def distances(self) -> list[int]:
        compared = self.table.codes.matrix.ranking_bits
        query = self.query[:compared].tolist()
        return [oracle.hamming(query, row) for row in self.bits[:, :compared].tolist()]

    @property
    def met(self) -> list[bool]:
        """For each code, whether all attributes are on the wanted side of the threshold."""
        head = self.conditions.head
        return [
            all(
                (oracle.probability(row, weight, bias) >= threshold) == wanted
                for weight, bias, wanted, threshold in zip(
                    head.weight.tolist(),
                    head.bias.tolist(),
                    self.conditions.wanted,
                    self.conditions.thresholds,
                    strict=True,
                )
            )
            for row in self.bits.tolist()
        ]

    def scope(self, k: int | None = None, radius: int | None = None) -> SearchScope:
        return SearchScope(self.table, self.set_of(self.allowed), k or self.k, radius, self.threads)

    def set_of(self, allowed: np.ndarray) -> np.ndarray:
        """The bitmap of the chosen rows."""
        return bitmap_of(self.table.by_id[allowed], self.table.codes.matrix.count)

    def found(
        self,
        task: Task,
        k: int | None = None,
        radius: int | None = None,
        attribute_weight: float = 0,
    ) -> RankedIds:
        conditions = predicates(self.head) if task == "category" else self.conditions
        (ranking,) = rank(
            task, one(self.query), conditions, self.scope(k, radius), attribute_weight
        )
        return ranking

    def first(self, keys: list[float], rows: list[int], k: int | None = None) -> list[int]:
        """Ids of the k smallest keys among some rows."""
        ids = self.ids
        return oracle.first([keys[i] for i in rows], [int(ids[i]) for i in rows], k or self.k)


def one(query: np.ndarray) -> QueryBatch:
    """A query of bits (k,) that is no item."""
    return QueryBatch(pack(query)[None], NO_QUERY.own)


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
    ids = np.sort(rng.choice(1000, n, replace=False))
    ranking_bits = draw(st.sampled_from([None, *range(8, 8 * width, 8)]))
    want = draw(st.sampled_from([["red"], ["red", "blue"], []]))
    return Case(
        query=kinds[0],
        bits=bits,
        ids=ids,
        table=table_of(ids, pack(bits), ranking_bits, draw(st.sampled_from([0, 0.7, 1]))),
        head=head,
        conditions=predicates(
            head, want=want, without=["green"], threshold=draw(st.sampled_from([0.5, 0.2, 0.9]))
        ),
        allowed=rng.random(n) < draw(st.sampled_from([0.1, 0.9, 1])),
        k=draw(st.integers(1, 15)),
        threads=draw(st.integers(1, 2)),
    )


def table_of(
    ids: np.ndarray, codes: np.ndarray, ranking_bits: int | None = None, clustered: float = 0
) -> CodeTable:
    """A share of the codes is in clusters, most others follow; some are replaced afterwards."""
    rng = np.random.default_rng(0)
    compared = codes[:, : (ranking_bits or 8 * codes.shape[1]) // 8]
    centres = compared[: 3 if clustered else 0]
    filed = np.full((len(codes), 2), UNFILED, np.uint16)
    chosen = rng.random(len(codes)) < clustered
    if len(centres):
        filed[chosen] = file_codes(compared[chosen], centres)
    first, old = 2 * len(codes) // 3, rng.random(len(codes)) < 0.1
    before = np.where(old[:, None], codes ^ 1, codes)
    filed[old] = UNFILED
    parts = [(ids[:first], before[:first])]
    table = CodeTable.empty(8 * codes.shape[1], ranking_bits).filled(parts, filed[:first], centres)
    return table.extended([(ids[first:], before[first:])]).replaced(ids[old], codes[old])


@given(cases(), st.sampled_from([None, 0, 3, 20]))
def test_category_ranking_matches_a_full_sort(case: Case, radius: int | None):
    found = case.found("category", radius=radius)
    near = [row for row in case.rows if radius is None or case.distances[row] <= radius]
    assert found.ids.tolist() == case.first(case.distances, near)
    place = dict(zip(case.ids.tolist(), case.distances, strict=True))
    assert found.distances.tolist() == [place[item] for item in found.ids.tolist()]
    assert found.matched == len(near)


@given(cases())
def test_attribute_ranking_matches_a_full_sort(case: Case):
    head = case.conditions.head
    heads = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    wanted = case.conditions.wanted.tolist()
    keys = [-oracle.joint(row, heads, wanted) for row in case.bits.tolist()]
    found = case.found("attribute")
    place = dict(zip(case.ids.tolist(), keys, strict=True))
    expected = case.first(keys, case.rows)
    np.testing.assert_allclose(
        [place[item] for item in found.ids.tolist()], [place[item] for item in expected], rtol=1e-5
    )
    evidence = case.conditions.evidence(case.table.codes_of(found.ids))
    assert found.probabilities.tolist() == [joint for joint, _ in evidence]
    assert found.matched == len(case.rows)


@given(cases())
def test_equal_codes_are_ordered_by_id(case: Case):
    found = case.found("attribute", k=1000).ids.tolist()
    code = dict(zip(case.ids.tolist(), map(bytes, pack(case.bits)), strict=True))
    for content in set(code.values()):
        same = [item for item in found if code[item] == content]
        assert same == sorted(same)


@given(cases(), st.sampled_from([None, 5]))
def test_combined_ranking_matches_filter_and_sort(case: Case, radius: int | None):
    met = [row for row in case.rows if case.met[row]]
    near = [row for row in met if radius is None or case.distances[row] <= radius]
    found = case.found("combined", radius=radius)
    assert found.ids.tolist() == case.first(case.distances, near)
    assert found.matched == len(near)
    (alone,) = rank("combined", NO_QUERY, case.conditions, case.scope(k=1000))
    assert sorted(alone.ids.tolist()) == case.ids[met].tolist()
    ranked = case.found("attribute", k=1000).ids.tolist()
    assert alone.ids.tolist() == [item for item in ranked if item in alone.ids]


@given(cases(), st.sampled_from([0, 0.5, 3, 40]))
def test_weighted_ranking_matches_a_full_sort(case: Case, attribute_weight: float):
    head = case.conditions.head
    heads = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    wanted = case.conditions.wanted.tolist()
    keys = [
        distance + oracle.weighted_cost(row, row, heads, wanted, attribute_weight)
        for row, distance in zip(case.bits.tolist(), case.distances, strict=True)
    ]
    found = case.found("weighted", attribute_weight=attribute_weight)
    place = dict(zip(case.ids.tolist(), keys, strict=True))
    expected = case.first(keys, case.rows)
    np.testing.assert_allclose(
        [place[item] for item in found.ids.tolist()], [place[item] for item in expected], rtol=1e-5
    )
    assert found.matched == len(case.rows)


@given(cases())
def test_weighted_ranking_with_weight_0_is_category_ranking(case: Case):
    assert (
        case.found("weighted", attribute_weight=0).ids.tolist()
        == case.found("category").ids.tolist()
    )


@given(cases(), st.sampled_from(RANKED_TASKS), st.sampled_from([None, 4]), st.data())
def test_a_batch_gives_the_results_of_single_queries(
    case: Case, task: Task, radius: int | None, data: st.DataObject
):
    """And those that are items find everything but themselves."""
    if task in ("attribute", "weighted"):
        radius = None
    conditions = predicates(case.head) if task == "category" else case.conditions
    places = st.integers(-1, len(case.bits) - 1)
    rows = np.array(data.draw(st.lists(places, min_size=1, max_size=9)))
    own = np.array([NO_ITEM if row < 0 else case.ids[row] for row in rows])
    bits = np.array([case.query if row < 0 else case.bits[row] for row in rows])
    many = rank(task, QueryBatch(pack(bits), own), conditions, case.scope(radius=radius), 2.0)
    for row, code, found in zip(rows, bits, many, strict=True):
        among = case.allowed.copy()
        if row >= 0:
            among[row] = False
        scope = replace(case.scope(radius=radius), allowed=case.set_of(among))
        (alone,) = rank(task, one(code), conditions, scope, 2.0)
        assert found.ids.tolist() == alone.ids.tolist()
        assert found.matched == alone.matched


@given(cases(), st.sampled_from(RANKED_TASKS))
def test_a_larger_k_keeps_the_first_results(case: Case, task: Task):
    whole = case.found(task, k=1000, attribute_weight=2).ids.tolist()
    assert case.found(task, attribute_weight=2).ids.tolist() == whole[: case.k]


def test_hand_worked_example():
    """Scores of red: -1, 3, -1, 1."""
    weight = np.array([[0, 0, 0, 0, 0, 0, 4, -2]], np.float32)
    head = LinearHead(("red",), weight, np.ones(1, np.float32))
    codes = np.array([[0b1], [0b11], [0b1], [0b10000000]], np.uint8)
    table = table_of(np.array([3, 4, 6, 9]), codes)
    query, red = (
        QueryBatch(np.array([[0b1]], np.uint8), NO_QUERY.own),
        predicates(head, want=["red"]),
    )
    scope = SearchScope(table, table.codes.matrix.everything, 3)

    def ids(task: Task, **options: float) -> list[int]:
        conditions = predicates(head) if task == "category" else red
        (found,) = rank(task, query, conditions, scope, **options)
        return found.ids.tolist()

    assert ids("category") == [3, 6, 4]
    assert ids("attribute") == [4, 9, 3]
    assert ids("combined") == [4, 9]
    # -log p: 1.313, 0.049, 1.313, 0.313; distances 0, 1, 0, 2
    assert ids("weighted", attribute_weight=0.5) == [3, 6, 4]
    assert ids("weighted", attribute_weight=1) == [4, 3, 6]
    assert ids("weighted", attribute_weight=3) == [4, 9, 3]
    itself = QueryBatch(query.codes, np.array([3]))
    (found,) = rank("category", itself, predicates(head), replace(scope, radius=1))
    assert (found.ids.tolist(), found.matched) == ([6, 4], 2)
