from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.catalogue.images import Preprocessing
from dualhash.codes import Failure
from dualhash.codes.encoder import IMAGE_BATCH, Encoder
from dualhash.errors import DualhashError
from tests.builders import colour_encoder, colour_image, colour_model

SIZE = (6, 4)
PLAIN = Preprocessing(resize=SIZE, crop=SIZE)
WEIGHT = np.random.default_rng(3).normal(size=(3, 8))
BIAS = np.linspace(-1, 1, 8)


def encoder(preprocessing: Preprocessing = PLAIN) -> Encoder:
    return Encoder(colour_encoder(WEIGHT, BIAS, preprocessing.crop), 8, preprocessing, threads=1)


def naive(colour: tuple[float, ...]) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.array(colour) / 255 @ WEIGHT + BIAS)))


def test_outputs_of_plain_images(tmp_path: Path):
    colours = [(255, 0, 0), (10, 200, 30), (255, 255, 255)]
    paths = [colour_image(tmp_path / f"{i}.png", colour) for i, colour in enumerate(colours)]
    encoded = encoder().encode(paths)
    np.testing.assert_allclose(encoded.reals, [naive(c) for c in colours], atol=1e-5)
    assert encoded.reals.dtype == np.float32
    assert encoded.failures == ()


def test_damaged_images_are_listed_and_do_not_stop_the_others(tmp_path: Path):
    good = colour_image(tmp_path / "good.png", (0, 0, 255))
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(good.read_bytes()[:-30])
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    missing = tmp_path / "missing.png"
    encoded = encoder().encode([damaged, good, text, missing, str(good)])
    assert [(f.row, f.image) for f in encoded.failures] == [
        (0, str(damaged)),
        (2, str(text)),
        (3, str(missing)),
    ]
    assert all(str(f.image) in f.reason for f in encoded.failures)
    assert encoded.rows.tolist() == [1, 4]
    assert np.isnan(encoded.reals[[0, 2, 3]]).all()
    assert encoded.codes.shape == (2, 1)
    np.testing.assert_array_equal(encoded.codes[0], encoded.codes[1])
    assert isinstance(encoded.failures[0], Failure)


def test_damaged_images_alone_give_no_outputs(tmp_path: Path):
    encoded = encoder().encode([tmp_path / "missing.png"])
    assert len(encoded.failures) == 1
    assert encoded.codes.shape == (0, 1)


def test_batches_keep_their_order(tmp_path: Path):
    paths = [
        colour_image(tmp_path / f"{i}.png", (i, 255 - i, 7)) for i in range(2 * IMAGE_BATCH + 5)
    ]
    paths[IMAGE_BATCH] = tmp_path / "missing.png"
    seen: list[tuple[int, int]] = []
    encoded = encoder().encode(paths, progress=lambda done, total: seen.append((done, total)))
    kept = encoded.rows
    np.testing.assert_allclose(
        encoded.reals[kept], [naive((i, 255 - i, 7)) for i in kept.tolist()], atol=1e-5
    )
    n = len(paths)
    assert seen == [(IMAGE_BATCH, n), (2 * IMAGE_BATCH, n), (n, n)]


def test_an_opened_image_is_read_by_one_thread_at_a_time(tmp_path: Path):
    """Threads decode a batch; an image of Pillow reads its file when it is first decoded."""
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.jpg")
    model = colour_model(tmp_path / "model")
    with Image.open(tmp_path / "x.jpg") as opened:
        encoded = model.encode([opened] * 8)
    assert encoded.failures == ()
    expected = model.encode([tmp_path / "x.jpg"]).reals
    np.testing.assert_array_equal(encoded.reals, expected.repeat(8, axis=0))


def test_no_images_give_no_outputs():
    assert encoder().encode([]).reals.shape == (0, 8)
    assert encoder().encode_arrays(np.zeros((0, *SIZE, 3), np.uint8)).shape == (0, 8)


def test_views_are_averaged_before_they_become_bits(tmp_path: Path):
    """Corner by corner by hand: the crops of this image have different colours."""
    roomy = Preprocessing(resize=(8, 8), crop=(4, 4))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    corners = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
    outputs = [naive(tuple(pixels[y : y + 4, x : x + 4].mean(axis=(0, 1)))) for y, x in corners]
    encoded = encoder(roomy).encode([path], views=10)
    np.testing.assert_allclose(encoded.reals[0], np.mean(outputs, axis=0), atol=1e-5)
    np.testing.assert_allclose(encoder(roomy).encode([path]).reals[0], outputs[-1], atol=1e-5)


def test_unsupported_numbers_of_views_are_refused():
    with pytest.raises(DualhashError, match="not 3"):
        encoder().encode([], views=3)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 5, 4, 3), np.uint8), np.zeros((2, *SIZE, 3), np.float32)]
)
def test_arrays_of_another_dtype_or_shape_are_refused(images: np.ndarray):
    with pytest.raises(DualhashError, match=r"needs uint8 images of shape \(6, 4, 3\)"):
        encoder().encode_arrays(images)


def test_bytes_that_are_not_a_graph_are_refused():
    with pytest.raises(DualhashError, match="encoder cannot be loaded"):
        Encoder(b"not a graph", 8, PLAIN)


@pytest.mark.parametrize(("bits", "crop"), [(16, SIZE), (8, (6, 5))])
def test_a_graph_of_another_shape_is_refused(bits: int, crop: tuple[int, int]):
    graph = colour_encoder(WEIGHT, BIAS, SIZE)
    with pytest.raises(DualhashError, match=r"does not match model\.json"):
        Encoder(graph, bits, Preprocessing(resize=crop, crop=crop))
