"""Decimal digits -> the nearest float64, in kernels.

Up to 19 digits are one uint64 `digits`; the number is digits x 10^exponent. Few digits are exact as they are (Clinger,
"How to read floating point numbers accurately", 1990); for the others the product with a 128-bit power of five decides
the rounding: Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51, 2021. That it
always does is shown in Mushtak and Lemire, "Fast number parsing without fallback", 2023.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64, U64
from driftline.processors.kernels import njit_uncounted

EXPONENT_MAX: Final = 280
"""Up to here, and down to its negative, a number of up to 19 digits is neither infinite nor subnormal."""

_EXACT_DIGITS: Final = 2**53
_EXACT_EXPONENT: Final = 22
_EXACT_POWERS: Final[F64] = np.array([float(10**e) for e in range(_EXACT_EXPONENT + 1)])

_LOW32: Final = 0xFFFFFFFF
_KEPT_BITS: Final = 55  # of the product: 53 of the mantissa, one to round by, one that may be a leading zero
_UNDECIDED: Final = (1 << (64 - _KEPT_BITS)) - 1


def _powers_of_five() -> U64:
    """uint64[2 EXPONENT_MAX + 1, 2]: the 128 leading bits (high, low) of 5^q, q = -EXPONENT_MAX .., cut off.

    From 5^-1 to 5^-27 they are rounded up: only then can halves be told from what is just below them.
    """
    table = []
    for q in range(-EXPONENT_MAX, EXPONENT_MAX + 1):
        power = 5 ** abs(q)
        if q < 0:
            power = (1 << (power.bit_length() + 127 + (0 if q >= -27 else 128))) // power + 1
        surplus = power.bit_length() - 128
        power = power >> surplus if surplus >= 0 else power << -surplus
        table.append((power >> 64, power & (2**64 - 1)))
    return np.array(table, np.uint64)


_POWERS_OF_FIVE: Final = _powers_of_five()


@njit_uncounted()
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128 bits of a b: high, low."""
    low32, half = np.uint64(_LOW32), np.uint64(32)
    a_high, a_low, b_high, b_low = a >> half, a & low32, b >> half, b & low32
    low = a_low * b_low
    middle = a_high * b_low + (low >> half)
    other = a_low * b_high + (middle & low32)
    return a_high * b_high + (middle >> half) + (other >> half), (other << half) | (low & low32)


@njit_uncounted()
def _nearest(digits: np.uint64, exponent: int) -> float:
    """The general case; digits > 0, |exponent| <= EXPONENT_MAX."""
    shift = 0
    while digits >> np.uint64(63) == np.uint64(0):
        digits = digits << np.uint64(1)
        shift += 1
    power = _POWERS_OF_FIVE[exponent + EXPONENT_MAX]
    high, low = _product(digits, power[0])
    if high & np.uint64(_UNDECIDED) == np.uint64(_UNDECIDED):
        more, _ = _product(digits, power[1])
        low = low + more
        if more > low:
            high += np.uint64(1)
    leading = int(np.int64(high >> np.uint64(63)))
    cut = np.uint64(leading + 64 - _KEPT_BITS)
    mantissa = high >> cut
    may_be_half = low <= np.uint64(1) and -4 <= exponent <= 23
    if may_be_half and mantissa & np.uint64(3) == np.uint64(1) and mantissa << cut == high:
        mantissa -= np.uint64(1)  # exactly half way: to the even neighbour
    mantissa = (mantissa + (mantissa & np.uint64(1))) >> np.uint64(1)
    # floor(log2 5^q) by a product of integers, exact in this range
    power_of_two = ((217_706 * exponent) >> 16) + 63 + leading - shift
    return math.ldexp(float(mantissa), int(power_of_two) - 52)


@njit_uncounted()
def nearest_float(digits: np.uint64, exponent: int) -> float:
    """digits x 10^exponent, correctly rounded; |exponent| <= EXPONENT_MAX."""
    if digits < np.uint64(_EXACT_DIGITS) and -_EXACT_EXPONENT <= exponent <= _EXACT_EXPONENT:
        if exponent < 0:
            return float(float(digits) / _EXACT_POWERS[-exponent])
        return float(float(digits) * _EXACT_POWERS[exponent])
    return _nearest(digits, exponent) if digits else 0.0
