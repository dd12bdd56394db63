"""Searches by posterior, in Python; `kernels/test_posterior.py` tests the ranking."""

from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Calibration, Model, unpack
from dualhash.codes.calibration import Posterior
from dualhash.errors import DualhashError
from dualhash.search import Index
from dualhash.search.ranking.by_posterior import DEFAULT_POSTERIOR
from tests.builders import colour_model
from tests.oracles import search as oracle
from tests.search.stored_codes import stored

ITEMS = 90
BETTER = Calibration(posterior=Posterior(epsilon=0.02, tau=4, better=True))
WORSE = Calibration(posterior=Posterior(epsilon=0.02, tau=4))


def filled(folder: Path, model: Model) -> Index:
    rng = np.random.default_rng(0)
    index = Index.create(folder / "shapes.dhx", model)
    index.add(rng.integers(0, 256, (ITEMS, 2), dtype=np.uint8), [""] * ITEMS)
    return index


@pytest.fixture
def index(tmp_path: Path):
    with filled(tmp_path, colour_model(tmp_path / "model", calibration=BETTER)) as opened:
        yield opened


def ids(results) -> list[int]:
    return [hit.id for hit in results]


def expected_scores(index: Index, query: int | None, category: str | None, **wanted: bool):
    """By the calibrated heads, one item at a time."""
    header, (_, codes) = index.header, stored(index)
    rows = unpack(codes).tolist()
    of_category, of_attribute = (
        list(zip(each.weight.tolist(), each.bias.tolist(), strict=True))
        for each in (
            header.calibrated_category_head,
            header.calibrated_attribute_head.take(
                [header.attribute_head.names.index(name) for name in wanted]
            ),
        )
    )
    constants = header.calibration.posterior or DEFAULT_POSTERIOR
    names = header.category_head.names
    wished = [float(name == category) for name in names]
    if query is not None:
        wished = oracle.softmax(rows[query], of_category)
    return [
        oracle.posterior_score(
            wished,
            row,
            of_category,
            of_attribute,
            list(wanted.values()),
            epsilon=0 if query is None else constants.epsilon,
            distance_share=0 if query is None else oracle.hamming(rows[query], row) / constants.tau,
        )
        for row in rows
    ]


def check(index: Index, results, scores: list[float], left_out: int | None = None) -> None:
    expected = sorted(range(ITEMS), key=lambda item: (-scores[item], item))
    assert ids(results) == [item for item in expected if item != left_out][: len(results)]
    found = [hit.score for hit in results]
    np.testing.assert_allclose(found, [scores[item] for item in ids(results)], rtol=1e-5)


def test_results_are_those_of_a_full_sort(index: Index):
    results = index.search(3, task="posterior", want="red", without="blue", k=ITEMS)
    check(index, results, expected_scores(index, 3, None, red=True, blue=False), left_out=3)
    assert results.matched == len(results) == ITEMS - 1
    hit, header = results[0], index.header
    (own, found) = header.predict(np.stack([results.query.code, hit.code]))
    assert hit.distance == np.bitwise_count(hit.code ^ results.query.code).sum()
    assert hit.probabilities["red"] == found.attributes["red"]
    joint = found.attributes["red"] * (1 - found.attributes["blue"])
    total = np.log(0.02 + hit.category_probability) + np.log(joint) - hit.distance / 4
    assert hit.score == pytest.approx(total)
    assert own.probability < 1


def test_it_needs_no_attributes(index: Index):
    results = index.search("id:3", task="posterior", k=9)
    check(index, results, expected_scores(index, 3, None), left_out=3)


def test_a_category_can_be_named_in_place_of_a_query(index: Index):
    results = index.search(category="square", want="green", k=ITEMS)
    check(index, results, expected_scores(index, None, "square", green=True))
    assert (results.task, results.category, results.query) == ("posterior", "square", None)
    assert results[0].distance is None
    alone = index.search(category="square", k=1)[0]
    predicted = index.header.predict(alone.code[None])[0]
    assert predicted.category == "square"
    assert alone.category_probability == pytest.approx(predicted.probability)
    assert alone.score == pytest.approx(np.log(predicted.probability))


def test_results_say_what_was_searched(index: Index):
    named = index.search(category="square", want="green", k=2)
    assert named.words == "square, green"
    assert named.found == "the first 2 of 90, most probable first"
    assert [*named.readings(named[0])] == named.reading_names == ["square", "green"]
    assert index.search(category="square", k=2).words == "square"
    shown = index.search(3, want="green", k=2)
    assert shown.words == "Same kind, but green"
    assert shown.readings(shown[0])["same kind"] == shown[0].category_probability
    assert "category_probability" in shown.to_polars().columns
    assert shown.as_dict()["hits"][0]["category_probability"] == shown[0].category_probability


def test_pages_filters_ranges_and_batches_give_the_same_order(index: Index):
    options = {"task": "posterior", "want": ["red"]}
    whole = ids(index.search(3, k=ITEMS, **options))
    assert ids(index.search(3, k=4, offset=5, **options)) == whole[5:9]
    some = ids(index.search(3, k=ITEMS, ids=(10, 40), **options))
    assert some == [item for item in whole if 10 <= item < 40]
    (batched, named) = index.search_batch(["id:3", "id:5"], k=ITEMS, **options)
    assert ids(batched) == whole
    assert ids(named) == ids(index.search(5, k=ITEMS, **options))
    assert ids(index.search(3, k=ITEMS, threads=3, **options)) == whole


def test_items_that_are_added_changed_or_deleted_are_ranked_alike(tmp_path: Path, index: Index):
    def same_as_a_new_index() -> None:
        numbers, codes = stored(index)
        header = index.header
        with Index.from_codes(
            tmp_path / "again.dhx",
            codes,
            category_head=header.calibrated_category_head,
            attribute_head=header.calibrated_attribute_head,
            replace=True,
        ) as again:
            expected = ids(again.search(category="circle", want="red", k=200))
        found = ids(index.search(category="circle", want="red", k=200))
        assert found == [int(numbers[row]) for row in expected]

    same_as_a_new_index()
    index.add(np.random.default_rng(1).integers(0, 256, (70, 2), dtype=np.uint8), [""] * 70)
    same_as_a_new_index()
    index.update(7, code=np.array([255, 255], np.uint8))
    same_as_a_new_index()
    index.delete([3, 80])
    same_as_a_new_index()


def test_it_is_the_default_of_same_kind_but_if_the_model_says_so(tmp_path: Path, index: Index):
    assert index.search(3, want="red").task == "posterior"
    assert next(index.search_batch(["id:3"], want="red")).task == "posterior"
    for options in ({"threshold": 0.4}, {"radius": 9}):
        assert index.search(3, want="red", **options).task == "combined"
    assert index.search(want="red").task == "attribute"
    for number, calibration in enumerate((WORSE, Calibration())):
        folder = tmp_path / str(number)
        folder.mkdir()
        with filled(folder, colour_model(folder / "model", calibration=calibration)) as other:
            assert other.search(3, want="red").task == "combined"
            scores = expected_scores(other, 3, None, red=True)
            check(other, other.search(3, task="posterior", want="red"), scores, left_out=3)


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        (None, {"category": "sqare"}, "no category 'sqare'. Did you mean 'square'"),
        (3, {"category": "square"}, "takes the place of a query"),
        (None, {"category": "square", "task": "attribute", "want": "red"}, "the task posterior"),
        (None, {"task": "posterior", "want": "red"}, "needs a query .* or a `category`"),
        (None, {"category": "square", "match": "red"}, "`match` needs a query"),
        (3, {"task": "posterior", "want": "red", "radius": 4}, "`radius` needs"),
        (3, {"task": "posterior", "want": "red", "threshold": 0.4}, "`threshold` needs"),
        (None, {"category": 3}, "`category` must be"),
    ],
)
def test_searches_that_are_not_possible_are_refused(index: Index, query, options, message: str):
    with pytest.raises(DualhashError, match=message):
        index.search(query, **options)


def test_an_index_without_categories_says_so(tmp_path: Path):
    with (
        Index.from_codes(tmp_path / "codes.dhx", np.zeros((3, 2), np.uint8)) as index,
        pytest.raises(DualhashError, match="predicts no categories"),
    ):
        index.search(0, task="posterior")
