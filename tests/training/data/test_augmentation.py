import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue.images import centre_crop
from dualhash.training.data.augmentation import augment
from tests.oracles.augment import all_views


def numbered(n: int, height: int, width: int) -> np.ndarray:
    pixels = np.arange(n * height * width * 3) % 251
    return pixels.reshape(n, height, width, 3).astype(np.uint8)


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 99),
)
def test_every_result_is_a_crop_or_its_mirror(
    height: int, width: int, spare: int, padding: int, seed: int
):
    images = numbered(4, height + spare, width + spare)
    rng = np.random.default_rng(seed)
    for image, result in zip(
        images, augment(images, (height, width), rng, padding=padding), strict=True
    ):
        views = all_views(image, (height, width), padding)
        assert any(np.array_equal(result, view) for view in views)


def test_all_offsets_and_both_directions_occur():
    image = numbered(1, 5, 4)
    images = np.repeat(image, 2000, axis=0)
    views = augment(images, (4, 3), np.random.default_rng(0), padding=1)
    wanted = {view.tobytes() for view in all_views(image[0], (4, 3), 1)}
    assert {view.tobytes() for view in views} == wanted


def test_without_randomness_it_is_the_central_crop():
    images = numbered(3, 7, 6)
    rng = np.random.default_rng(0)
    plain = augment(images, (4, 3), rng, mirror=False, random_crop=False, padding=2)
    assert np.array_equal(plain, centre_crop(images, (4, 3)))


def test_mirrors_half_of_the_images():
    images = np.repeat(numbered(1, 2, 3), 4000, axis=0)
    views = augment(images, (2, 3), np.random.default_rng(0))
    mirrored = (views == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 0.45 < mirrored.mean() < 0.55


def test_results_are_deterministic_and_the_input_is_unchanged():
    images = numbered(6, 6, 6)
    before = images.copy()
    first, second = (augment(images, (5, 5), np.random.default_rng(3), padding=1) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(images, before)
