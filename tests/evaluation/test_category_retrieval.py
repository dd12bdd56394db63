import numpy as np
import pytest
from hypothesis import given, settings
from scipy.io import loadmat
from sklearn.metrics import average_precision_score

from dualhash.evaluation.category_retrieval import category_precisions, cvpr2017, ijcv2020
from tests.evaluation.random_codes import cases
from tests.oracles.evaluation import category_map


def one_draw(images):
    return np.ones((images, 1), dtype=np.uint8)


def perfect_codes(categories):
    """The number of the category, written in 16 bits."""
    return (categories[:, None] >> np.arange(16)) & 1 == 1


def bits(*rows):
    return np.array([[c == "1" for c in row] for row in rows])


@settings(max_examples=40, deadline=None)
@given(cases() | cases(real=True))
def test_every_draw_matches_the_naive_oracle(case):
    found = ijcv2020(case.codes, case.labels.categories, case.weights).figures["category_map"]
    expected = [category_map(case.codes, case.labels.categories, q) for q in case.draws()]
    np.testing.assert_allclose(found, expected)
    found = cvpr2017(case.codes, case.labels.categories, case.weights).figures["category_map"]
    expected = [
        category_map(case.codes, case.labels.categories, q, query_first=True) for q in case.draws()
    ]
    np.testing.assert_allclose(found, expected)


def test_hand_worked_example():
    codes = bits("0000", "0001", "0011", "1111")
    categories = np.array([0, 1, 0, 1])
    # 0: ranks 1, 2, 3 and its like is second, 1/2. 1: 0 and 2 tie ahead of 3, 1/3.
    # 2: 1 is nearer than 0 and 3, which tie, so 1/2 or 1/3. 3: 2, then 1: 1/2.
    expected = [1 / 2, 1 / 3, 5 / 12, 1 / 2]
    np.testing.assert_allclose(category_precisions(codes, categories), expected)


def test_matches_sklearn_without_ties():
    rng = np.random.default_rng(0)
    codes = rng.random((300, 16)).astype(np.float32)
    categories = rng.integers(0, 5, 300)
    found = category_precisions(codes, categories)
    for query in range(0, 300, 37):
        others = np.delete(np.arange(300), query)
        distances = ((codes[others].astype(np.float64) - codes[query]) ** 2).sum(axis=1)
        expected = average_precision_score(categories[others] == categories[query], -distances)
        assert found[query] == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_figures_do_not_depend_on_image_order(case):
    backwards = case.reversed()
    np.testing.assert_allclose(
        category_precisions(case.codes, case.labels.categories),
        category_precisions(backwards.codes, backwards.labels.categories)[::-1],
    )


def test_images_left_out_are_counted():
    categories = np.array([0, 0, -1, 1])
    measured = ijcv2020(perfect_codes(categories), categories, one_draw(4))
    assert measured.counts == {
        "category_queries": 2,
        "category_left_out_missing_label": 1,
        "category_left_out_nothing_relevant": 1,
    }
    assert measured.figures["category_map"] == [1.0]


def test_images_without_a_category_are_not_ranked():
    codes = bits("0000", "0000", "1111")
    assert category_precisions(codes, np.array([0, -1, 0]))[0] == 1.0


def test_cvpr2017_score_of_a_perfect_code():
    # Two images: the query is first and wrong, the other is second: 1/2.
    # Ten: nine right ones at ranks 2 to 10, precisions 1/2, 2/3, …, 9/10, so their mean is
    # (9 - (1/2 + … + 1/10)) / 9 = (10 - H(10)) / 9 = (10 - 7381/2520) / 9.
    for images, expected in [(2, 1 / 2), (10, (10 - 7381 / 2520) / 9)]:
        categories = np.repeat(np.arange(3), images)
        codes = perfect_codes(categories)
        found = cvpr2017(codes, categories, one_draw(len(categories))).figures["category_map"]
        assert found == pytest.approx(expected)
        assert ijcv2020(codes, categories, one_draw(len(categories))).figures["category_map"] == 1


@pytest.mark.parametrize(("name", "figure"), [("imagenet150k", "0.500"), ("cfw60k", "0.786")])
def test_cvpr2017_score_of_a_perfect_code_on_real_labels(shared_data, name, figure):
    labels = loadmat(shared_data / "dph" / name / "dataset_info.mat")["label_test"]
    categories = labels.ravel().astype(np.int64)
    codes, ones = perfect_codes(categories), one_draw(len(categories))
    assert f"{cvpr2017(codes, categories, ones).figures['category_map'][0]:.3f}" == figure
    assert ijcv2020(codes, categories, ones).figures["category_map"][0] == pytest.approx(1)


def test_progress_ends_at_one():
    shares = []
    category_precisions(bits("01", "01"), np.array([0, 0]), progress=shares.append)
    assert shares == [1.0]
