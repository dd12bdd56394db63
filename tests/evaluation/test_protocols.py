import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate_codes import evaluate_codes
from dualhash.evaluation.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from tests.evaluation.random_codes import make_case

EVERYWHERE = {"category_map", "attribute_map", "avg_hm", "avg_tpr", "avg_tnr", "avg_precision"} | {
    f"combined_{kind}_at_{k}"
    for kind in ("recall", "capped_recall")
    for k in (5, 10, 20, 50, 75, 100)
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_returns_all_figures(name):
    case = make_case(0, images=30, attributes=3)
    measured = evaluate_codes(
        case.codes, case.probabilities, case.labels, protocol=name, bootstrap=4
    )
    assert set(measured.figures) >= EVERYWHERE
    for values in measured.figures.values():
        assert values.shape == (5,)
        assert ((values >= 0) & (values <= 1)).all()


def test_the_default_protocol_exists():
    assert PROTOCOLS.find(DEFAULT_PROTOCOL) is PROTOCOLS["ijcv2020"]


def test_an_unknown_protocol_suggests_the_nearest():
    with pytest.raises(DualhashError, match=r"no protocol 'icjv2020'.*Did you mean 'ijcv2020'"):
        PROTOCOLS.find("icjv2020")


def test_a_perfect_model_scores_one():
    rng = np.random.default_rng(0)
    case = make_case(0, images=40, attributes=3)
    labels = case.labels._replace(observed=np.ones((40, 3), bool))
    codes = np.repeat(labels.categories[:, None] == np.arange(-1, 2), 8, axis=1)
    probabilities = np.where(labels.attributes == 1, 0.9, 0.1) + rng.choice([0, 1e-3], (40, 3))
    found = evaluate_codes(codes, probabilities, labels, bootstrap=0).figures
    for name in ("category_map", "attribute_map", "avg_hm", "combined_capped_recall_at_5"):
        assert found[name][0] == pytest.approx(1), name
