"""Digits and an exponent become the float that Python's own reader makes of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from driftline.processors.decimals import EXPONENT_MAX, nearest_float
from driftline.processors.kernels import njit_uncounted


@njit_uncounted()
def read_all(digits: np.ndarray, exponents: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(digits)):
        out[i] = nearest_float(digits[i], exponents[i])


def assert_read_right(cases: list[tuple[int, int]]) -> None:
    digits = np.array([d for d, _ in cases], np.uint64)
    exponents = np.array([e for _, e in cases], np.int64)
    out = np.empty(len(cases))
    read_all(digits, exponents, out)
    wrong = [(d, e, x) for (d, e), x in zip(cases, out.tolist(), strict=True) if x != float(f"{d}e{e}")]
    assert wrong == []


@pytest.mark.compiled
def test_two_hundred_thousand_random_numbers_are_rounded_right(test_seed: int) -> None:
    draw = random.Random(test_seed)
    cases = []
    for _ in range(100_000):
        digits = draw.randrange(10 ** draw.randrange(1, 20))
        cases.append((digits, draw.randrange(-EXPONENT_MAX, EXPONENT_MAX + 1)))
        cases.append((digits, draw.randrange(-25, 25)))
    assert_read_right(cases)


def test_halves_and_their_neighbours_are_rounded_right() -> None:
    """Half way between two floats decides the even one; a digit more or less decides otherwise."""
    halves = [(1 << bits) + (odd << (bits - 53)) for bits in range(54, 63) for odd in (1, 3, 5, 2**53 - 1)]
    cases = [(half + by, 0) for half in halves for by in (-1, 0, 1)]
    cases += [(half * 10**e, -e) for half in halves for e in range(1, 19) if half * 10**e < 10**19]
    cases += [((2**54 + 1) * 5, -1), ((2**56 - 1) * 1, -1), ((2**54 + 2) * 5 + 1, -1)]
    assert_read_right(cases)


def test_zero_and_the_ends_of_the_range_are_read() -> None:
    assert_read_right(
        [(0, 0), (0, EXPONENT_MAX), (1, -EXPONENT_MAX), (10**19 - 1, EXPONENT_MAX), (2**53, 22), (1, -22)]
    )
