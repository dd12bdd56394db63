import numpy as np
from sklearn.cross_decomposition import CCA

from dualhash.baselines.cca_itq import canonical_directions, one_hot


def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    categories = rng.integers(0, 4, 300)
    return 10 * (
        rng.standard_normal((4, 6))[categories] + rng.standard_normal((300, 6))
    ), categories


def test_directions_match_sklearn_for_a_small_ridge():
    values, categories = case()
    directions, correlations = canonical_directions(values, one_hot(categories), 3)
    expected = CCA(3, scale=False, max_iter=5000, tol=1e-12).fit(values, one_hot(categories)[:, :3])
    projected, theirs = (values - values.mean(0)) @ directions, expected.transform(values)
    for ours, their in zip(projected.T, theirs.T, strict=True):
        assert abs(np.corrcoef(ours, their)[0, 1]) > 0.9999
    assert (np.diff(correlations) < 0).all()


def test_correlations_match_projected_features_and_labels():
    values, categories = case()
    directions, correlations = canonical_directions(values, one_hot(categories), 8)
    assert directions.shape == (6, 3)  # 4 categories have 3 directions
    projected = (values - values.mean(axis=0)) @ directions
    np.testing.assert_allclose(projected.T @ projected / 299, np.eye(3), atol=1e-3)
    explained = [  # the share of variance between categories is the squared correlation
        sum((categories == c).sum() * column[categories == c].mean() ** 2 for c in range(4))
        / (column @ column)
        for column in projected.T
    ]
    np.testing.assert_allclose(correlations**2, explained, atol=1e-3)


def test_unused_categories_have_no_column():
    np.testing.assert_array_equal(one_hot(np.array([5, 2, 5])), [[0, 1], [1, 0], [0, 1]])
