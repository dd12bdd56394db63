"""A model, or codes, judged on the test images of a catalogue."""

from typing import Literal, get_args

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.code_file import SavedCodes
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError, nearest
from dualhash.evaluation.distance_ranking import Codes
from dualhash.evaluation.encoded_test_set import (
    EncodedTestSet,
    encode_test_images,
    match_saved_codes,
)
from dualhash.evaluation.evaluate_codes import RESAMPLES, Progress, evaluate_codes
from dualhash.evaluation.evaluation_result import Evaluation, Measurements, MetricValue
from dualhash.evaluation.protocols import DEFAULT_PROTOCOL, protocol_named

CodeKind = Literal["binary", "real"]


def evaluate(
    model: Model,
    catalogue: Catalogue,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    codes: CodeKind = "binary",
    views: int = 1,
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda _stage, _share: None,
) -> Evaluation:
    """Encodes the `test` images and measures all three tasks on them, leave-one-out.

    Args:
        model: The model; it has the attributes of the catalogue, in the same order, or none, and
            is then judged on categories alone.
        catalogue: What is true of the images.
        protocol: A name in `PROTOCOLS`: "ijcv2020", or "cvpr2017", which reproduces the released
            code, faults included.
        codes: "binary" ranks bits by Hamming distance and tells attributes from bits; "real" ranks
            the outputs of the hash layer by Euclidean distance and tells attributes from them.
        views: 1, or 10 to average corners, centre and mirrors before thresholding.
        bootstrap: Draws of the intervals; 0 for none.
        seed: Of the draws.
        progress: Called with the stage and the share of it that is done.

    Returns:
        The figures. Images that cannot be read are left out, counted and named.

    Raises:
        DualhashError: Unknown protocol or kind of codes, no test images, none that can be read, or
            other attributes than the model's.
    """
    judge = protocol_named(protocol)
    _check_kind(codes)
    unseen = encode_test_images(
        model, catalogue, views=views, progress=lambda done, all_: progress("encode", done / all_)
    )
    outputs = _outputs(unseen, codes)
    measured = evaluate_codes(
        outputs,
        model.attribute_probabilities(outputs if judge.quantised else unseen.reals),
        unseen.labels,
        protocol=protocol,
        bootstrap=bootstrap,
        seed=seed,
        progress=progress,
    )
    return _report(measured, unseen, protocol, codes, {"model": model.hash})


def evaluate_saved(
    saved: SavedCodes,
    catalogue: Catalogue,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    codes: CodeKind = "binary",
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda _stage, _share: None,
) -> Evaluation:
    """Measures all three tasks on codes that are there already; see `evaluate`.

    Attributes are told from the saved probabilities, whatever the protocol and the kind of codes:
    without the model they cannot be told from bits.

    Args:
        saved: Codes of test images of the catalogue; see `match_unseen`.
        catalogue: What is true of the images; categories and attributes are taken from here.
        protocol: A name in `PROTOCOLS`.
        codes: "binary" ranks bits by Hamming distance, "real" the outputs by Euclidean distance.
        bootstrap: Draws of the intervals; 0 for none.
        seed: Of the draws.
        progress: Called with the stage and the share of it that is done.

    Raises:
        DualhashError: Unknown protocol or kind of codes, or codes of other images.
    """
    _check_kind(codes)
    unseen = match_saved_codes(saved, catalogue)
    measured = evaluate_codes(
        _outputs(unseen, codes),
        saved.probabilities,
        unseen.labels,
        protocol=protocol,
        bootstrap=bootstrap,
        seed=seed,
        progress=progress,
    )
    return _report(measured, unseen, protocol, codes, {"codes": saved.hash})


def _check_kind(codes: str) -> None:
    if codes not in get_args(CodeKind):
        raise DualhashError(f"There are no codes {codes!r}. {nearest(codes, get_args(CodeKind))}")


def _outputs(unseen: EncodedTestSet, codes: CodeKind) -> Codes:
    return quantise(unseen.reals) if codes == "binary" else unseen.reals


def _report(
    measured: Measurements,
    unseen: EncodedTestSet,
    protocol: str,
    codes: CodeKind,
    source: dict[str, str],
) -> Evaluation:
    """The figures, with the hash of what made the codes and that of the labels."""
    return Evaluation(
        figures={name: MetricValue.of(values) for name, values in measured.figures.items()},
        protocol=protocol,
        codes=codes,
        counts={
            "images": len(unseen.catalogue),
            "images_failed": len(unseen.failures),
            **measured.counts,
        },
        hashes={**source, "data": unseen.label_hash},
        failures=tuple(failure.reason for failure in unseen.failures),
    )
