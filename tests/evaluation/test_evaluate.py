import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from dualhash.catalogue.catalogue import Catalogue, LabelNames, Subset
from dualhash.catalogue.columns import Columns
from dualhash.codes.calibration import (
    AttributeThresholds,
    Calibration,
    Posterior,
    PrecisionCurve,
)
from dualhash.codes.encoder import Encoded, Failure
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.evaluation import posterior_retrieval
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.calibration import reliability
from dualhash.evaluation.compare import compare_draws
from dualhash.evaluation.encoded_test_set import encode_test_images
from dualhash.evaluation.evaluate import evaluate
from dualhash.evaluation.evaluate_codes import evaluate_codes
from dualhash.evaluation.evaluation_result import Evaluation, MetricValue
from dualhash.evaluation.true_labels import TrueLabels

IMAGES, BITS, NAMES = 24, 16, ("red", "old")


def card_of(**fields):
    return SimpleNamespace(
        **{
            "attribute_names": NAMES,
            "attribute_units": (),
            "ranking_bits": None,
            "calibration": Calibration(),
        }
        | fields
    )


class StubModel(Model):
    """Knows the outputs of every image by its name; image 5 is damaged."""

    __setattr__ = object.__setattr__  # a model is frozen
    hash = "hash-of-the-model"
    card = card_of()

    def __init__(self, broken=(5,)):
        rng = np.random.default_rng(0)
        self.reals = rng.random((IMAGES, BITS), dtype=np.float32)
        self.broken = broken
        self.attribute_head, self.calibrated_attribute_head = (
            LinearHead(
                NAMES,
                rng.normal(size=(2, BITS)).astype(np.float32),
                rng.normal(size=2).astype(np.float32),
            )
            for _ in range(2)
        )
        self.category_head = self.calibrated_category_head = self.attribute_head

    def encode(self, paths, *, views=1, progress=None):
        assert views == 1
        requested = [int(path.stem) for path in paths]
        failed = [row for row, image in enumerate(requested) if image in self.broken]
        reals = self.reals[requested]
        reals[failed] = np.nan
        progress(len(paths), len(paths))
        return Encoded(reals, tuple(Failure(r, f"{requested[r]}.png", "torn") for r in failed))


@pytest.fixture
def catalogue():
    rng = np.random.default_rng(1)
    return Catalogue(
        source="shop.csv",
        images=tuple(Path(f"{i}.png") for i in range(IMAGES)),
        references=tuple(map(str, range(IMAGES))),
        names=LabelNames(("hat", "shoe"), NAMES),
        categories=rng.integers(0, 2, IMAGES),
        attributes=rng.integers(0, 2, (IMAGES, 2)).astype(np.int8),
        observed=np.ones((IMAGES, 2), bool),
        subsets=np.where(np.arange(IMAGES) < 4, 0, Subset.TEST).astype(np.int8),
        payload=pl.DataFrame({"image": [f"{i}.png" for i in range(IMAGES)]}),
        columns=Columns(),
    )


USED = np.delete(np.arange(IMAGES), [0, 1, 2, 3, 5])
"""The test images that can be read."""


def true_labels(catalogue):
    return TrueLabels(
        catalogue.categories[USED], catalogue.attributes[USED], catalogue.observed[USED]
    )


def expected(catalogue, codes, probabilities, protocol):
    labels = true_labels(catalogue)
    measured = evaluate_codes(codes, probabilities, labels, protocol=protocol, bootstrap=20)
    return {name: MetricValue.of(values) for name, values in measured.figures.items()}


@pytest.mark.parametrize(
    ("protocol", "codes", "told_from"),
    [
        ("ijcv2020", "binary", "binary"),
        ("ijcv2020", "real", "real"),
        ("cvpr2017", "binary", "real"),
        ("cvpr2017", "real", "real"),
    ],
)
def test_only_readable_test_images_are_evaluated(catalogue, protocol, codes, told_from):
    model = StubModel()
    reals = model.reals[USED]
    kinds = {"binary": quantise(reals), "real": reals}
    found = evaluate(model, catalogue, protocol=protocol, codes=codes, bootstrap=20)
    probabilities = model.attribute_head.probabilities(kinds[told_from])
    figures = expected(catalogue, kinds[codes], probabilities, protocol)
    assert {name: found.figures[name] for name in figures} == figures
    assert (found.protocol, found.codes) == (protocol, codes)
    assert found.counts["images"] == 19
    assert found.counts["images_failed"] == 1


def test_distances_are_those_of_the_ranking_bits(catalogue):
    """Attributes are predicted from all bits."""
    model = StubModel()
    model.card = card_of(ranking_bits=8)
    bits = quantise(model.reals[USED])
    probabilities = model.attribute_head.probabilities(bits)
    found = evaluate(model, catalogue, bootstrap=20)
    figures = expected(catalogue, bits[:, :8], probabilities, "ijcv2020")
    assert {name: found.figures[name] for name in figures} == figures
    unseen = encode_test_images(model, catalogue, progress=print)
    saved = unseen.saved(probabilities)
    assert saved.ranking_bits == 8
    assert evaluate(saved, catalogue, bootstrap=20).figures == figures


def test_combined_retrieval_by_posterior_is_measured_with_the_calibrated_heads(catalogue):
    model, rng = StubModel(), np.random.default_rng(2)
    model.card = SimpleNamespace(
        **vars(model.card)
        | {"ranking_bits": 8, "calibration": Calibration(posterior=Posterior(epsilon=0.1, tau=3))}
    )
    model.calibrated_category_head = LinearHead(
        ("hat", "shoe"), rng.normal(size=(2, BITS)).astype("f4"), np.ones(2, "f4")
    )
    model.calibrated_attribute_head = replace(model.attribute_head, bias=np.ones(2, "f4"))
    found = evaluate(model, catalogue, bootstrap=9, seed=4).figures
    bits = quantise(model.reals[USED])
    scores = model.calibrated_category_head.scores(bits).astype(float)
    alone = posterior_retrieval.ijcv2020(
        bits[:, :8],
        np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True),
        1 / (1 + np.exp(-model.calibrated_attribute_head.scores(bits).astype(float))),
        true_labels(catalogue),
        query_weights(len(USED), 9, np.random.default_rng(4)),
        posterior=model.card.calibration.posterior,
    ).figures
    assert "combined_posterior_absent_capped_recall_at_100" in alone
    assert {name: found[name] for name in alone} == {
        name: MetricValue.of(draws) for name, draws in alone.items()
    }
    for options in ({"codes": "real"}, {"protocol": "cvpr2017"}):
        other = evaluate(model, catalogue, bootstrap=0, **options).figures
        assert "combined_posterior_recall_at_5" not in other


def test_the_json_has_all_documented_fields(catalogue):
    found = evaluate(StubModel(), catalogue, bootstrap=20)
    written = json.loads(found.model_dump_json())
    assert list(written) == [
        "figures",
        "protocol",
        "codes",
        "counts",
        "hashes",
        "failures",
        "reliability",
    ]
    figure = written["figures"]["combined_capped_recall_at_5"]
    assert list(figure) == ["value", "low", "high"]
    assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
    rows = np.flatnonzero(catalogue.subsets == Subset.TEST)
    assert written["hashes"] == {
        "model": "hash-of-the-model",
        "data": catalogue.take(rows).label_hash,
    }
    assert written["failures"] == ["torn"]
    assert Evaluation.model_validate(written) == found.model_copy(update={"draws": {}})
    assert found.values()["category_map"] == written["figures"]["category_map"]["value"]


def test_the_draws_of_a_figure_give_its_interval_and_are_compared_in_pairs(catalogue):
    found = evaluate(StubModel(), catalogue, bootstrap=20)
    for name, figure in found.figures.items():
        assert MetricValue.of(np.array(found.draws[name])) == figure
    draws = found.draws["category_map"]
    assert len(draws) == 21
    assert compare_draws(draws, draws) == (0.0, 0.0, 0.0)


def test_a_figure_without_queries_is_null_in_json():
    assert MetricValue.of(np.array([np.nan, 0.5])).model_dump() == {
        "value": None,
        "low": None,
        "high": None,
    }
    assert MetricValue.of(np.array([0.5])).model_dump() == {"value": 0.5, "low": None, "high": None}


def test_progress_includes_encoding(catalogue):
    stages = []
    evaluate(StubModel(), catalogue, bootstrap=0, progress=lambda stage, _: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["encode", "category", "attribute", "combined"]


def test_refuses_unknown_options(catalogue):
    with pytest.raises(DualhashError, match="no protocol 'ijcv2021'"):
        evaluate(StubModel(), catalogue, protocol="ijcv2021")
    with pytest.raises(DualhashError, match=r"no kind of codes 'binar'.*'binary'"):
        evaluate(StubModel(), catalogue, codes="binar")


def test_refuses_a_catalogue_without_test_images(catalogue):
    untested = replace(catalogue, subsets=np.zeros(IMAGES, np.int8))
    with pytest.raises(DualhashError, match=r"shop\.csv has no images in the subset 'test'"):
        evaluate(StubModel(), untested)


def test_refuses_when_no_test_image_can_be_read(catalogue):
    with pytest.raises(DualhashError, match=r"None of the 20 test images.*4\.png: torn"):
        evaluate(StubModel(broken=range(IMAGES)), catalogue)


@pytest.mark.parametrize(
    ("names", "message"),
    [(("red", "new"), "differ in 'new', 'old'"), (("old", "red"), "differ in order")],
)
def test_refuses_attributes_that_differ_from_the_model(catalogue, names, message):
    other = replace(catalogue, names=LabelNames(("hat", "shoe"), names))
    with pytest.raises(DualhashError, match=message):
        evaluate(StubModel(), other)


def test_real_outputs_of_attribute_units_are_ranked_as_probabilities(catalogue):
    """The bits of the units tie where the real outputs do not."""
    model = StubModel(broken=())
    model.card = card_of(attribute_units=(0, 1))
    weight = np.zeros((2, BITS), np.float32)
    weight[[0, 1], [0, 1]] = 4
    model.attribute_head = LinearHead(NAMES, weight, np.full(2, -2, np.float32))
    catalogue = replace(catalogue, attributes=(model.reals[:, :2] > 0.75).astype(np.int8))
    real, binary = (
        evaluate(model, catalogue, codes=codes, bootstrap=0).values()
        for codes in ("real", "binary")
    )
    assert real["attribute_map"] > binary["attribute_map"] + 0.1
    assert real["avg_hm"] == binary["avg_hm"]  # a probability above 0.5 is a bit of 1


def test_calibration_is_that_of_the_calibrated_heads_on_bits(catalogue):
    model = StubModel()
    found = evaluate(model, catalogue, codes="real", bootstrap=5)
    bits, labels = quantise(model.reals[USED]), catalogue.take(USED)
    right = labels.attributes == 1
    diagram = reliability(
        model.calibrated_attribute_head.probabilities(bits).ravel(), right.ravel()
    )
    assert found.reliability.all_attributes == diagram
    assert found.figures["attribute_ece"].value == pytest.approx(diagram.error)
    assert found.reliability.category.error == pytest.approx(found.figures["category_ece"].value)
    as_trained = reliability(model.attribute_head.probabilities(bits).ravel(), right.ravel())
    assert found.figures["attribute_ece_as_trained"].value == pytest.approx(as_trained.error)
    assert list(found.reliability.attributes) == list(NAMES)


def test_filters_with_a_precision_are_measured(catalogue):
    """The attribute "old" does not reach 0.9."""
    model = StubModel()
    curve = PrecisionCurve(precision=(0.5, 0.95), threshold=(0.2, 0.6), recall=(1, 0.5))
    thresholds = {
        "red": AttributeThresholds(balanced=0.5, present=curve),
        "old": AttributeThresholds(balanced=0.5),
    }
    model.card = card_of(calibration=Calibration(thresholds=thresholds))
    found = evaluate(model, catalogue, bootstrap=0)
    head = model.calibrated_attribute_head
    passing = head.probabilities(quantise(model.reals[USED]))[:, 0] >= 0.6
    expected = catalogue.attributes[USED][passing, 0].mean()
    assert found.figures["precision_at_90"].value == pytest.approx(expected)
    assert found.counts["attributes_reaching_90"] == 1
    without = evaluate(StubModel(), catalogue, bootstrap=0)
    assert without.figures["precision_at_90"].value is None
