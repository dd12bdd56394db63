from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames
from dualhash.catalogue.columns import Columns


def catalogue(**fields: object) -> Catalogue:
    """Five images, one in each subset and one in none, all of whose labels are known."""
    names = tuple(f"{i}.png" for i in range(5))
    known: dict[str, object] = {
        "source": "shop/products.csv",
        "images": tuple(Path("shop", name) for name in names),
        "references": names,
        "names": LabelNames(("cat", "dog"), ("big", "red")),
        "categories": np.array([0, 1, 0, 1, 0]),
        "attributes": np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]], np.int8),
        "observed": np.ones((5, 2), bool),
        "subsets": np.array([0, 1, 2, 3, -1], np.int8),
        "payload": pl.DataFrame({"image": names}),
        "columns": Columns(),
        "row_numbers": np.array([1, 2, 4, 5, 6]),
        "groups": np.array([1, 1, 2, 3, 3]),
    }
    return Catalogue(**known | fields)


def test_training_sees_no_hidden_label():
    seen = catalogue().visible()
    assert seen.categories.tolist() == [0, MISSING, 0, MISSING, MISSING]
    assert seen.observed.all(axis=1).tolist() == [True, True, False, False, False]
    assert seen.attributes.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]


def test_class_ratios_hand_worked_example():
    many = catalogue(
        subsets=np.array([0, 0, 1, 1, 3], np.int8),
        attributes=np.array([[1, 0], [0, 0], [0, 0], [0, 0], [1, 1]], np.int8),
        observed=np.array([[1, 1], [1, 1], [1, 0], [0, 1], [1, 1]], bool),
    )
    assert many.class_ratios().tolist() == [2.0, np.inf]


@given(st.lists(st.integers(0, 4), max_size=8))
def test_take_selects_rows_of_every_field(rows: list[int]):
    whole = catalogue()
    part = whole.take(np.array(rows, np.int64))
    assert len(part) == len(rows)
    for i, row in enumerate(rows):
        assert part.references[i] == whole.references[row] == part.payload["image"][i]
        assert part.images[i] == whole.images[row]
        assert part.categories[i] == whole.categories[row]
        assert part.subsets[i] == whole.subsets[row]
        assert part.groups[i] == whole.groups[row]
        assert part.location(i) == whole.location(row)


def test_location_is_table_and_row_or_the_image():
    assert catalogue().location(2) == "products.csv row 4"
    assert catalogue().location() == "products.csv"
    no_table = catalogue(source="cfw60k:faces", row_numbers=None)
    assert no_table.location(2) == "2.png"
    assert no_table.location() == "cfw60k:faces"


class TestAligned:
    def test_hand_worked_example(self):
        like = LabelNames(("dog", "emu"), ("red", "old"))
        found = catalogue(categories=np.array([0, 1, MISSING, 1, 0])).aligned(like)
        assert found.names == LabelNames(("dog", "emu", "cat"), ("red", "old"))
        assert found.categories.tolist() == [2, 0, MISSING, 0, 2]
        assert found.attributes.tolist() == [[0, 0], [1, 0], [1, 0], [0, 0], [0, 0]]
        assert found.observed.tolist() == [[True, False]] * 5

    def test_without_attributes(self):
        found = catalogue().aligned(LabelNames((), ()))
        assert found.names.categories == ("cat", "dog")
        assert found.attributes.shape == found.observed.shape == (5, 0)

    @given(st.permutations(["cat", "dog", "emu"]), st.permutations(["big", "red", "old"]))
    def test_labels_keep_their_names(self, categories, attributes):
        whole = catalogue()
        found = whole.aligned(LabelNames(tuple(categories), tuple(attributes)))
        named = [found.names.categories[c] for c in found.categories]
        assert named == [whole.names.categories[c] for c in whole.categories]
        for j, name in enumerate(("big", "red")):
            column = attributes.index(name)
            assert found.attributes[:, column].tolist() == whole.attributes[:, j].tolist()
        again = found.aligned(whole.names)
        assert np.array_equal(again.attributes, whole.attributes)


def test_the_label_hash_covers_every_label():
    first = catalogue()
    assert first.label_hash == catalogue().label_hash
    for other in (
        catalogue(categories=np.array([1, 1, 0, 1, 0])),
        catalogue(subsets=np.array([0, 1, 2, 3, 3], np.int8)),
        catalogue(observed=np.zeros((5, 2), bool)),
        catalogue(references=("a", "b", "c", "d", "e")),
        catalogue(groups=np.array([1, 1, 2, 3, 4])),
        catalogue(groups=None),
        replace(first, names=LabelNames(("cat", "dog"), ("big", "reddish"))),
    ):
        assert other.label_hash != first.label_hash
