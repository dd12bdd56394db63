"""Attributes read from the codes of SSDH by linear support vector machines."""

from dualhash.baselines.features import Features, Report, no_report
from dualhash.baselines.head_method import HeadMethod
from dualhash.baselines.linear_svm import attribute_head
from dualhash.codes.linear_head import LinearHead


def fit_svm_binary(codes: Features, report: Report = no_report) -> LinearHead:
    """A linear SVM for each attribute on the bits of another model.

    Source: section 4.3.2 of the paper reproduced here, which takes the 256 bits of SSDH. As in
    SVM-real both kinds of label weigh the same, and the sigmoid of a score is the probability.
    """
    return attribute_head(codes.values > 0.5, codes.labels, report)


SVM_BINARY = HeadMethod(
    title="SVM-binary",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.2",
    year=2020,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="attribute",
    bits="those of the model whose codes it reads",
    base="ssdh",
    fit=fit_svm_binary,
)
