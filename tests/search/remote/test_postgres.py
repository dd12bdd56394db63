"""Searches on a real PostgreSQL with pgvector give what the index file gives."""

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dualhash.codes import Calibration, Model
from dualhash.codes.calibration import Posterior
from dualhash.codes.encoder import Failure
from dualhash.codes.linear_head import HEADS, LinearHead
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.remote import push as pushing
from dualhash.search.remote.postgres import index as postgres_index
from dualhash.search.remote.postgres.client import parse_address
from dualhash.search.remote.postgres.index import PostgresIndex
from dualhash.search.remote.postgres.table import CATALOGUE, IndexTable
from dualhash.search.remote.push import push
from tests.builders import colour_image, colour_model
from tests.search.remote.searches import CONDITIONS, ITEMS, LIMITS, QUERIES, TASKS, has

NUMBERS = count()
NAMES = ("red", "round")


@pytest.fixture
def place(database: str) -> str:
    """A table that is not there yet."""
    return table_of(database, f"t{next(NUMBERS)}")


def table_of(database: str, table: str, **parameters: object) -> str:
    more = "".join(f"&{name}={value}" for name, value in parameters.items())
    return database.replace("/postgres?", f"/postgres/{table}?") + more


@pytest.fixture(scope="module")
def both(shop: Path, database: str):
    """The index file and its copy."""
    push(shop, table_of(database, "both"))
    with Index.open(shop) as index, Index.open(table_of(database, "both")) as copy:
        assert isinstance(copy, PostgresIndex)
        yield index, copy


MORE_TASKS = st.one_of(
    TASKS,
    st.builds(
        lambda conditions, rest: conditions | rest,
        CONDITIONS,
        st.sampled_from(
            [
                {"task": "combined", "threshold": 0.9},
                {"task": "weighted"},
                {"attribute_weight": 0},
                {"attribute_weight": 1e6},
                {"task": "posterior"},
            ]
        ),
    ),
    st.just({"task": "posterior"}),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=200,
    phases=[Phase.explicit, Phase.generate],
)
@given(QUERIES, st.builds(dict.__or__, MORE_TASKS, LIMITS), st.sampled_from([0, 64]))
def test_results_match_the_index_file(
    both, monkeypatch: pytest.MonkeyPatch, query, options: dict, further: int
):
    """Without further rows, every first answer ends among rows that are as good."""
    index, copy = both
    query = np.frombuffer(query, np.uint8) if isinstance(query, bytes) else query
    missing = [
        field
        for field, value in options.get("filter", {}).items()
        if not any(has(item, field, value) for item in index)
    ]
    if missing:
        for one in both:
            with pytest.raises(DualhashError, match=f"^No item has {missing[0]}='"):
                one.search(query, **options)
        return
    expected = index.search(query, **options)
    with monkeypatch.context() as patch:
        patch.setattr(postgres_index, "FURTHER", further)
        found = copy.search(query, **options)
    assert found.as_dict() == expected.as_dict()
    for one, other in zip(found.hits, expected.hits, strict=True):
        assert one.labels == other.labels
        assert np.array_equal(one.code, other.code)


@pytest.mark.parametrize(
    "options",
    [
        {"want": ["red"], "without": ["blue"]},
        {"task": "combined", "want": ["red"], "without": ["blue"]},
        {"category": "circle"},
        {"category": "circle", "want": ["green"]},
    ],
)
def test_searches_without_a_query_match_the_index_file(both, options: dict):
    index, copy = both
    for k in (5, 300):
        assert copy.search(k=k, **options).as_dict() == index.search(k=k, **options).as_dict()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 40.0, 1000.0])
def test_extreme_scores_match_the_index_file(place: str, tmp_path: Path, scale: float):
    """Probabilities that are nearly equal, are 0 or 1 in float64, or too small for float32."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (300, 8), np.uint8)
    heads = [
        LinearHead(names, scale * rng.normal(size=(3, 64)).astype("f4"), np.zeros(3, np.float32))
        for names in (("a", "b", "c"), ("x", "y", "z"))
    ]
    with Index.from_codes(
        tmp_path / "codes.dhx", codes, category_head=heads[0], attribute_head=heads[1]
    ) as index:
        push(index.path, place)
        with Index.open(place) as copy:
            for options in (
                {"task": "attribute"},
                {"task": "combined"},
                {"attribute_weight": 7.5},
                {"task": "posterior"},
            ):
                for k in (1, 20, 200):
                    wish = {"want": ["x"], "without": ["y"], "k": k} | options
                    assert copy.search(1, **wish).as_dict() == index.search(1, **wish).as_dict()
            named = {"category": "b", "want": ["z"], "k": 50}
            assert copy.search(**named).as_dict() == index.search(**named).as_dict()


def test_codes_with_ranking_bits_match_the_index_file(place: str, tmp_path: Path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (40, 3), np.uint8)
    head = LinearHead(NAMES, rng.normal(size=(2, 24)).astype("f4"), np.zeros(2, np.float32))
    path = tmp_path / "codes.dhx"
    with Index.from_codes(path, codes, attribute_head=head, ranking_bits=8) as index:
        push(path, place)
        with Index.open(place) as copy:
            assert copy.get(2).code.tolist() == codes[2].tolist()
            for options in (
                {},
                {"radius": 3},
                {"want": "red"},
                {"attribute_weight": 2, "want": "red"},
                {"task": "attribute", "match": NAMES},
            ):
                assert copy.search(1, **options).as_dict() == index.search(1, **options).as_dict()
            index.update(1, code=codes[0])
            assert push(path, place).updated == 1
            assert copy.get(1).code.tolist() == codes[0].tolist()


def test_a_preference_for_posterior_is_kept(place: str, tmp_path: Path):
    model = colour_model(
        tmp_path / "model",
        calibration=Calibration(posterior=Posterior(epsilon=0.02, tau=32, better=True)),
    )
    with Index.create(tmp_path / "x.dhx", model) as index:
        index.add(np.arange(40, dtype=np.uint8).reshape(20, 2), ["x"] * 20)
        push(index.path, place)
        with Index.open(place) as copy:
            found = copy.search(3, want=["red"])
            assert found.task == "posterior"
            assert found.as_dict() == index.search(3, want=["red"]).as_dict()


def test_properties_match_the_index_file(both):
    index, copy = both
    assert len(copy) == len(index) == ITEMS - 4
    for field in ("bits", "views", "model_hash", "model_folder", "calibration", "ranking_bits"):
        assert getattr(copy.header, field) == getattr(index.header, field)
    for head in HEADS:
        one, other = getattr(copy.header, head), getattr(index.header, head)
        assert one.names == other.names
        assert np.array_equal(one.weight, other.weight)
        assert np.array_equal(one.bias, other.bias)


def test_images_and_batches_match_the_index_file(both, tmp_path: Path):
    index, copy = both
    image = colour_image(tmp_path / "red.png", (250, 10, 20))
    queries = [image, image.read_bytes(), 3, "id:77777", tmp_path / "none.png", b"damaged"]
    found, expected = (list(each.search_batch(queries, k=3)) for each in (copy, index))
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Failure):
            assert one.row == other.row
        else:
            assert one.as_dict() == other.as_dict()


def test_codes_without_heads_are_pushed_and_searched(place: str, tmp_path: Path):
    codes = np.array([[0, 0], [1, 0], [255, 255]], np.uint8)
    payload = [{"n": 1e22, "z": -0.0, "a": ["\0", {"b": None}]}, {}, {}]
    with Index.from_codes(tmp_path / "codes.dhx", codes, payload=payload) as index:
        push(index.path, place)
        with Index.open(place) as copy:
            assert copy.header.model_folder is None
            assert copy.search(1).as_dict() == index.search(1).as_dict()
            assert str(copy.get(0).payload) == str(payload[0])
            with pytest.raises(DualhashError, match="without a model"):
                copy.search(tmp_path / "none.png")
            with pytest.raises(DualhashError, match="no category head"):
                copy.search(1, task="posterior")


def test_an_empty_index_can_be_pushed(place: str, tmp_path: Path):
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        assert push(tmp_path / "x.dhx", f"{place}&ef_search=10").recall is None
        with Index.open(place) as copy:
            assert len(copy) == 0
            code = np.zeros(2, np.uint8)
            assert copy.search(code).as_dict() == index.search(code).as_dict()
            assert not copy.search(task="attribute", want=["red"]).hits


def test_exact_searches_use_no_approximate_index(
    place: str, shop: Path, monkeypatch: pytest.MonkeyPatch
):
    """Even where PostgreSQL is told to avoid reading all rows."""
    report = push(shop, f"{place}&ef_search=40")
    assert report.recall is not None
    assert 0 < report.recall <= 1
    only_indexes = f"{place}&options=-c%20enable_seqscan%3Doff"
    with Index.open(only_indexes) as copy, Index.open(shop) as index:
        assert copy.search(3, k=5).as_dict() == index.search(3, k=5).as_dict()
        assert "_hnsw" not in plan_of(copy, monkeypatch)
    with Index.open(f"{only_indexes}&ef_search=1") as copy:
        assert copy.search(3, k=5).matched == ITEMS - 5
        assert "_hnsw" in plan_of(copy, monkeypatch)


def plan_of(copy: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> str:
    """How PostgreSQL ranks the items of a search."""
    asked: list[tuple] = []
    rows = copy._table.rows
    with monkeypatch.context() as patch:
        patch.setattr(copy._table, "rows", lambda *sql: asked.append(sql) or rows(*sql))
        assert len(copy.search(3, k=5).hits) == 5
    (ranking,) = (sql for sql in asked if "ORDER BY" in sql[0])
    return str(rows(f"EXPLAIN {ranking[0]}", *ranking[1:]))


def test_an_approximate_search_meets_filters(place: str, shop: Path):
    push(shop, f"{place}&ef_search=1000")
    with Index.open(f"{place}&ef_search=1000") as copy:
        hits = copy.search(3, want=["red"], task="combined", filter={"year": 2001}, k=9).hits
        assert hits
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
        assert {hit.payload["year"] for hit in hits} == {2001}
        assert not copy.search(3, radius=16, offset=ITEMS).hits


def test_an_interrupted_push_leaves_the_former_state(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pushing, "BATCH", 10)

    def stop(done: int, total: int) -> None:
        assert total == 100
        if done == 40:
            raise KeyboardInterrupt

    rng = np.random.default_rng(5)
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        index.add(rng.integers(0, 256, (100, 2), np.uint8), ["x"] * 100)
        with pytest.raises(KeyboardInterrupt):
            push(index.path, place, progress=stop)
        with pytest.raises(DualhashError, match="holds no index"):
            Index.open(place)
        seen: list[int] = []
        assert push(index.path, place, progress=lambda done, _: seen.append(done)).added == 100
        assert seen[-1] == 100
        before = index.search(7, k=100).as_dict()
        index.update(3, code=np.array([1, 2], np.uint8))
        index.delete([4])
        index.add(np.zeros((1, 2), np.uint8), ["y"])
        with pytest.raises(KeyboardInterrupt):
            push(index.path, place, progress=stop)
        with Index.open(place) as copy:
            assert copy.search(7, k=100).as_dict() == before
            report = push(index.path, place)
            assert (report.added, report.updated, report.deleted, report.unchanged) == (1, 1, 1, 98)
            assert copy.search(7, k=100).as_dict() == index.search(7, k=100).as_dict()


KILLED = """
import os, signal, sys
from dualhash.search.remote import push
push.BATCH = 10
push.push(sys.argv[1], sys.argv[2],
    progress=lambda done, total: done < 40 or os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_push_leaves_the_former_state(tmp_path: Path, place: str):
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        index.add(np.zeros((100, 2), np.uint8), ["x"] * 100)
        push(index.path, place)
        index.replace(range(100), np.ones((100, 2), np.uint8), ["y"] * 100)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(index.path), place],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        with Index.open(place) as copy:
            assert not any(copy.get(item).code.any() for item in range(100))
        assert push(index.path, place).updated == 100


def test_a_second_push_copies_changes(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pushing, "BATCH", 3)
    file, rng = tmp_path / "x.dhx", np.random.default_rng(2)
    with Index.create(file, colour_model(tmp_path / "model")) as index:
        index.add(rng.integers(0, 256, (30, 2), np.uint8), ["x"] * 30)
        push(file, place)
        with Index.open(place) as copy:
            index.delete([0, *range(8, 20), 28, 29])
            index.update(3, payload={"new": 1})
            index.update(4, code=np.array([1, 2], np.uint8))
            index.update(5, labels=ItemLabels("circle"))
            index.add(rng.integers(0, 256, (4, 2), np.uint8), ["y"] * 4)
            report = push(file, place)
            counts = (report.added, report.updated, report.deleted, report.unchanged)
            assert counts == (4, 3, 15, 12)
            assert len(copy) == len(index) == 19
            for options in ({}, {"filter": {"new": 1}}, {"filter": {"category": "circle"}}):
                mine, theirs = (each.search(4, k=99, **options) for each in (index, copy))
                assert theirs.as_dict() == mine.as_dict()
                assert theirs.hits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": {"yaer": 1}}, r"No item has a field 'yaer'. Did you mean 'year'"),
        ({"task": "combined"}, "needs at least one attribute"),
        ({"want": ["rde"]}, "There is no attribute 'rde'. Did you mean 'red'"),
        ({"task": "combined", "want": ["red"], "precision": 0.9}, "needs a model with thresholds"),
    ],
)
def test_invalid_searches_are_refused(both, options: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        both[1].search(1, **options)
    with pytest.raises(DualhashError, match="has no item with the id 7"):
        both[1].search("id:7")
    with pytest.raises(DualhashError, match="needs a query"):
        both[1].search()


def test_another_model_is_refused(shop: Path, place: str, tmp_path: Path):
    other = colour_model(tmp_path / "other", seed=9)
    with Index.create(tmp_path / "other.dhx", other) as index:
        index.add(np.zeros((1, 2), np.uint8), ["x"])
    push(shop, place)
    with pytest.raises(DualhashError, match=r"holds codes of another model than .*other.dhx"):
        push(tmp_path / "other.dhx", place)
    with pytest.raises(DualhashError, match=r"holds codes of another model than .*other"):
        Index.open(place, other)
    with Index.open(place, Model.open(shop.parent / "model")) as copy:
        assert len(copy) == ITEMS - 4


def test_tables_of_other_programs_are_not_touched(shop: Path, place: str):
    table = IndexTable(parse_address(place))
    table.execute(f"CREATE TABLE {table.name} (a int)")
    with pytest.raises(DualhashError, match="is a table that dualhash did not create"):
        push(shop, place)
    with pytest.raises(DualhashError, match="holds no index"):
        Index.open(place)
    assert table.rows(f"SELECT * FROM {table.name}") == []


def test_a_newer_format_is_named(shop: Path, place: str):
    push(shop, place)
    table = IndexTable(parse_address(place))
    table.execute(f"UPDATE {CATALOGUE} SET format = 2 WHERE name = %s", table.address.table)
    with pytest.raises(DualhashError, match=r"has format 2; .* reads formats up to 1"):
        Index.open(place)
    table.execute(f"DROP TABLE {table.name}")
    with pytest.raises(DualhashError, match="holds no index"):
        Index.open(place)
    assert push(shop, place).added == ITEMS - 4


def test_several_tables_are_listed(both, database: str, shop: Path):
    push(shop, table_of(database, "both2"))
    with pytest.raises(DualhashError, match=r"several indexes: .*both.* Choose one, as in "):
        Index.open(database)


def test_a_nul_character_is_refused(tmp_path: Path, place: str):
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        index.add(np.zeros((1, 2), np.uint8), ["x"], [{"text": "a\0b"}])
    with pytest.raises(DualhashError, match="Item 0 has a NUL character"):
        push(tmp_path / "x.dhx", place)


def test_unreachable_servers_are_named_without_the_password(shop: Path):
    pytest.importorskip("psycopg")
    address = "postgresql://me:secret@127.0.0.1:9/shop/x"
    for use in (lambda: Index.open(address), lambda: push(shop, address)):
        with pytest.raises(
            DualhashError, match=r"^postgresql://me@127.0.0.1:9/shop/x cannot be used now: "
        ) as failure:
            use()
        assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    ("address", "shown", "server"),
    [
        ("postgres://h/db", "postgresql://h/db", "postgresql://h/db"),
        ("postgresql://u:p%40@h:1/d/t", "postgresql://u@h:1/d/t", "postgresql://u:p%40@h:1/d"),
        (
            "postgresql:///db/t?host=/tmp/a&password=p&ef_search=40",
            "postgresql:///db/t?host=/tmp/a&ef_search=40",
            "postgresql:///db?host=/tmp/a&password=p",
        ),
    ],
)
def test_addresses_are_parsed(address: str, shown: str, server: str):
    parsed = parse_address(address)
    assert str(parsed) == shown
    assert parsed.server == server


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("postgresql://h/db/a-b", "at most 54 letters, digits and underscores"),
        ("postgresql://h/db/a/b", "at most 54 letters, digits and underscores"),
        ("postgresql://h/db/t?ef_search=0", "from 1 to 1,000, not '0'"),
        ("postgresql://[h/db", "has the form postgresql://host/database/table"),
    ],
)
def test_invalid_addresses_are_refused(address: str, message: str):
    with pytest.raises(DualhashError, match=message):
        parse_address(address)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DualhashError, match=r"pip install 'dualhash\[postgres\]'"):
        Index.open("postgresql://host/db")
