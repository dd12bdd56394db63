from dataclasses import replace

import pytest

from dualhash.analysis.correlation import Correlation
from dualhash.analysis.summary_text import summarise
from tests.analysis.small_codes import make_analysis

ABOVE = Correlation(value=0.5, low=0.2, high=0.7, pairs=40)
BELOW = Correlation(value=-0.5, low=-0.7, high=-0.2, pairs=40)
OPEN = Correlation(value=0.1, low=-0.2, high=0.4, pairs=40)
NONE = Correlation(value=None, pairs=1)


def summary_with(**correlations: Correlation) -> str:
    analysis = make_analysis()
    found = analysis.functionality.model_copy(update=correlations)
    return summarise(replace(analysis, functionality=found))


@pytest.mark.parametrize(
    ("correlation", "words"),
    [
        (ABOVE, "from the same bits as categories (correlation 0.50 over 40 bits"),
        (BELOW, "are in different bits"),
        (OPEN, "It is not clear whether the two are related (correlation 0.10"),
        (NONE, "1 bits are too few for a correlation"),
    ],
)
def test_conclusion_about_bits_follows_the_interval(correlation, words):
    assert words in summary_with(correlation=correlation)


@pytest.mark.parametrize(
    ("correlation", "words"),
    [
        (ABOVE, "are predicted from the bits of categories"),
        (BELOW, "from other bits than categories"),
        (OPEN, "It is not clear whether the two are related (correlation 0.10 over 40 attributes"),
    ],
)
def test_conclusion_about_attributes_follows_the_interval(correlation, words):
    assert words in summary_with(alignment_correlation=correlation)


def test_states_the_images_left_out_and_the_largest_category():
    analysis = make_analysis()
    page = summarise(analysis)
    found = analysis.functionality
    assert f"{found.images} test images of shop.csv" in page
    assert f"{found.images_without_category} have no category" in page
    assert "1 cannot be read" in page
    assert "25 % are of hat" in page
    for attribute in found.attributes:
        assert f"| {attribute.name} | {attribute.present} |" in page


def test_long_attribute_lists_show_only_the_extremes():
    analysis = make_analysis(attributes=14)
    rows = [line for line in summarise(analysis).splitlines() if line.startswith("| attribute ")]
    assert len(rows) == 1 + 10
    alignments = [float(row.split("|")[3]) for row in rows[1:]]
    assert alignments == sorted(alignments, reverse=True)


def test_constant_bits_are_counted():
    analysis = make_analysis()
    ones = (0.0, 1.0, *analysis.functionality.ones[2:])
    found = analysis.functionality.model_copy(update={"ones": ones})
    assert "2 bits never change" in summarise(replace(analysis, functionality=found))
