import math

import pytest

from dualhash.errors import DualhashError
from dualhash.training.loop.choose_alpha import Trial, choose_alpha, search_alpha


def trials(*maps: float) -> list[Trial]:
    alphas = (0.0, 0.01, 0.1, 1.0, 3.0)
    return [Trial(alpha, m, 0.5) for alpha, m in zip(alphas, maps, strict=False)]


@pytest.mark.parametrize(
    ("maps", "tolerance", "chosen"),
    [
        ((0.50, 0.50, 0.49, 0.40), 0.03, 0.1),
        ((0.50, 0.52, 0.55, 0.53, 0.51), 0.03, 3.0),
        ((0.50, 0.30), 0.03, 0.0),
        # 0.485 is the last that 3 % allow.
        ((0.50, 0.485, 0.484), 0.03, 0.01),
        # A later recovery does not count: raising stopped at the first clear drop.
        ((0.50, 0.40, 0.50), 0.03, 0.0),
        ((0.50, 0.40, 0.30), 0.3, 0.01),
        ((0.50,), 0.03, 0.0),
    ],
)
def test_largest_alpha_before_a_clear_drop_is_chosen(
    maps: tuple[float, ...], tolerance: float, chosen: float
):
    assert choose_alpha(trials(*maps), tolerance) == chosen


def test_the_search_stops_at_the_first_clear_drop():
    made = {trial.alpha: trial for trial in trials(0.5, 0.5, 0.3, 0.5, 0.5)}
    tried = []

    def run(alpha: float) -> Trial:
        tried.append(alpha)
        return made[alpha]

    found = search_alpha(run, tuple(made), 0.03)
    assert tried == [0.0, 0.01, 0.1] == [trial.alpha for trial in found]


def test_auto_alpha_without_category_map_is_refused():
    with pytest.raises(DualhashError, match="no category has two validation images"):
        search_alpha(lambda alpha: Trial(alpha, math.nan, 0.7), (0.0, 0.1), 0.03)
