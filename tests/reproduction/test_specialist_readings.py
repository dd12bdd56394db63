import numpy as np
import pytest

from dualhash.codes.packing import quantise
from dualhash.evaluation.true_labels import TrueLabels
from reproduction.beyond.specialist_readings import (
    Readings,
    logit,
    measure_readings,
    read_together,
)
from tests.builders import colour_image, colour_model

KINDS, ATTRIBUTES, IMAGES = 4, 3, 80


def labels(seed: int) -> TrueLabels:
    rng = np.random.default_rng(seed)
    return TrueLabels(
        rng.integers(KINDS, size=IMAGES),
        rng.integers(2, size=(IMAGES, ATTRIBUTES)).astype(np.int8),
        np.ones((IMAGES, ATTRIBUTES), bool),
    )


def readings(known: TrueLabels, noise: float) -> Readings:
    """Scores are the labels with noise, predictions are random."""
    rng = np.random.default_rng(5)
    category_scores = 4.0 * np.eye(KINDS)[known.categories] + rng.normal(0, noise, (IMAGES, KINDS))
    attribute_scores = 4.0 * (known.attributes * 2 - 1) + rng.normal(0, noise, known.observed.shape)
    return Readings(
        codes=rng.random((IMAGES, 16)) > 0.5,
        predicted=(rng.random((IMAGES, ATTRIBUTES)) > 0.5).astype(float),
        bits=np.zeros((IMAGES, 1), bool),
        category_scores=category_scores,
        attribute_scores=attribute_scores,
    )


def measured(noise: float) -> dict[str, float]:
    test, known = labels(0), labels(1)
    found = measure_readings(
        readings(test, noise),
        test,
        readings(known, noise),
        known,
        resamples=3,
        progress=lambda *_: None,
    )
    assert {len(draws) for draws in found.figures.values()} == {4}
    return {name: draws[0] for name, draws in found.figures.items()}


def test_searches_by_posterior_use_the_scores_and_the_filter_the_predictions():
    certain, noisy = measured(0.1), measured(20.0)
    assert certain["combined_posterior_capped_recall_at_5"] == pytest.approx(1)
    assert noisy["combined_posterior_capped_recall_at_5"] < 0.9
    for name in ("category_map", "attribute_map", "combined_recall_at_5"):
        assert certain[name] == noisy[name]


def test_multiple_model_reads_bits_and_class_id_reads_real_values(tmp_path):
    rng = np.random.default_rng(0)
    images = [
        colour_image(tmp_path / f"{i}.png", tuple(colour))
        for i, colour in enumerate(rng.integers(256, size=(6, 3)).tolist())
    ]
    models = {
        name: colour_model(tmp_path / name, seed=i)
        for i, name in enumerate(("ssdh", "cnn-attribute"))
    }
    reals = {name: model.encode(images).reals for name, model in models.items()}
    bits = {name: quantise(each) for name, each in reals.items()}
    multiple = read_together("multiple-model", models, images, lambda *_: None)
    np.testing.assert_array_equal(multiple.codes, bits["ssdh"])
    head = models["ssdh"].category_head
    np.testing.assert_array_equal(multiple.category_scores, head.scores(bits["ssdh"]))
    named = read_together("class-id", models, images, lambda *_: None)
    np.testing.assert_array_equal(named.category_scores, head.scores(reals["ssdh"]))
    probabilities = models["cnn-attribute"].attribute_probabilities(reals["cnn-attribute"])
    np.testing.assert_allclose(named.attribute_scores, logit(probabilities))
    for found in (multiple, named):
        np.testing.assert_array_equal(found.predicted, probabilities >= 0.5)


def test_logits_of_certain_probabilities_are_finite():
    found = logit(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(found).all()
    assert found[1] == 0
