from dataclasses import dataclass
from pathlib import Path

import pytest

from dualhash.catalogue import read_catalogue as reading
from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.catalogue.readers.image_folder import read_folder
from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Pets:
    """A data set that is the class folders under its root."""

    def load(self, root: Path | None) -> Catalogue:
        if root is None:
            raise DualhashError("pets needs the folder of its files")
        return read_folder(root)


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cats and dogs, a table beside them, and a data set that reads the folder."""
    monkeypatch.setitem(reading.DATASETS, "pets", Pets())
    root = tmp_path / "animals"
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "pets.csv").write_text("image,category\nanimals/dogs/1.png,dog\n")
    return root


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_read(pets: Path, kind: type):
    assert read_catalogue(kind(pets)).names.categories == ("cats", "dogs")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_table_is_read(pets: Path, kind: type):
    assert read_catalogue(kind(pets.parent / "pets.csv")).names.categories == ("dog",)


def test_a_data_set_is_read(pets: Path):
    assert read_catalogue(f"pets:{pets}").names.categories == ("cats", "dogs")


def test_a_data_set_without_its_folder_is_refused(pets: Path):
    with pytest.raises(DualhashError, match="pets needs the folder"):
        read_catalogue("pets")


def test_a_path_is_not_mistaken_for_a_data_set(pets: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(pets.parent)
    pets.rename("pets")
    assert len(read_catalogue("./pets")) == 3
    assert len(read_catalogue(Path("pets"))) == 3


@pytest.mark.parametrize("source", ["pets:{0}", "{0}", "{0}.csv"])
def test_names_of_a_model_set_the_indices(pets: Path, source: str):
    Path(f"{pets}.csv").write_text("image,category\nanimals/dogs/1.png,dogs\n")
    like = LabelNames(("dogs", "emus"), ("furry",))
    found = read_catalogue(source.format(pets), like=like)
    assert found.names.categories[:2] == like.categories
    assert found.names.attributes == like.attributes
    dog = next(i for i, image in enumerate(found.images) if image.parent.name == "dogs")
    assert found.categories[dog] == 0
    assert not found.observed.any()


def test_label_problems_are_added(pets: Path):
    found = read_catalogue(pets)
    assert [(p.location, p.message) for p in found.problems[1:]] == [
        ("dogs/1.png", "category 'dogs' has one image")
    ]


class TestRefusals:
    def test_an_unknown_data_set_suggests_the_nearest(self, pets):
        with pytest.raises(DualhashError, match=r"no data set 'pet' .*Did you mean 'pets'"):
            read_catalogue(f"pet:{pets}")

    def test_a_missing_table_suggests_one_in_its_folder(self, pets):
        with pytest.raises(DualhashError, match=r"pest\.csv does not exist.*'pets\.csv'"):
            read_catalogue(pets.parent / "pest.csv")

    def test_dissimilar_names_are_not_suggested(self, pets):
        with pytest.raises(DualhashError, match=r"nowhere\.csv does not exist. A catal") as refused:
            read_catalogue(pets.parent / "nowhere.csv")
        assert "'pets" not in str(refused.value)

    def test_an_unknown_name_is_refused(self, pets, monkeypatch):
        monkeypatch.chdir(pets)
        with pytest.raises(DualhashError, match=r"openmojis does not exist.*'openmoji'"):
            read_catalogue("openmojis")

    def test_a_missing_folder_is_refused(self, pets):
        with pytest.raises(DualhashError, match=r"Its folder .*nowhere does not exist either"):
            read_catalogue(pets / "nowhere" / "pets.csv")

    def test_a_file_of_unknown_type_is_refused(self, pets):
        (pets / "dogs" / "notes.txt").touch()
        with pytest.raises(DualhashError, match=r"notes\.txt is not a catalogue. .*\.parquet"):
            read_catalogue(pets / "dogs" / "notes.txt")
