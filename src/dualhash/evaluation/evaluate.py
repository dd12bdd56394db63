"""Evaluates a model, or saved codes, on the test images of a catalogue."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.code_file import SavedCodes
from dualhash.codes.linear_head import softmax
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError, nearest
from dualhash.evaluation import posterior_retrieval
from dualhash.evaluation.bootstrap import RESAMPLES, query_weights
from dualhash.evaluation.encoded_test_set import encode_test_images, match_saved_codes
from dualhash.evaluation.evaluate_calibration import evaluate_calibration
from dualhash.evaluation.evaluate_codes import Progress, evaluate_codes
from dualhash.evaluation.evaluation_result import Evaluation, Measurements, MetricValue
from dualhash.evaluation.protocols import DEFAULT_PROTOCOL, PROTOCOLS

CodeKind = Literal["binary", "real"]


def evaluate(
    source: Model | SavedCodes,
    catalogue: Catalogue,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    codes: CodeKind = "binary",
    views: int = 1,
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda _stage, _share: None,
) -> Evaluation:
    """Measures the three tasks on the `test` images, leave-one-out.

    Args:
        source: A model with the attributes of the catalogue, in the same order, or without
            attributes; then only categories are evaluated. Or saved codes of test images, see
            `match_saved_codes`; they are evaluated with their saved probabilities, since without
            the model these cannot be computed from bits.
        catalogue: The images and their true labels.
        protocol: A name in `PROTOCOLS`: "ijcv2020", or "cvpr2017", which reproduces the released
            code, errors included.
        codes: "binary" ranks by the Hamming distance of bits, "real" by the Euclidean distance of
            the outputs of the hash layer; both only of the ranking bits, if these are not all. A
            model predicts attributes from the same, from all of them.
        views: 1, or 10 to average corners, centre and mirror images before thresholding; for a
            model.
        bootstrap: Number of draws for the intervals; 0 for no intervals.
        seed: Seed of the draws.
        progress: Called with the stage and the share of it that is done.

    Returns:
        The figures; also of combined retrieval by posterior, if the model has its constants and
        `codes` is "binary". Images that cannot be read are left out, counted and named.

    Raises:
        DualhashError: The protocol or kind of codes is unknown, there are no readable test images,
            or they do not fit the model or codes.
    """
    quantised = PROTOCOLS.find(protocol).quantised
    if codes not in get_args(CodeKind):
        raise DualhashError(
            f"There is no kind of codes {codes!r}. {nearest(codes, get_args(CodeKind))}"
        )
    probabilities: NDArray[np.floating]
    if isinstance(source, SavedCodes):
        test_set = match_saved_codes(source, catalogue)
        hashes = {"codes": source.hash}
    else:
        test_set = encode_test_images(
            source,
            catalogue,
            views=views,
            progress=lambda done, total: progress("encode", done / total),
        )
        hashes = {"model": source.hash}
    outputs = quantise(test_set.reals) if codes == "binary" else test_set.reals
    if isinstance(source, SavedCodes):
        probabilities = source.probabilities
    else:
        probabilities = source.attribute_probabilities(outputs if quantised else test_set.reals)
    measurements = evaluate_codes(
        outputs[:, : test_set.ranking_bits],
        probabilities,
        test_set.labels,
        protocol=protocol,
        bootstrap=bootstrap,
        seed=seed,
        progress=progress,
    )
    diagrams = None
    if isinstance(source, Model):
        bits = quantise(test_set.reals)
        weights = query_weights(len(bits), bootstrap, np.random.default_rng(seed))
        calibration, diagrams = evaluate_calibration(source, bits, test_set.labels, weights)
        measurements = Measurements.merged((measurements, calibration))
        posterior = source.card.calibration.posterior
        if posterior and codes == "binary" and quantised:
            by_posterior = posterior_retrieval.ijcv2020(
                bits[:, : source.card.ranking_bits],
                softmax(source.calibrated_category_head.scores(bits)),
                source.calibrated_attribute_head.probabilities(bits),
                test_set.labels,
                weights,
                posterior=posterior,
                progress=lambda share: progress("combined by posterior", share),
            )
            measurements = Measurements.merged((measurements, by_posterior))
    images = {"images": len(test_set.catalogue), "images_failed": len(test_set.failures)}
    return Evaluation(
        figures={name: MetricValue.of(draws) for name, draws in measurements.figures.items()},
        protocol=protocol,
        codes=codes,
        counts=images | measurements.counts,
        hashes=hashes | {"data": test_set.label_hash},
        failures=tuple(failure.reason for failure in test_set.failures),
        draws={name: draws.tolist() for name, draws in measurements.figures.items()},
        reliability=diagrams,
    )
