import pytest

from dualhash.catalogue.datasets import DATASETS, Dataset
from dualhash.errors import DualhashError

DRAWINGS = {"openmoji", "openmoji-coarse"}
"""Data sets that need no files."""


def test_every_entry_has_a_description():
    assert set(DATASETS) == {*DRAWINGS, "fashion", "cfw60k", "imagenet150k", "sun120k"}
    for dataset in DATASETS.values():
        assert "\n" not in dataset.summary
        assert (dataset.default_root is None) == (dataset.name not in DRAWINGS)


@pytest.mark.parametrize("name", sorted(set(DATASETS) - DRAWINGS))
def test_a_data_set_without_its_folder_is_refused(name, tmp_path):
    with pytest.raises(DualhashError, match=f"{name}:FOLDER"):
        DATASETS[name].load(None)
    with pytest.raises(DualhashError, match=str(tmp_path)):
        DATASETS[name].load(tmp_path)


def test_source_is_the_path_given_by_the_user(emojis, tmp_path):
    read = []
    dataset = Dataset(
        "some", "", lambda root: read.append(root) or emojis, default_root=lambda: tmp_path / "own"
    )
    assert dataset.load(None).source == "some"
    assert dataset.load(tmp_path).source == f"some:{tmp_path}"
    assert read == [tmp_path / "own", tmp_path]
