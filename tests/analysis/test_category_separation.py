import numpy as np
from hypothesis import given, settings

from dualhash.analysis.category_separation import separation
from tests.analysis.small_codes import cases
from tests.oracles.analysis import printed_sum, same_pairs


@settings(max_examples=40)
@given(cases())
def test_matches_the_pairwise_sum_of_the_paper(case):
    found = separation(case.attributes == 1, case.categories, case.observed)
    for j, value in enumerate(found):
        part = (case.categories >= 0) & case.observed[:, j]
        categories = case.categories[part].tolist()
        if len(set(categories)) < 2:
            assert np.isnan(value)
        else:
            expected = printed_sum(case.attributes[part, j].tolist(), categories)
            np.testing.assert_allclose(value * same_pairs(categories), expected, atol=1e-9)


def test_hand_worked_example():
    categories = np.array([0, 0, 1, 1, 1])
    values = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], bool)
    # Of 25 ordered pairs 4 + 9 are of one category and 12 of two. The first property differs in
    # all of the 12 and none of the 13. The second differs in 2 of 4 and 4 of 9 within, and
    # between in (1, 0 against 1, 0, 0), 2 + 1 = 3 unordered pairs. The third never differs.
    np.testing.assert_allclose(separation(values, categories), [1, 6 / 12 - 6 / 13, 0])


@settings(max_examples=20)
@given(cases())
def test_does_not_depend_on_image_order_or_complement_of_a_bit(case):
    found = separation(case.bits, case.categories)
    backwards = case.take(np.arange(len(case.bits))[::-1])
    np.testing.assert_allclose(separation(backwards.bits, backwards.categories), found, atol=1e-12)
    np.testing.assert_allclose(separation(~case.bits, case.categories), found, atol=1e-12)


@settings(max_examples=20)
@given(cases())
def test_missing_labels_are_ignored(case):
    labelled = case.take(np.flatnonzero(case.categories >= 0))
    np.testing.assert_array_equal(
        separation(case.bits, case.categories), separation(labelled.bits, labelled.categories)
    )
    present = case.attributes == 1
    np.testing.assert_array_equal(
        separation(present, case.categories, case.observed),
        separation(present ^ ~case.observed, case.categories, case.observed),
    )


def test_fewer_than_two_categories_give_nan():
    bits = np.array([[True, False], [False, False]])
    for categories in ([0, 0], [3, -1], [-1, -1]):
        assert np.isnan(separation(bits, np.array(categories))).all()
