from dataclasses import replace

import numpy as np

from dualhash.analysis.csv_tables import (
    attribute_table,
    attribution_table,
    best_correlations,
    bit_table,
    half_weight,
)
from tests.analysis.small_codes import make_analysis


def test_bit_table_has_a_row_for_each_bit():
    analysis = make_analysis()
    table = bit_table(analysis)
    assert table["bit"].to_list() == list(range(8))
    assert table["category_information"].to_list() == list(
        analysis.functionality.category_information
    )
    assert table["category_information_normalised"].max() == 1
    assert table["attribute_information_normalised"].min() == 0
    for bit, names in table.select("bit", "strongest_attributes").iter_rows():
        sizes = np.abs(analysis.attributions[:, bit])
        assert names.split(", ")[0] == analysis.head.names[sizes.argmax()]


def test_attribute_table_has_a_row_for_each_attribute():
    analysis = make_analysis()
    table = attribute_table(analysis)
    assert table["attribute"].to_list() == list(analysis.head.names)
    images = table["present"] + table["absent"] + table["missing"]
    assert set(images) == {analysis.functionality.images}
    for row, bits in enumerate(table["strongest_bits"]):
        assert int(bits.split(", ")[0]) == np.abs(analysis.attributions[row]).argmax()


def test_attribution_table_has_a_row_for_each_attribute_and_bit():
    analysis = make_analysis()
    table = attribution_table(analysis)
    assert table.height == 3 * 8
    row = table.row(11, named=True)
    assert (row["attribute"], row["bit"]) == ("attribute 1", 3)
    assert row["weight"] == analysis.head.weight[1, 3]
    assert row["attribution"] == analysis.attributions[1, 3]


def test_half_of_the_weight_hand_worked_example():
    # 4 of 7 are on the first bit alone; of 1 + 1 + 1 + 1 it takes two.
    attributions = np.array([[1, -0.5, 0.25, 0], [1, 1, -1, 1]])
    assert half_weight(replace(make_analysis(), attributions=attributions)) == [1, 2]


def test_best_correlation_ignores_undefined_values():
    correlations = np.array([[0.1, -0.6, np.nan], [np.nan] * 3])
    found = best_correlations(replace(make_analysis(), correlations=correlations))
    np.testing.assert_array_equal(found, [0.6, np.nan])


def test_undefined_values_are_empty_cells():
    analysis = make_analysis()
    undefined = replace(analysis, correlations=np.full((3, 8), np.nan))
    assert attribution_table(undefined)["label_correlation"].null_count() == 24
    assert "nan" not in attribute_table(undefined).write_csv().lower()
