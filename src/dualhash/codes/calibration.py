"""What is fitted on validation images after training, beside the calibrated heads."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRESENT = 0.5
"""The probability from which an attribute counts as present, in the paper (section 3.5) and for
models without thresholds."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Calibrated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrecisionCurve(_Calibrated):
    """How many of the images are right whose probability reaches a threshold.

    Attributes:
        precision: Share of the images at or above the threshold that are right, ascending.
        threshold: The lowest calibrated probability that has this precision, ascending.
        recall: Share of the right images that are at or above the threshold, descending.
    """

    precision: tuple[Share, ...] = ()
    threshold: tuple[Share, ...] = ()
    recall: tuple[Share, ...] = ()

    def reaching(self, precision: float) -> float | None:
        """Returns the lowest threshold that has this precision or more; None if none has."""
        points = zip(self.precision, self.threshold, strict=True)
        return next((threshold for reached, threshold in points if reached >= precision), None)


class AttributeThresholds(_Calibrated):
    """Calibrated probabilities from which an attribute counts as present, or as absent.

    Attributes:
        balanced: Where true positive and true negative rate are most nearly equal.
        present: Precision of "present" for thresholds of the probability p.
        absent: Precision of "absent" for thresholds of 1 - p.
    """

    balanced: Share
    present: PrecisionCurve = PrecisionCurve()
    absent: PrecisionCurve = PrecisionCurve()


class Posterior(_Calibrated):
    """Constants of a search that ranks by log(epsilon + sum_c p_q(c) p_x(c)) + log p_x - d / tau.

    Attributes:
        epsilon: Added to the probability that two images have the same category.
        tau: Bits of Hamming distance that count as much as a factor e of probability.
        better: Whether it found more than the filter of combined searches on validation images.
    """

    epsilon: float = Field(gt=0)
    tau: float = Field(gt=0)
    better: bool = False


class CalibrationErrors(_Calibrated):
    """Expected calibration errors on validation images, None where no label is known.

    Attributes:
        category_before, category: Of the category head, and of the calibrated one.
        attribute_before, attribute: Likewise, of all attributes together.
    """

    category_before: Share | None = None
    category: Share | None = None
    attribute_before: Share | None = None
    attribute: Share | None = None


class Calibration(_Calibrated):
    """What is fitted on validation images after training; all of it may be missing.

    Attributes:
        attribute_weight: Of weighted searches (see `evaluation.weighted_retrieval`).
        thresholds: By name of the attribute; empty for models of before format 3.
        posterior: Of searches by posterior probability.
        errors: How far probabilities are from shares.
    """

    attribute_weight: float | None = Field(default=None, ge=0)
    thresholds: dict[str, AttributeThresholds] = {}
    posterior: Posterior | None = None
    errors: CalibrationErrors = CalibrationErrors()

    def balanced(self, attribute: str) -> float:
        """Returns the probability from which an attribute counts as present by default."""
        thresholds = self.thresholds.get(attribute)
        return PRESENT if thresholds is None else thresholds.balanced

    @model_validator(mode="before")
    @classmethod
    def _rename_soft(cls, values: object) -> object:
        """Models of before the rename store the attribute weight as `soft`."""
        if not isinstance(values, dict):
            return values
        return {"attribute_weight" if name == "soft" else name: values[name] for name in values}
