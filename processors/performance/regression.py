"""Regression: what a row keeps, and the metrics of it.

prediction and label are numbers; error = prediction - label. A label that is NaN, or whose prediction is, is in no metric.

    mae   mean |error|         rmse  root of mean error**2        bias  mean error, positive = predicted too much
    mape  mean |error / label| over labels other than 0           r2    1 - sum error**2 / sum (label - mean label)**2
    residual_p05, _p25, _p50, _p75, _p95    quantiles of the error: see `residual_bins`

All sums are weighted by the label's weight. Errors have no quantum, so their sums are double-double pairs. What a pair keeps
after a large value was added and taken away is below 2**-104 of that value's square; so errors and labels beyond 1e15 count
as 1e15, and the label that someone mistypes and corrects leaves at most .01 in the sum of squares, whatever it was.
|error / label| has a quantum; beyond a million it counts as a million.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.kernels import njit_uncounted
from driftline.processors.performance.double_double import (
    add_product,
    add_weighted_square,
    product_error_of_arrays,
)
from driftline.processors.performance.quantum import kept_weight, kept_weights, quantised
from driftline.processors.performance.residual_bins import RESIDUAL_BINS, residual_bin, residual_quantile
from driftline.processors.performance.standard_errors import effective_n, mean_se

WEIGHT: Final = 0
SQUARES: Final = 1
"""Squares of the weights."""
NONZERO: Final = 2
"""Weight of the labels other than 0."""
RELATIVE: Final = 3
"""Sum of |error / label| over these."""
ERROR: Final = 4
ABSOLUTE: Final = 6
SQUARED: Final = 8
LABEL: Final = 10
LABEL_SQUARED: Final = 12
"""Pairs (high, low) of the sums of error, |error|, error**2, label, label**2."""
RESIDUALS: Final = 14
"""Weights by bin of the error."""
WIDTH: Final = RESIDUALS + RESIDUAL_BINS

PAIRS: Final = (ERROR, ABSOLUTE, SQUARED, LABEL, LABEL_SQUARED)
QUANTILES: Final = {f"residual_p{percent:02}": percent / 100 for percent in (5, 25, 50, 75, 95)}
REACH_MAX: Final = 1e15
RATIO_MAX: Final = 1e6


@njit_uncounted(fastmath=False)
def add(sums: F64, prediction: float, score: float, label: float, weight: float, sign: float) -> None:
    """Add a labelled prediction to sums (float64[WIDTH]); sign -1 takes it away again. score is not used."""
    if prediction != prediction or label != label:
        return
    w = kept_weight(weight)
    error = min(max(prediction - label, -REACH_MAX), REACH_MAX)
    target = min(max(label, -REACH_MAX), REACH_MAX)
    signed = sign * w
    sums[WEIGHT] += signed
    sums[SQUARES] += sign * w * w
    add_product(sums, ERROR, signed, error)
    add_product(sums, ABSOLUTE, signed, abs(error))
    add_weighted_square(sums, SQUARED, signed, error)
    add_product(sums, LABEL, signed, target)
    add_weighted_square(sums, LABEL_SQUARED, signed, target)
    if label != 0.0:
        sums[NONZERO] += signed
        sums[RELATIVE] += sign * quantised(w * min(abs(error / target), RATIO_MAX))
    sums[RESIDUALS + residual_bin(error)] += signed


def sums_plain(prediction: F64, score: F64, label: F64, weight: F64) -> F64:
    """float64[WIDTH]: the sums of n labelled predictions (each float64[n]), exactly rounded: `add` is tested against it."""
    usable = ~(np.isnan(prediction) | np.isnan(label))
    prediction, label, w = prediction[usable], label[usable], kept_weights(weight[usable])
    error = np.clip(prediction - label, -REACH_MAX, REACH_MAX)
    nonzero = label != 0.0
    sums = np.zeros(WIDTH)
    sums[WEIGHT], sums[SQUARES], sums[NONZERO] = w.sum(), (w * w).sum(), w[nonzero].sum()
    sums[ERROR] = math.fsum(w * error)
    sums[ABSOLUTE] = math.fsum(w * np.abs(error))
    sums[SQUARED] = math.fsum(w * error * error)
    with np.errstate(over="ignore"):
        ratio = np.minimum(np.abs(error[nonzero] / label[nonzero]), RATIO_MAX)
    sums[RELATIVE] = (np.rint(w[nonzero] * ratio * 2.0**20) / 2.0**20).sum()
    sums[LABEL] = math.fsum(w * label)
    sums[LABEL_SQUARED] = math.fsum(w * label * label)
    for e, one in zip(error.tolist(), w.tolist(), strict=True):
        sums[RESIDUALS + residual_bin(e)] += one
    return sums


def metrics(sums: F64) -> dict[str, F64]:
    """Every metric of k rows, float64[k, WIDTH], as float64[k].

    NaN = not defined: no label; for mape none other than 0, for r2 none that differs from the others, for a standard error
    fewer than two.
    """
    weight = np.where(
        sums[..., WEIGHT] > 0.0, sums[..., WEIGHT], np.nan
    )  # what is left in the pairs then is no label's
    labels_n = effective_n(weight, weight, sums[..., SQUARES])
    with np.errstate(invalid="ignore", divide="ignore"):
        bias, mae = _pair(sums, ERROR) / weight, _pair(sums, ABSOLUTE) / weight
        mse = np.maximum(_pair(sums, SQUARED), 0.0) / weight
        spread = _label_spread(sums)
        found = {
            "mae": mae,
            "mae_se": mean_se(mae, mse, labels_n),
            "rmse": np.sqrt(mse),
            "bias": bias,
            "bias_se": mean_se(bias, mse, labels_n),
            "mape": sums[..., RELATIVE] / sums[..., NONZERO],
            "r2": np.where(spread > 0.0, 1.0 - mse * weight / spread, np.nan),
        }
    residuals = sums[..., RESIDUALS:WIDTH]
    return found | {name: residual_quantile(residuals, q) for name, q in QUANTILES.items()}


def _pair(sums: F64, high: int) -> F64:
    return np.asarray(sums[..., high] + sums[..., high + 1], np.float64)


def _label_spread(sums: F64) -> F64:
    """float64[k]: sum of w (label - mean)**2 = sum w label**2 - mean * sum w label, without losing what is left over.

    With m the mean rounded to float64, sum w (label - m)**2 = (S2 - m S1) - m (S1 - m W), and each product is exact.
    """
    w = sums[..., WEIGHT]
    mean = _pair(sums, LABEL) / w
    first = mean * sums[..., LABEL]
    of_first = product_error_of_arrays(mean, sums[..., LABEL], first) + mean * sums[..., LABEL + 1]
    weighted = mean * w
    left = (sums[..., LABEL] - weighted) + (sums[..., LABEL + 1] - product_error_of_arrays(mean, w, weighted))
    spread = (sums[..., LABEL_SQUARED] - first) + (sums[..., LABEL_SQUARED + 1] - of_first) - mean * left
    return np.asarray(np.where(spread > 1e-25 * sums[..., LABEL_SQUARED], spread, 0.0), np.float64)
