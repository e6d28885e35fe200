"""What is added up is a whole multiple of a quantum, so that sums are exact."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.performance.quantum import QUANTUM, WEIGHT_QUANTUM, kept_weight, kept_weights, quantised


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_weight_that_is_kept_is_a_multiple_and_fits_single_precision(weight: float) -> None:
    kept = kept_weight(weight)
    assert kept == kept_weights(np.array([weight]))[0] == float(np.float32(kept))
    assert (kept / WEIGHT_QUANTUM).is_integer() and 0.0 <= kept <= 1024.0
    assert (kept > 0.0) == (weight > 0.0)
    assert kept_weight(kept) == kept


def test_weights_that_are_no_weights_count_nothing() -> None:
    assert [kept_weight(w) for w in (0.0, -1.0, math.nan, -math.inf)] == [0.0] * 4


@given(st.floats(0.0, 40_000.0))
def test_a_loss_is_off_by_half_a_quantum_at_most(loss: float) -> None:
    assert abs(quantised(loss) - loss) <= QUANTUM / 2.0
    assert (quantised(loss) / QUANTUM).is_integer()
