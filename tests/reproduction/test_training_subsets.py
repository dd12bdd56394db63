import numpy as np
import pytest

from dualhash.catalogue.catalogue import SUBSETS, Subset
from dualhash.errors import DualhashError
from reproduction.training_subsets import (
    TRAINING_SUBSETS,
    held_out_categories,
    select_training_images,
    take_share,
)
from tests.reproduction.small_grid import catalogue

WHOLE = catalogue()


def sizes(view) -> dict[str, int]:
    return {name: int((view.subsets == i).sum()) for i, name in enumerate(SUBSETS)}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("B", (20, 0, 0, 60)),
        ("B+0.5A", (20, 10, 0, 60)),
        ("B+A", (20, 20, 0, 60)),
        ("B+0.5C", (20, 0, 10, 60)),
        ("B+C", (20, 0, 20, 60)),
        ("B+A+C", (20, 20, 20, 60)),
    ],
)
def test_training_sets_match_table_3(seen: str, expected: tuple[int, ...]):
    assert tuple(sizes(select_training_images(WHOLE, seen)).values()) == expected


def test_only_subsets_change():
    view = select_training_images(WHOLE, "B")
    assert view.references == WHOLE.references
    assert (view.categories == WHOLE.categories).all()
    assert ((view.subsets == WHOLE.subsets) | (view.subsets == -1)).all()


def test_the_half_is_a_deterministic_subset():
    half, again = (select_training_images(WHOLE, "B+0.5A").subsets for _ in range(2))
    assert (half == again).all()
    assert (select_training_images(WHOLE, "B+A").subsets[half >= 0] >= 0).all()


def test_every_row_of_table_3_has_all_test_images():
    assert all(
        (select_training_images(WHOLE, seen).rows(Subset.TEST) == WHOLE.rows(Subset.TEST)).all()
        for seen in TRAINING_SUBSETS
    )


def test_held_out_categories_are_deterministic_and_have_test_images():
    held_out = held_out_categories(WHOLE, 3)
    assert (held_out == held_out_categories(select_training_images(WHOLE, "B"), 3)).all()
    tested = WHOLE.categories[WHOLE.rows(Subset.TEST)]
    assert all((tested == category).sum() >= 2 for category in held_out)
    assert len(set(held_out.tolist())) == 3


def test_too_few_categories_to_hold_out_are_refused():
    with pytest.raises(DualhashError, match="6 categories with two test images, too few"):
        held_out_categories(WHOLE, 5)


def test_a_small_version_keeps_the_share_of_each_subset():
    small = take_share(WHOLE, 0.5)
    assert tuple(sizes(small).values()) == (10, 10, 10, 30)
    order = [WHOLE.references.index(name) for name in small.references]
    assert order == sorted(order)
    assert take_share(WHOLE, 1) is WHOLE
    assert (np.diff(order) > 0).all()
