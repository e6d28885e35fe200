"""CUSUM with a known mean: the form of Page-Hinkley whose rate of false alarms can be set (kernel: `page_hinkley`)."""

from __future__ import annotations

from driftline.processors.detectors.page_hinkley import Mode, PageHinkleyFamily
from driftline.processors.detectors.protocol import LARGEST_VALUE


class Cusum(PageHinkleyFamily):
    """CUSUM: alarms when the sum of deviations from a known mean, less an allowance per value, exceeds a threshold.

    Its average run length to a false alarm is known. For values spread evenly, mean 0 and standard deviation 1, it is
    10,000 values at delta 0.25 and threshold 14.3, 100,000 at 18.8, 1,000,000 at 23.3, both directions watched.

    Parameters
    ----------
    threshold
        Alarm when a sum is above it, in units of the values.
    delta
        Allowance per value: half of the shift that is to be found fastest, in units of the values. Default 0.25.
    mean
        The mean without drift; None: the running mean of the stream. Default 0.
    mode
        Which way the mean may not move: "up", "down" or "both". Default "both".
    latch
        True: one alarm per onset, the next one only after the sums have been below a tenth of the threshold. False: a
        fresh start after every alarm. Default True, with a running mean False.
    min_instances, alpha
        As for `PageHinkley`. Defaults 1 and 1. With mean=None, mode="up", alpha=0.9999, min_instances=30 this is
        Page-Hinkley as scikit-multiflow has it.

    >>> import random
    >>> rng = random.Random(7)
    >>> stream = [rng.gauss(0, 1) for _ in range(1000)] + [rng.gauss(1, 1) for _ in range(1000)]
    >>> cusum = Cusum(threshold=14.3)
    >>> [i for i, x in enumerate(stream) if cusum.update(x)]
    [1020]

    It goes on to say how strong the drift is and since when, without a second alarm.

    >>> round(cusum.statistic, 1), cusum.evidence.n_since_change
    (28.6, 1000.0)

    References
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954), pp. 100-115.
    D. Siegmund, "Sequential Analysis", Springer 1985, section 2.6 (run length with the overshoot correction).
    """

    def __init__(
        self,
        threshold: float,
        delta: float = 0.25,
        mean: float | None = 0.0,
        mode: Mode = "both",
        latch: bool | None = None,
        min_instances: int = 1,
        alpha: float = 1.0,
    ) -> None:
        if latch and mean is None:
            raise ValueError("latch=True needs a mean to come back to: write mean=<the mean without drift>")
        if mean is not None and not abs(mean) <= LARGEST_VALUE:
            raise ValueError(f"mean={mean!r}: write the mean without drift, or None for the running mean")
        latched = mean is not None if latch is None else latch
        super().__init__(min_instances, delta, threshold, alpha, mode, mean=mean, clipped=True, latch=latched)
