"""Codes of all kinds, for searches that leave out clusters."""

import numpy as np
from hypothesis import strategies as st


def draw_codes(draw: st.DrawFn, count: int, width: int) -> np.ndarray:
    """Clustered, random, constant, or with many duplicates."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = draw(st.sampled_from([1, 3, 20, 10_000]))
    pool = np.random.default_rng(0).integers(0, 256, (kinds, width), dtype=np.uint8)
    flips = rng.random((count, 8 * width)) < draw(st.sampled_from([0, 0.03]))
    return pool[rng.integers(0, kinds, count)] ^ np.packbits(flips, axis=1)
