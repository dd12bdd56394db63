from dataclasses import replace

import numpy as np

from dualhash.catalogue.catalogue import Subset
from reproduction.retrieval_examples import (
    COMBINED_RESULTS,
    QUERIES,
    EncodedImages,
    attribute_sheet,
    combined_sheet,
)
from tests.reproduction.small_grid import catalogue

WHOLE = catalogue(1200)
RNG = np.random.default_rng(2)
BITS = RNG.random((1200, 16)) > 0.5
PREDICTED = np.where(WHOLE.attributes == 1, 0.9, 0.2) + RNG.random((1200, 5)) / 20


def coded(*subsets: int, predicted=PREDICTED) -> EncodedImages:
    rows = WHOLE.rows(*subsets)
    return EncodedImages(WHOLE.take(rows), BITS[rows], predicted[rows])


QUERY, SHELF = coded(Subset.TEST), coded(Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE)


def test_queries_are_deterministic_and_of_different_categories():
    for sheet in (attribute_sheet, combined_sheet):
        retrievals = sheet(QUERY, SHELF).retrievals
        assert retrievals == sheet(QUERY, SHELF).retrievals
        assert len({each.category for each in retrievals}) == QUERIES


def test_perfect_codes_rank_right_results_first_and_wrong_ones_last():
    for retrieval in attribute_sheet(QUERY, SHELF).retrievals:
        row = WHOLE.references.index(retrieval.image)
        truth = dict(
            zip(WHOLE.names.attributes, (WHOLE.attributes[row] == 1).tolist(), strict=True)
        )
        assert retrieval.wanted == {name: truth[name] for name in retrieval.wanted}
        assert len(retrieval.wanted) == 3
        assert [shown.right for shown in retrieval.top] == [True] * 5
        assert [shown.right for shown in retrieval.bottom] == [False] * 5
        products = [np.prod(shown.probabilities) for shown in (*retrieval.top, *retrieval.bottom)]
        assert (np.diff(products) < 1e-3).all()  # they are kept to four digits


def test_a_missing_label_gives_the_verdict_unknown():
    blind = replace(SHELF.catalogue, observed=np.zeros_like(SHELF.catalogue.observed))
    sheet = attribute_sheet(QUERY, replace(SHELF, catalogue=blind))
    assert all(shown.right is None for each in sheet.retrievals for shown in each.top)


def test_combined_retrieval_filters_and_then_ranks_by_distance():
    for retrieval in combined_sheet(QUERY, SHELF).retrievals:
        ((name, wanted),) = retrieval.wanted.items()
        column = WHOLE.names.attributes.index(name)
        query = WHOLE.references.index(retrieval.image)
        assert wanted
        assert WHOLE.attributes[query, column] == 0
        shelf = WHOLE.rows(Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE)
        kept = shelf[PREDICTED[shelf, column] >= 0.5]
        distances = np.sort((BITS[kept] != BITS[query]).sum(axis=1))[:COMBINED_RESULTS]
        assert [shown.distance for shown in retrieval.top] == distances.tolist()
        for shown in retrieval.top:
            assert shown.right == (shown.category == retrieval.category)
            assert shown.probabilities[0] >= 0.5
