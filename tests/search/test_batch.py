"""Many queries at once give what each of them gives alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualhash.codes import Model
from dualhash.codes.encoder import Failure
from dualhash.errors import DualhashError
from dualhash.search import Index, Results
from dualhash.search.ranking import execute
from tests.builders import colour_image, vector_model

ITEMS = 60


@pytest.fixture
def many(tmp_path: Path, model: Model):
    """Sixty items, many of them duplicates, some deleted."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (12, 2), np.uint8)[rng.integers(0, 12, ITEMS)]
    with Index.create(tmp_path / "many.dhx", model) as index:
        index.add(codes, ["x"] * ITEMS, [{"even": i % 2 == 0} for i in range(ITEMS)])
        index.delete([3, 17])
        yield index


OPTIONS = st.one_of(
    st.fixed_dictionaries({}, optional={"radius": st.integers(0, 16)}),
    st.fixed_dictionaries(
        {"task": st.sampled_from(["attribute", "combined", "weighted"])},
        optional={"match": st.just(["blue"]), "without": st.just(["green"])},
    ).map(lambda options: options | {"want": ["red"]}),
    st.builds(
        lambda threshold: {"task": "combined", "want": ["red"], "threshold": threshold},
        st.sampled_from([0.1, 0.7]),
    ),
    st.just({"task": "attribute", "match": ["red", "green", "blue"]}),
    st.just({"task": "weighted", "match": ["red"], "attribute_weight": 1.5}),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.integers(4, 16), st.binary(min_size=2, max_size=2)), max_size=11),
    OPTIONS,
    st.fixed_dictionaries(
        {"k": st.sampled_from([1, 7, 100])},
        optional={"filter": st.just({"even": True}), "ids": st.just((5, 40))},
    ),
    st.integers(1, 2),
)
def test_a_batch_gives_the_results_of_single_searches(
    many: Index, queries: list, options: dict, limits: dict, threads
):
    codes = [np.frombuffer(q, np.uint8) if isinstance(q, bytes) else q for q in queries]
    together = list(many.search_batch(codes, **options, **limits, threads=threads))
    assert len(together) == len(codes)
    for query, found in zip(codes, together, strict=True):
        assert isinstance(found, Results)
        assert found.as_dict() == many.search(query, **options, **limits).as_dict()


def test_unusable_queries_are_named_and_skipped(
    tmp_path: Path, model: Model, many: Index, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(execute, "BATCH", 2)
    good = colour_image(tmp_path / "good.png", (200, 10, 20))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"damaged")
    queries = [good, bad, "id:3", "id:4", 1.5, np.zeros(3, np.uint8), str(good)]
    found = list(many.search_batch(queries))
    assert [isinstance(each, Results) for each in found] == [
        *(True, False, False, True, False, False, True)
    ]
    failures = [each for each in found if isinstance(each, Failure)]
    assert [failure.row for failure in failures] == [1, 2, 4, 5]
    assert "bad.png is not an image" in failures[0].reason
    assert "no item with the id 3" in failures[1].reason
    assert "not float" in failures[2].reason
    assert "16 bits" in failures[3].reason
    assert found[0].as_dict() == many.search(good).as_dict()


def test_images_are_skipped_if_the_model_takes_vectors(tmp_path: Path):
    photo, model = colour_image(tmp_path / "a.png", (1, 2, 3)), vector_model(tmp_path / "model", 4)
    with Index.create(tmp_path / "vectors.dhx", model) as index:
        index.add(features=np.eye(4, dtype=np.float32))
        failed, found, also_failed = index.search_batch([photo, 2, photo.read_bytes()], k=1)
        assert isinstance(found, Results)
        for row, failure in ((0, failed), (2, also_failed)):
            assert isinstance(failure, Failure)
            assert failure.row == row
            assert "takes vectors of 4 values, not images" in failure.reason
        with pytest.raises(DualhashError, match="takes vectors of 4 values, not images"):
            index.search(photo)


def test_queries_are_read_lazily(many: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(execute, "BATCH", 2)
    taken: list[int] = []

    def queries():
        for item in (4, 5, 6, 7, 8):
            taken.append(item)
            yield item

    results = many.search_batch(queries())
    assert taken == []
    assert next(results).query.id == 4
    assert taken == [4, 5]
    assert [found.query.id for found in results] == [5, 6, 7, 8]


def test_wrong_options_are_refused_before_the_first_query(many: Index):
    with pytest.raises(DualhashError, match="at least 1"):
        many.search_batch(["id:4"], k=0)
    with pytest.raises(DualhashError, match="needs at least one attribute"):
        many.search_batch(["id:4"], task="combined")
    with pytest.raises(DualhashError, match="Did you mean 'red'"):
        list(many.search_batch(["id:4"], task="combined", want=["rde"]))
