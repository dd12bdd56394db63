from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels, add_images, build, build_index
from tests.builders import colour_image
from tests.search.stored_codes import stored


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Four rows; the third image is damaged."""
    images = tuple(colour_image(tmp_path / f"{i}.png", (60 * i, 9, 200 - 60 * i)) for i in range(4))
    images[2].write_bytes(b"damaged")
    names = tuple(path.name for path in images)
    return Catalogue(
        source="table.csv",
        images=images,
        references=names,
        names=LabelNames(("square", "circle"), ("blue", "red", "woollen")),
        categories=np.array([1, MISSING, 0, 0]),
        attributes=np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], np.int8),
        observed=np.array([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 1]], bool),
        subsets=np.full(4, -1, np.int8),
        payload=pl.DataFrame({"image": names, "price": [1.5, 2.0, None, 4.0]}),
        columns=Columns(),
    )


def test_a_catalogue_is_indexed_with_labels_and_payload(
    tmp_path: Path, model: Model, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(build, "LARGEST_BATCH", 2)
    seen: list[tuple[int, int]] = []
    out = tmp_path / "i.dhx"
    report = build_index(model, catalogue, out, progress=lambda *done: seen.append(done))
    assert report.count == 3
    assert [(f.row, f.image) for f in report.failures] == [(2, str(catalogue.images[2]))]
    assert seen == [(2, 4), (4, 4)]
    with Index.open(out) as index:
        items = [index.item(i) for i in range(3)]
        assert [item.image for item in items] == [str(catalogue.images[i]) for i in (0, 1, 3)]
        assert [item.labels for item in items] == [
            ItemLabels("circle", {"blue": True, "red": False}),
            ItemLabels(),
            ItemLabels("square", {"red": True}),
        ]
        assert items[2].payload == {"image": "3.png", "price": 4.0}
        np.testing.assert_array_equal(
            stored(index)[1], model.encode([catalogue.images[i] for i in (0, 1, 3)]).codes
        )


def test_a_damaged_image_is_reported_with_its_row(
    tmp_path: Path, model: Model, catalogue: Catalogue
):
    table = replace(catalogue, row_numbers=np.array([1, 2, 5, 6]))
    report = build_index(model, table, tmp_path / "i.dhx")
    (failure,) = report.failures
    assert failure.reason.startswith("table.csv row 5: ")
    assert "2.png is not an image" in failure.reason
    (bare,) = build_index(model, catalogue.images, tmp_path / "bare.dhx").failures
    assert "row" not in bare.reason


def test_image_files_are_indexed_without_labels(tmp_path: Path, model: Model, catalogue: Catalogue):
    out = tmp_path / "i.dhx"
    assert build_index(model, [str(path) for path in catalogue.images], out, views=10).count == 3
    with Index.open(out) as index:
        assert index.header.views == 10
        assert index.item(0).labels == ItemLabels()
        assert index.item(0).payload == {}


@pytest.mark.parametrize(("views", "first"), [(1, 64), (10, 6)])
def test_ten_views_do_not_delay_the_first_commit(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch, views: int, first: int
):
    """The first 64 codes of views, as the time to the first commit counts."""
    committed = []

    def add(self: Index, codes: np.ndarray, *contents: object) -> None:
        committed.append(len(codes))

    monkeypatch.setattr(Index, "add", add)
    image = colour_image(tmp_path / "a.png", (1, 2, 3))
    build_index(model, [image] * 70, tmp_path / "i.dhx", views=views)
    assert (committed[0], sum(committed)) == (first, 70)


def test_no_readable_image_is_an_error(tmp_path: Path, model: Model):
    out = tmp_path / "i.dhx"
    with pytest.raises(DualhashError, match="no images to index"):
        build_index(model, [], out)
    with pytest.raises(DualhashError, match=r"None of the 2 images can be read; .*a.png"):
        build_index(model, [tmp_path / "a.png", tmp_path / "b.png"], out)
    assert not out.exists()


def test_an_existing_index_is_replaced_only_if_asked(
    tmp_path: Path, model: Model, catalogue: Catalogue
):
    out = tmp_path / "i.dhx"
    build_index(model, catalogue, out)
    with pytest.raises(DualhashError, match=r"exists already. The option `replace`"):
        build_index(model, catalogue.images[:1], out)
    assert build_index(model, catalogue.images[:1], out, replace=True).count == 1
    with Index.open(out) as index:
        assert len(index) == 1


def test_an_unknown_number_of_views_is_refused(tmp_path: Path, model: Model, catalogue: Catalogue):
    with pytest.raises(DualhashError, match="not 7"):
        build_index(model, catalogue, tmp_path / "i.dhx", views=7)


def test_known_images_are_skipped_or_updated(
    tmp_path: Path, model: Model, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(build, "LARGEST_BATCH", 2)
    out = tmp_path / "i.dhx"
    build_index(model, catalogue.images[:2], out)
    with Index.open(out) as index:
        before = stored(index)
        report = add_images(index, catalogue)
        assert (report.count, report.updated, report.unchanged) == (1, 0, 2)
        assert [(failure.row, len(report.failures)) for failure in report.failures] == [(2, 1)]
        assert [item.payload.get("price") for item in index] == [None, None, 4.0]
        colour_image(catalogue.images[0], (250, 250, 250))
        report = add_images(index, catalogue, update=True)
        assert (report.count, report.updated, report.unchanged) == (0, 3, 0)
        ids, codes = stored(index)
        assert ids.tolist() == [0, 1, 2]
        whole = [catalogue.images[i] for i in (0, 1, 3)]
        np.testing.assert_array_equal(codes, model.encode(whole).codes)
        assert codes[0].tolist() != before[1][0].tolist()
        assert [item.payload["price"] for item in index] == [1.5, 2.0, 4.0]
        assert index.item(0).labels.category == "circle"
        assert index.verify() == ()
        assert [hit.id for hit in index.search(0, filter={"price": 4}).hits] == [2]


def test_an_image_that_is_listed_twice_is_two_items(
    tmp_path: Path, model: Model, catalogue: Catalogue
):
    first, second = catalogue.images[:2]
    out = tmp_path / "i.dhx"
    assert build_index(model, [first, second, first], out).count == 3
    with Index.open(out) as index:
        listed = [second, first, first]
        assert (add_images(index, listed).count, len(index)) == (0, 3)
        report = add_images(index, listed, update=True)
        assert (report.count, report.updated, report.unchanged) == (0, 3, 0)
        report = add_images(index, [first] * 3)
        assert (report.count, report.updated, report.unchanged) == (1, 0, 2)
        assert [Path(item.image).name for item in index] == ["0.png", "1.png", "0.png", "0.png"]


@pytest.mark.parametrize("update", [False, True])
def test_images_that_another_program_adds_meanwhile_are_not_added_again(
    tmp_path: Path,
    model: Model,
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
    update: bool,
):
    monkeypatch.setattr(build, "LARGEST_BATCH", 2)
    out = tmp_path / "i.dhx"
    Index.create(out, model).close()
    first, second, _, fourth = catalogue.images
    theirs = [[second], [first]]

    def meanwhile(*_: int) -> None:
        if theirs:
            with Index.open(out, model) as other:
                add_images(other, theirs.pop())

    with Index.open(out, model) as index:
        listed = [first, first, second, fourth]
        report = add_images(index, listed, update=update, progress=meanwhile)
        assert (report.count, report.updated, report.unchanged) == (
            2,
            *((2, 0) if update else (0, 2)),
        )
        names = sorted(Path(item.image).name for item in index)
        assert names == ["0.png", "0.png", "1.png", "3.png"]
        assert index.verify() == ()
