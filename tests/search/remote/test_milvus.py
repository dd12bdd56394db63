"""Searches on Milvus Lite and on a real server give what the index file gives."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dualhash.codes import Calibration, Model
from dualhash.codes.encoder import Failure
from dualhash.codes.linear_head import HEADS, LinearHead
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.remote import push as pushing
from dualhash.search.remote.milvus import client as connection
from dualhash.search.remote.milvus import collection
from dualhash.search.remote.milvus import exact_topk as ranking
from dualhash.search.remote.milvus import index as milvus_index
from dualhash.search.remote.milvus import push as milvus_push
from dualhash.search.remote.milvus.client import parse_address
from dualhash.search.remote.milvus.collection import connect
from dualhash.search.remote.milvus.index import MilvusIndex
from dualhash.search.remote.milvus.metadata import read_state
from dualhash.search.remote.push import push
from dualhash.search.storage.rows import checksum
from tests.builders import colour_image, colour_model
from tests.search.remote.searches import ITEMS, LIMITS, QUERIES, TASKS, has

NUMBERS = count()
ADDED_IN_FORMAT_2 = ("calibration", "ranking_bits")
NAMES = ("red", "round")


@pytest.fixture
def place(milvus: str) -> str:
    """A collection that is not there yet."""
    return f"{milvus}/c{next(NUMBERS)}"


@pytest.fixture(scope="module")
def both(shop: Path, milvus: str):
    """The index file and its copy."""
    push(shop, f"{milvus}/both")
    with Index.open(shop) as index, Index.open(f"{milvus}/both") as copy:
        assert isinstance(copy, MilvusIndex)
        yield index, copy


def searches(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Calls a test with many searches.

    Of 16 items at most an answer is cut among ties, which are then sought by ranges of ids.
    """
    options = st.builds(dict.__or__, TASKS, LIMITS)
    many = settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
    )
    most = st.sampled_from([16, ranking.MAX_ROWS])
    return lambda test: many(given(query=QUERIES, options=options, most=most)(test))


@pytest.mark.parametrize("milvus", ["lite"], indirect=True, scope="session")
@searches(150)
def test_results_match_the_index_file(
    both, monkeypatch: pytest.MonkeyPatch, query, options: dict, most: int
):
    compare(both, monkeypatch, query, options, most)


@pytest.mark.parametrize("milvus", ["standalone"], indirect=True, scope="session")
@searches(20)
def test_results_of_a_server_match_the_index_file(
    both, monkeypatch: pytest.MonkeyPatch, query, options: dict, most: int
):
    """The same, with few examples: each request waits for the newest writes."""
    compare(both, monkeypatch, query, options, most)


def compare(both, monkeypatch: pytest.MonkeyPatch, query, options: dict, most: int) -> None:
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
        patch.setattr(ranking, "MAX_ROWS", most)
        found = copy.search(query, **options)
    assert found.as_dict() == expected.as_dict()
    for one, other in zip(found.hits, expected.hits, strict=True):
        assert one.labels == other.labels
        assert np.array_equal(one.code, other.code)


@pytest.mark.parametrize("task", ["attribute", "combined", None])
def test_searches_without_a_query_match_the_index_file(both, task: str):
    index, copy = both
    options = {"task": task, "want": ["red"], "without": ["blue"], "k": 300}
    assert copy.search(**options).as_dict() == index.search(**options).as_dict()


def test_properties_match_the_index_file(both, shop: Path):
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
    pixels = np.full((5, 4, 3), (250, 10, 20), np.uint8)
    queries = [image, image.read_bytes(), pixels, 3, "id:77777", tmp_path / "none.png", b"damaged"]
    found, expected = (list(each.search_batch(queries, k=3)) for each in (copy, index))
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Failure):
            assert one.row == other.row
        else:
            assert one.as_dict() == other.as_dict()


def test_codes_without_a_model_are_pushed_and_searched(place: str, tmp_path: Path):
    codes = np.array([[0, 0], [1, 0], [255, 255]], np.uint8)
    with Index.from_codes(tmp_path / "codes.dhx", codes) as index:
        push(index.path, place)
        with Index.open(place) as copy:
            assert copy.header.model_folder is None
            assert copy.search(1).as_dict() == index.search(1).as_dict()
            assert copy.get(2).code.tolist() == [255, 255]
            with pytest.raises(DualhashError, match="without a model"):
                copy.search(tmp_path / "none.png")


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
                {"task": "attribute", "match": NAMES},
            ):
                assert copy.search(1, **options).as_dict() == index.search(1, **options).as_dict()
            index.update(1, code=codes[0])
            assert push(path, place).updated == 1
            assert copy.get(1).code.tolist() == codes[0].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"task": "weighted", "want": ["red"]},
            "cannot run searches with the task weighted; search the index file",
        ),
        ({"task": "posterior", "want": ["red"]}, "the task posterior; search the index file"),
        ({"task": "combined", "want": ["red"], "threshold": 0.7}, "at the default threshold"),
        ({"k": 9000}, "8,192 results at most, not 9,000"),
        ({"filter": {"yaer": 1}}, r"No item has a field 'yaer'. Did you mean 'year'"),
        ({"task": "combined"}, "needs at least one attribute"),
        ({"task": "attribute", "want": ["red"], "radius": 3}, "`radius` needs a query"),
        ({"task": "category", "want": ["red"]}, "takes no attributes"),
    ],
)
def test_invalid_searches_are_refused(both, options: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        both[1].search(1, **options)


def test_missing_ids_are_refused(both):
    with pytest.raises(DualhashError, match="has no item with the id 7"):
        both[1].search("id:7")
    with pytest.raises(DualhashError, match="needs a query"):
        both[1].search()


def test_coarse_inner_products_are_refused(both, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(milvus_index, "ROUNDING", 0.0)
    monkeypatch.setattr(milvus_index, "SLACK", 0.0)
    apart = both[1]._collection.logs_apart  # two collections may differ for another reason
    message = "was changed during the search" if apart else "less precisely than float32"
    with pytest.raises(DualhashError, match=message):
        both[1].search(task="attribute", want=["red", "blue"])


def test_an_interrupted_push_continues(shop: Path, place: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pushing, "BATCH", 10)

    def stop(done: int, total: int) -> None:
        assert total == ITEMS - 4
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(shop, place, progress=stop)
    with pytest.raises(DualhashError, match="is not complete: the first push"):
        Index.open(place)
    seen: list[int] = []
    report = push(shop, place, progress=lambda done, _: seen.append(done))
    assert (report.added, report.updated, report.deleted, report.unchanged) == (76, 0, 0, 40)
    assert seen[-1] == ITEMS - 4
    again = push(shop, place)
    assert (again.added, again.updated, again.deleted, again.unchanged) == (0, 0, 0, ITEMS - 4)


def test_a_push_continues_after_the_server_was_killed(
    milvus_server, shop: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pushing, "BATCH", 10)

    def address() -> str:
        return f"milvus://127.0.0.1:{milvus_server.listen_port}/killed"

    def kill(done: int, _: int) -> None:
        if done == 40:
            milvus_server.server_proc.kill()
            milvus_server.server_proc.wait()

    with monkeypatch.context() as patch:
        patch.setattr(collection, "TIMEOUT", 5)
        with pytest.raises(DualhashError, match="killed cannot be used now: "):
            push(shop, address(), progress=kill)
    milvus_server.start()
    with pytest.raises(DualhashError, match="is not complete: the first push"):
        Index.open(address())
    report = push(shop, address())
    assert (report.added + report.unchanged, report.deleted) == (ITEMS - 4, 0)
    with Index.open(address()) as copy, Index.open(shop) as index:
        assert copy._collection.logs_apart
        assert len(copy) == len(index)
        for options in (
            {"k": 200},
            {"task": "combined", "want": ["red"], "filter": {"year": 2001}},
            {"task": "attribute", "want": ["red"], "without": ["blue"], "k": 200},
        ):
            assert copy.search(3, **options).as_dict() == index.search(3, **options).as_dict()


def test_a_second_push_copies_changes(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pushing, "BATCH", 3)
    monkeypatch.setattr(collection, "MAX_ROWS", 8)
    monkeypatch.setattr(milvus_push, "MAX_ROWS", 8)
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
            assert (report.added, report.updated, report.deleted, report.unchanged) == (
                4,
                3,
                15,
                12,
            )
            assert len(copy) == len(index) == 19
            for options in ({}, {"filter": {"new": 1}}, {"filter": {"category": "circle"}}):
                mine, theirs = (each.search(4, k=99, **options) for each in (index, copy))
                assert theirs.as_dict() == mine.as_dict()
                assert theirs.hits


def test_an_empty_index_can_be_pushed(tmp_path: Path, place: str):
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        push(tmp_path / "x.dhx", place)
        with Index.open(place) as copy:
            assert len(copy) == 0
            code = np.zeros(2, np.uint8)
            assert copy.search(code).as_dict() == index.search(code).as_dict()
            assert not copy.search(task="attribute", want=["red"]).hits


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


def test_collections_of_other_programs_are_not_touched(shop: Path, place: str):
    opened = connect(parse_address(place), create=True)
    opened._client.create_collection(opened.address.collection, dimension=4)
    with pytest.raises(DualhashError, match="is a collection that dualhash did not create"):
        push(shop, place)
    with pytest.raises(DualhashError, match="holds no index"):
        Index.open(place)


def test_damage_and_newer_formats_are_named(shop: Path, place: str):
    push(shop, place)
    opened = connect(parse_address(place))
    opened.write_text(1, opened.texts([1])[1].replace("red", "rad"))
    with pytest.raises(DualhashError, match="is damaged: its heads have changed"):
        Index.open(place)
    opened.write_text(0, opened.texts([0])[0].replace('"format": 2', '"format": 3'))
    with pytest.raises(DualhashError, match=r"has format 3; .* reads formats up to 2"):
        Index.open(place)


def test_a_collection_of_format_1_is_read_and_brought_up_to_date(shop: Path, place: str):
    """Format 1 had no calibrated heads, and the attribute weight was called `soft` at first."""
    push(shop, place)
    opened = connect(parse_address(place))
    state = read_state(opened)
    heads = json.dumps(json.loads(opened.texts([1])[1])[:2])
    opened.write_text(1, heads)
    old = asdict(state) | {"format": 1, "soft": 2.5, "checksum": checksum(heads)}
    opened.write_text(0, json.dumps({k: old[k] for k in old if k not in ADDED_IN_FORMAT_2}))
    with Index.open(place) as copy:
        assert copy.header.calibration == Calibration(attribute_weight=2.5)
        assert np.array_equal(
            copy.header.calibrated_attribute_head.weight, copy.header.attribute_head.weight
        )
    push(shop, place)
    with Index.open(place) as copy, Index.open(shop) as index:
        assert np.array_equal(
            copy.header.calibrated_attribute_head.weight,
            index.header.calibrated_attribute_head.weight,
        )


def test_several_collections_are_listed(both, milvus: str, shop: Path):
    push(shop, f"{milvus}/both2")
    with pytest.raises(DualhashError, match=r"several collections: .*both.* Choose one, as in "):
        Index.open(milvus)


def test_a_long_payload_is_refused(tmp_path: Path, place: str):
    with Index.create(tmp_path / "x.dhx", colour_model(tmp_path / "model")) as index:
        index.add(np.zeros((1, 2), np.uint8), ["x"], [{"text": "x" * 70_000}])
    with pytest.raises(DualhashError, match="Item 0 is longer than 65,535 bytes"):
        push(tmp_path / "x.dhx", place)


def test_unreachable_servers_are_named(shop: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pymilvus")
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.3)
    for use in (
        lambda: Index.open("milvus://127.0.0.1:9/x"),
        lambda: push(shop, "http://127.0.0.1:9"),
    ):
        with pytest.raises(
            DualhashError, match=r"milvus://127.0.0.1:9/\w+ cannot be used now: .*runs"
        ):
            use()


def test_missing_files_are_refused(tmp_path: Path):
    pytest.importorskip("pymilvus")
    with pytest.raises(DualhashError, match=r"none.db does not exist. `dualhash index push`"):
        Index.open(f"milvus://{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_unknown_schemes_are_refused():
    with pytest.raises(DualhashError, match=r"scheme mulvis.*Did you mean 'milvus'"):
        Index.open("mulvis://host/x")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(DualhashError, match=r"pip install 'dualhash\[milvus\]'"):
        Index.open("milvus://host/x")
