import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from dualhash.baselines import sdh
from dualhash.baselines.cca_itq import one_hot
from dualhash.baselines.sdh import Ridge, coordinate_descent
from tests.baselines.digits_data import digits
from tests.oracles.baselines import naive_sdh_objective

RNG = np.random.default_rng(0)


def objective(codes: np.ndarray, target: np.ndarray, classifier: np.ndarray) -> float:
    return float(((codes @ classifier) ** 2).sum() - 2 * (codes * target).sum())


def test_no_single_flip_improves_the_codes():
    target, classifier = RNG.standard_normal((20, 6)), RNG.standard_normal((6, 3))
    for code, row in zip(coordinate_descent(target, classifier), target, strict=True):
        reached = objective(code, row, classifier)
        for bit in range(6):
            flipped = code.copy()
            flipped[bit] *= -1
            assert objective(flipped, row, classifier) >= reached - 1e-9


def test_codes_without_coupling_are_signs_of_the_target():
    target = np.array([[0.2, -3.0], [-0.1, 0.5]])
    found = coordinate_descent(target, np.eye(2))
    np.testing.assert_array_equal(found, [[1, -1], [-1, 1]])


def test_ridge_matches_sklearn():
    values, targets = RNG.standard_normal((30, 4)), RNG.standard_normal((30, 2))
    ridge = Ridge(values, 0.7)
    expected = SklearnRidge(0.7, fit_intercept=False).fit(values, targets)
    np.testing.assert_allclose(ridge.solve(targets), expected.coef_.T)
    assert ridge.predict(targets) == pytest.approx(expected.predict(values))


@pytest.mark.parametrize("seed", range(3))
def test_classifiers_lower_the_objective_and_the_last_round_is_lowest(
    monkeypatch: pytest.MonkeyPatch, seed: int
):
    """Codes alone may raise it from one round to the next, because they begin anew each time."""
    train = digits()[0].take(np.arange(200))
    labels = one_hot(train.labels.categories)
    rounds: list[tuple[np.ndarray, np.ndarray, float]] = []

    def watched(target: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        predicted = (target - labels @ classifier.T) / sdh.NU

        def reached(codes: np.ndarray, classifier: np.ndarray) -> float:
            return naive_sdh_objective(labels, codes, classifier, predicted, sdh.NU)

        if rounds:
            codes, classifier_before, _ = rounds[-1]
            assert reached(codes, classifier) <= reached(codes, classifier_before) + 1e-9
        codes = coordinate_descent(target, classifier)
        rounds.append((codes, classifier, reached(codes, classifier)))
        return codes

    monkeypatch.setattr(sdh, "coordinate_descent", watched)
    sdh.SDH.fit(train, 16, np.random.default_rng(seed))
    assert len(rounds) == sdh.ITERATIONS
    assert rounds[-1][2] < 0.2 * rounds[0][2]
