import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.training.config import TrainConfig
from dualhash.training.loop.learning_rate_schedule import multiplier
from dualhash.training.presets import preset_config


def test_steps_match_the_paper():
    at = multiplier(preset_config("paper-imagenet"), 150_000)
    assert [at(i) for i in (0, 59_999)] == [1, 1]
    assert [at(i) for i in (60_000, 119_999)] == pytest.approx([0.1, 0.1])
    assert [at(i) for i in (120_000, 149_999)] == pytest.approx([0.01, 0.01])


def test_fixed_schedule_is_constant():
    at = multiplier(preset_config("released-cfw"), 27_500)
    assert {at(i) for i in (0, 10_000, 27_499)} == {1.0}


def test_one_cycle_hand_worked_example():
    at = multiplier(TrainConfig(schedule="one-cycle", warmup_share=0.25), 101)
    assert at(0) == pytest.approx(0.04)
    # A quarter of 101 iterations is 25.25; half way up the half cosine is the mean of its ends.
    assert at(0) < at(12) < 0.52 < at(13) < at(25) < 1
    assert at(26) == pytest.approx(1, abs=1e-2)
    assert at(100) == pytest.approx(1e-4)


@given(st.integers(1, 500), st.floats(0.01, 0.99))
def test_one_cycle_rises_once_and_falls_once(iterations: int, share: float):
    at = multiplier(TrainConfig(schedule="one-cycle", warmup_share=share), iterations)
    rates = [at(i) for i in range(iterations)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(1e-4 - 1e-12 <= rate <= 1 for rate in rates)
