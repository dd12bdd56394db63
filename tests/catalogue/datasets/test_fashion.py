import pytest

from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.datasets.fashion import COLUMNS
from dualhash.errors import DualhashError


def test_reads_the_table_of_the_shop(shared_data):
    catalogue = DATASETS["fashion"].load(shared_data / "fashion")
    assert len(catalogue) == 33_756
    assert len(catalogue.names.categories) == 73
    assert [len(catalogue.rows(subset)) for subset in range(4)] == [3_000, 8_000, 17_756, 5_000]
    positives = catalogue.attributes.sum(axis=0)
    assert len(positives) == 32
    assert positives.min() >= COLUMNS.min_positives
    assert {name.partition("=")[0] for name in catalogue.names.attributes} == set(COLUMNS.facets)


def test_a_folder_without_the_table_is_refused(tmp_path):
    with pytest.raises(DualhashError, match=r"products\.csv"):
        DATASETS["fashion"].load(tmp_path)
