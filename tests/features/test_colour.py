import numpy as np
import pytest
import torch

from dualhash.features.colour import GRID, LEVELS, ColourStatistics, colour_map, histogram


def naive_histogram(image: np.ndarray) -> np.ndarray:
    counts = np.zeros((LEVELS, LEVELS, LEVELS))
    for pixel in image.reshape(-1, 3):
        counts[tuple(int(value) * LEVELS // 256 for value in pixel)] += 1
    return np.sqrt(counts.ravel() / counts.sum())


def test_histogram_equals_counting_pixels():
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 12, 3), np.uint8)
    found = histogram(torch.from_numpy(images)).numpy()
    expected = [naive_histogram(image) for image in images]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_histogram_of_one_colour_is_one_bin():
    red = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    red[..., 0] = 255
    found = histogram(red)[0]
    assert found[(LEVELS - 1) * LEVELS**2] == 1.0
    assert found.sum() == 1.0


def test_histogram_has_unit_norm():
    images = torch.randint(0, 256, (2, 200, 300, 3), dtype=torch.uint8)
    torch.testing.assert_close((histogram(images) ** 2).sum(dim=1), torch.ones(2))


def test_histogram_ignores_where_a_colour_is():
    images = torch.randint(0, 256, (1, 16, 16, 3), dtype=torch.uint8)
    torch.testing.assert_close(histogram(images), histogram(images.flip(1, 2)))


def test_colour_map_equals_means_of_cells():
    images = np.random.default_rng(1).integers(0, 256, (1, 4 * GRID + 3, 2 * GRID + 1, 3), np.uint8)
    found = colour_map(torch.from_numpy(images)).numpy().reshape(GRID, GRID, 3)
    for row in range(GRID):
        for column in range(GRID):
            cell = images[0, 4 * row : 4 * row + 4, 2 * column : 2 * column + 2]
            np.testing.assert_allclose(found[row, column], cell.mean(axis=(0, 1)) / 255, rtol=1e-5)


@pytest.mark.parametrize("size", [(32, 32), (96, 128), (224, 224)])
def test_size_matches_the_features(size: tuple[int, int]):
    images = torch.zeros(2, *size, 3, dtype=torch.uint8)
    assert ColourStatistics()(images).shape == (2, ColourStatistics.size)
