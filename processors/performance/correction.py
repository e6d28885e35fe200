"""Correction of provisional metrics for labels that come at different speeds.

Of the predictions of one pane, those labelled so far are a sample in which slow kinds of labels are rare. Each counts as
1 / F(age) of its kind, F the share that is in by now (`delay_curves`): the estimator of Horvitz and Thompson (J. Am. Stat.
Assoc. 47, 1952) in the ratio form of Hajek. As F is relative to what comes by the horizon, the corrected figure estimates
what the final one will be.

It holds if a label's delay depends on nothing but its stratum (its class, and whether the prediction was right), and if
that dependence is as it was: a change in the delays is mistaken for a change in the model until panes show it. While a
pane is so young that a kind of label which matters has hardly begun to come, nothing can stand for it: such a pane is left
out, and the corrected figure speaks for the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driftline.processors.arrays import F64
from driftline.processors.performance.delay_curves import DelayCurves

KNOWN_MIN: Final = 0.05
"""A label stands for twenty at most: beyond, a few early ones would decide."""
LEFT_OUT_MAX: Final = 0.01
"""The share of labels, in the end, of kinds below KNOWN_MIN that a pane may have and still be used."""


def pane_weights(curves: DelayCurves, from_ms: F64, to_ms: F64) -> F64:
    """float64[panes, strata]: what a label of each stratum stands for, >= 1; 0 throughout for a pane that is too young.

    from_ms, to_ms: float64[panes], the ages of the youngest and the oldest prediction that a pane may hold.
    """
    known = curves.known_between(from_ms, to_ms)
    not_begun = ((known < KNOWN_MIN) * curves.share).sum(axis=1)
    usable = (not_begun <= LEFT_OUT_MAX) & (curves.share.sum() > 0.0)
    return np.where(usable[:, None], 1.0 / np.clip(known, KNOWN_MIN, 1.0), 0.0)


def corrected_names(metrics: dict[str, F64]) -> dict[str, F64]:
    """The same under the names of corrected metrics.

    >>> list(corrected_names({"recall": np.zeros(1), "recall_se": np.zeros(1)}))
    ['recall_corrected', 'recall_corrected_se']
    """
    return {f"{name.removesuffix('_se')}_corrected{'_se' * name.endswith('_se')}": x for name, x in metrics.items()}
