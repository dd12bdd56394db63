"""Every kind of query, in an index file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.codes import Model
from dualhash.codes.encoder import Failure
from dualhash.errors import DualhashError
from dualhash.search import Index, Results


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A noisy PNG of 12 x 20 pixels, which the model's size of 8 x 8 changes."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def forms(photo: Path) -> dict[str, object]:
    """The same image in every form that a query can have."""
    opened = Image.open(photo)
    return {
        "path": photo,
        "text": str(photo),
        "bytes": photo.read_bytes(),
        "opened": opened,
        "copied": opened.copy(),
        "array": np.asarray(opened),
        "strided": np.asfortranarray(np.asarray(opened)),
    }


@pytest.mark.parametrize("views", [1, 10])
def test_all_forms_of_an_image_give_the_same_code(
    tmp_path: Path, model: Model, photo: Path, views: int
):
    (expected,) = model.encode([photo], views=views).codes
    with Index.create(tmp_path / "i.dhx", model, views=views) as index:
        index.add(expected[None], [photo])
        for form, query in forms(photo).items():
            results = index.search(query)
            assert results.query.code.tolist() == expected.tolist(), form
            shown = results.query.image
            assert shown is query or (form, shown) == ("path", str(photo))
            assert [hit.distance for hit in results.hits] == [0]


def test_a_pillow_image_is_not_closed(index: Index, photo: Path):
    with Image.open(photo) as image:
        assert index.search(image).query.code.tolist() == index.search(image).query.code.tolist()
        assert image.size == (12, 20)


def test_transparent_and_rotated_images_are_read_like_files(tmp_path: Path, index: Index):
    rotated = Image.Exif()
    rotated[0x0112] = 6
    pixels = np.random.default_rng(1).integers(0, 256, (9, 16, 4), np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "x.png", exif=rotated)
    of_file = index.search(tmp_path / "x.png").query.code.tolist()
    with Image.open(tmp_path / "x.png") as opened:
        assert index.search(opened).query.code.tolist() == of_file
    assert index.search((tmp_path / "x.png").read_bytes()).query.code.tolist() == of_file


@pytest.mark.parametrize("number", [4, np.int64(4), np.uint8(4), "id:4"])
def test_an_id_of_any_type_is_left_out_of_its_results(index: Index, number: object):
    results = index.search(number, k=9)
    assert results.query.id == 4
    assert sorted(hit.id for hit in results.hits) == [0, 1, 2, 3, 5]


def test_a_batch_accepts_all_kinds_of_query(index: Index, photo: Path):
    queries = [*forms(photo).values(), 4, "id:4", np.array([255, 255], np.uint8)]
    found = list(index.search_batch(queries))
    assert all(isinstance(each, Results) for each in found)
    alone = [index.search(query).as_dict() for query in queries]
    assert [each.as_dict() for each in found] == alone
    codes = {each.query.code.tobytes() for each in found[:7]}
    assert len(codes) == 1


REFUSED = [
    (b"damaged", r"The content \(7 bytes\) is not an image of a format that can be read"),
    (b"", r"The content \(0 bytes\) is not an image"),
    (np.zeros((4, 5, 3)), r"The array \(float64 of shape \(4, 5, 3\)\) is not an image: it must"),
    (np.zeros((4, 5, 4), np.uint8), r"uint8 of shape \(4, 5, 4\)\) is not an image"),
    (np.zeros((0, 5, 3), np.uint8), "and not empty"),
    (
        np.zeros((1, 2), np.uint8),
        r"\(1, 2\)\) is not an image.* A packed code and a vector have one dimension",
    ),
    (np.zeros(3, np.uint8), "codes of 16 bits, 2 bytes each"),
    (np.array(7), "A packed code and a vector have one dimension"),
    (True, "not bool"),
    (1.5, r"A query is an image \(a file, .*not float"),
    (["a"], "not list"),
]


@pytest.mark.parametrize(("query", "message"), REFUSED)
def test_invalid_queries_are_refused(index: Index, query: object, message: str):
    with pytest.raises(DualhashError, match=message):
        index.search(query)
    (failure,) = index.search_batch([query])
    assert isinstance(failure, Failure)
    assert len(failure.image) < 100


def test_truncated_files_and_closed_images_are_refused(index: Index, photo: Path):
    with pytest.raises(DualhashError, match=r"cannot be used: The content .* cannot be read"):
        index.search(photo.read_bytes()[:200])
    with Image.open(photo) as closed:
        pass
    with pytest.raises(DualhashError, match=r"The image \(RGB, 12 x 20 pixels\) cannot be read"):
        index.search(closed)


def test_batch_errors_name_an_image_from_memory_by_its_size(index: Index):
    (failure,) = index.search_batch([b"damaged"])
    assert (failure.row, failure.image) == (0, "The content (7 bytes)")
