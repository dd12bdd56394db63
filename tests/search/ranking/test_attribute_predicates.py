import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import Calibration, LinearHead, pack
from dualhash.codes.calibration import AttributeThresholds, PrecisionCurve
from dualhash.codes.model import predict
from dualhash.errors import DualhashError
from dualhash.search.ranking.attribute_predicates import choose
from dualhash.search.request import SearchRequest
from dualhash.search.results import ItemLabels, Query
from tests.oracles.search import joint
from tests.search.ranking.small_code_table import predicates

NAMES = ("red", "green", "blue", "large")


def random_head(seed: int, bits: int) -> LinearHead:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(len(NAMES), bits)).astype(np.float32)
    return LinearHead(NAMES, weight, rng.normal(size=len(NAMES)).astype(np.float32))


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(0, 8))
def test_joint_probability_matches_a_naive_loop(seed: int, width: int, n: int):
    head = random_head(seed, 8 * width)
    bits = np.random.default_rng(seed + 1).random((n, 8 * width)) < 0.5
    conditions = predicates(head, want=["blue", "red"], without=["large"])
    rows = [NAMES.index(name) for name in ("red", "blue", "large")]
    heads = [(head.weight[row].tolist(), float(head.bias[row])) for row in rows]
    wanted = [True, True, False]
    expected = [joint(row, heads, wanted) for row in bits.tolist()]
    np.testing.assert_allclose(
        [both for both, _ in conditions.evidence(pack(bits))], expected, rtol=1e-4
    )


def test_hand_worked_example():
    """Probabilities of being present 3/4 and 1/4."""
    weight = np.zeros((2, 8), np.float32)
    weight[:, 0] = np.log(3), -np.log(3)
    head = LinearHead(("red", "new"), weight, np.zeros(2, np.float32))
    code = np.array([[0b10000000], [0]], np.uint8)
    conditions = predicates(head, want=["red"], without=["new"])
    (both, each), (other, _) = conditions.evidence(code)
    assert (both, other) == (pytest.approx(9 / 16), pytest.approx(1 / 4))
    assert each == pytest.approx({"red": 0.75, "new": 0.25})


def test_tiny_probabilities_are_not_rounded_to_zero():
    head = LinearHead(("red",), np.full((1, 8), 10, np.float32), np.zeros(1, np.float32))
    ((probability, _),) = predicates(head, without=["red"]).evidence(np.array([[0xFF]], np.uint8))
    assert probability == pytest.approx(np.exp(-80), rel=1e-6)


def test_match_takes_the_values_of_the_query():
    head = random_head(0, 16)
    code = np.array([0b10110011, 0b01010101], np.uint8)
    (prediction,) = predict(code[None], LinearHead((), np.empty((0, 16)), np.empty(0)), head)
    query = Query(code, None, None, ItemLabels(), prediction)
    conditions = choose(head, SearchRequest(match=NAMES), query, Calibration())
    present = head.code_scores(code[None])[0] > 0
    assert conditions.values == dict(zip(NAMES, present.tolist(), strict=True))
    assert len(set(present.tolist())) == 2


def test_the_order_of_names_does_not_matter():
    head = random_head(0, 16)
    codes = np.random.default_rng(0).integers(0, 256, (50, 2), np.uint8)
    one, other = (
        predicates(head, want=["red", "blue", "large"]),
        predicates(head, want=["large", "blue", "red", "red"]),
    )
    assert one.values == other.values
    assert one.evidence(codes) == other.evidence(codes)


def test_unknown_attributes_suggest_the_nearest():
    with pytest.raises(DualhashError, match=r"no attribute 'gren'. Did you mean 'green'"):
        predicates(random_head(0, 8), without=["gren"])
    with pytest.raises(DualhashError, match="no attribute 'rde'"):
        predicates(random_head(0, 8), match=["rde"])


THRESHOLDS = AttributeThresholds(
    balanced=0.25,
    present=PrecisionCurve(precision=(0.5, 0.9), threshold=(0.3, 0.8), recall=(0.9, 0.4)),
    absent=PrecisionCurve(precision=(0.7, 0.95), threshold=(0.1, 0.6), recall=(1, 0.6)),
)
CALIBRATION = Calibration(thresholds=dict.fromkeys(NAMES, THRESHOLDS))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.25, 0.25]),
        ({"threshold": 0.4}, [0.4, 0.4]),
        ({"precision": 0.9}, [0.8, 0.4]),
        ({"precision": 0.6}, [0.8, 0.9]),
        ({"precision": 0.3}, [0.3, 0.9]),
    ],
)
def test_thresholds_follow_threshold_or_precision(options: dict, expected: list[float]):
    """Present from the threshold; absent where 1 - p reaches that of the other curve."""
    request = SearchRequest(want=["red"], without=["green"], **options)
    conditions = choose(random_head(0, 8), request, None, CALIBRATION)
    assert conditions.thresholds == pytest.approx(expected)
    assert conditions.thresholds_by_name == pytest.approx(
        dict(zip(("red", "green"), expected, strict=True))
    )


def test_a_precision_that_is_not_reached_is_refused():
    head = random_head(0, 8)
    with pytest.raises(DualhashError, match=r"0\.92 is not reached for red: at most 0\.9 was"):
        choose(head, SearchRequest(want=["red"], precision=0.92), None, CALIBRATION)
    with pytest.raises(DualhashError, match=r"0\.99 is not reached for not red: at most 0\.95"):
        choose(head, SearchRequest(without=["red"], precision=0.99), None, CALIBRATION)
    empty = Calibration(thresholds={"red": AttributeThresholds(balanced=0.5)})
    with pytest.raises(DualhashError, match=r"not reached for red: no precision was measured"):
        choose(head, SearchRequest(want=["red"], precision=0.5), None, empty)
    with pytest.raises(DualhashError, match="`precision` needs a model with thresholds"):
        choose(head, SearchRequest(want=["red"], precision=0.5), None, Calibration())


def test_the_value_to_match_is_decided_by_the_balanced_threshold():
    head = LinearHead(("red",), np.zeros((1, 8), np.float32), np.float32([np.log(0.3 / 0.7)]))
    code = np.zeros(1, np.uint8)
    (prediction,) = predict(code[None], head.take([]), head)
    query = Query(code, None, None, ItemLabels(), prediction)
    request = SearchRequest(match=["red"])
    assert choose(head, request, query, CALIBRATION).values == {"red": True}
    assert choose(head, request, query, Calibration()).values == {"red": False}
