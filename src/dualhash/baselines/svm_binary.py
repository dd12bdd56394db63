"""SVM-binary: attributes predicted from the codes of SSDH by linear support vector machines."""

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.head_method import HeadMethod
from dualhash.baselines.common.linear_svm import attribute_head
from dualhash.codes.linear_head import LinearHead


def fit_svm_binary(codes: Features, report: Report = no_report) -> LinearHead:
    """Fits a linear SVM per attribute to the bits of another model.

    Source: section 4.3.2 of the paper reproduced here, which uses the 256 bits of SSDH. As in
    SVM-real, both values of an attribute weigh the same, and the sigmoid of a score is the
    probability.
    """
    return attribute_head(codes.values > 0.5, codes.labels, report)


SVM_BINARY = HeadMethod(
    title="SVM-binary",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.2",
    year=2020,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="attribute",
    bits="that of the base model",
    base="ssdh",
    fit=fit_svm_binary,
)
