import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.losses.weighted_cross_entropy import AttributeCounts


def test_constant_attributes_are_named():
    with pytest.raises(DualhashError) as raised:
        AttributeCounts(("red", "green", "blue"), np.array([0, 4, 7]), np.array([9, 4, 0]))
    message = str(raised.value)
    assert "'red' is never present" in message
    assert "'blue' is never absent" in message
    assert "green" not in message
