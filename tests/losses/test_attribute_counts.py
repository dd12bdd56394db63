import numpy as np
import polars as pl
import pytest

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.errors import DualhashError
from dualhash.losses.attribute_counts import AttributeCounts


def test_attributes_of_one_kind_are_named():
    with pytest.raises(DualhashError) as raised:
        AttributeCounts(("red", "green", "blue"), np.array([0, 4, 7]), np.array([9, 4, 0]))
    message = str(raised.value)
    assert "'red' is never present" in message
    assert "'blue' is never absent" in message
    assert "green" not in message


def test_counts_only_labels_that_training_sees():
    # train-both, train-attribute, train-category (attributes hidden), test, both without a label
    attributes = np.array([[1], [0], [1], [1], [0]], np.int8)
    catalogue = Catalogue(
        source="five.csv",
        images=(),
        references=tuple("abcde"),
        names=LabelNames((), ("red",)),
        categories=np.full(5, -1),
        attributes=attributes,
        observed=np.array([[True], [True], [True], [True], [False]]),
        subsets=np.array([0, 1, 2, 3, 0], np.int8),
        payload=pl.DataFrame(),
        columns=Columns(),
    )
    counts = AttributeCounts.of(catalogue)
    assert counts.names == ("red",)
    assert counts.positives.tolist() == [1]
    assert counts.negatives.tolist() == [1]
