"""The watch over a model's labels: have they stopped coming, are they of other classes, are they being taken back?

It looks at panes of the whole model, each time they are told of, and keeps a little state.

* **Stale labels.** Each pane has a coverage at each of its ages (those at which performance is told of). It is compared with
  the coverage that earlier panes had *at the same age*: so labels that take a week are no alarm on the first day, and
  labels that used to take an hour are one on the same day. Stale = less than half of what was usual, and not by chance.
* **Classes of labels** (final panes): the last labels against those of the reference, or of the first final panes, by the
  two-sample chi-square test. Other classes are a change of what is predicted, not necessarily of how well.
* **Retractions** (final panes): more than twice the usual share of labels taken back, and not by chance.

"Not by chance" is a probability below `rate` x predictions looked at: so many false alarms a prediction, as everywhere.
Each is said once an onset: again only after a look at which nothing was unusual.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from driftline.processors.arrays import I64
from driftline.processors.outcomes.share_history import ShareHistory
from driftline.processors.signal_ids import digest
from driftline.processors.statistics.chi_square import chi_square, chi_square_p

LABEL_SHARE: Final = 0.05
"""Of the model's budget: labels are few looks a pane, not one for each event."""

CHECKS: Final = 3
"""Stale, classes, retractions: each gets a third of the rate."""

STALE_SHARE: Final = 0.5
RETRACTIONS_FACTOR: Final = 2.0

EXPECTED_LABELS_MIN: Final = 20
"""A pane that should have fewer labels by now says nothing."""

WINDOW_LABELS: Final = 250
REFERENCE_PER_WINDOW: Final = 10
"""The reference is to have so many times the labels of a window (as in `detectors.cascade_plan`)."""

RELEASE_P: Final = 0.05

Watched = Literal["label_coverage", "label_classes", "label_retractions"]


class LabelFinding(NamedTuple):
    """Something unusual about labels.

    share, usual: coverage or share of retractions, now and in earlier panes; of classes None. n: predictions, labels given,
    or labels of the window; reference_n: panes of the history, or labels of the reference.
    """

    what: Watched
    end_ms: int
    statistic: float
    threshold: float
    p_value: float
    n: int
    reference_n: int
    share: float | None = None
    usual: float | None = None


class _State(msgspec.Struct):
    coverage: dict[int, list[float]]
    retractions: list[float]
    reference: list[int]
    window: list[int]
    going_on: list[str]
    stale_revision: int


class LabelWatch:
    """One for each model. rate: false alarms per prediction; classes: k, 0 for a task without classes.

    reference: labels of each class in the reference, int64[k]; None = the first final panes stand for it.
    """

    def __init__(self, rate: float, classes: int = 0, reference: I64 | None = None) -> None:
        self._rate = rate / CHECKS
        self._given = None if reference is None else [int(n) for n in reference]
        self._classes = classes
        self.fingerprint = digest("labels", repr(rate), classes, *(self._given or ()))
        self._coverage: dict[int, ShareHistory] = {}
        self._retractions = ShareHistory()
        self._reference = list(self._given or [0] * classes)
        self._window = [0] * classes
        self._going_on: set[str] = set()
        self._stale_revision = 0

    def told(self, revision: int, end_ms: int, n: int, labelled: int) -> list[LabelFinding]:
        """A pane of the whole model was told of at one of its ages. revision: which; n: its predictions."""
        if n == 0:
            return []
        history = self._coverage.setdefault(revision, ShareHistory())
        coverage, usual, k = labelled / n, history.mean, len(history.shares)
        p = history.p_below(coverage, n)
        if usual is None or p is None or usual * n < EXPECTED_LABELS_MIN:
            history.add(coverage)
            return []
        if coverage >= STALE_SHARE * usual or p >= self._rate * n:
            history.add(coverage)
            # older panes had their labels before these stopped: they do not say that labels come again
            if coverage >= STALE_SHARE * usual and revision <= self._stale_revision:
                self._going_on.discard("label_coverage")
            return []
        if "label_coverage" not in self._going_on:
            self._stale_revision = revision
        finding = LabelFinding(
            "label_coverage", end_ms, coverage, STALE_SHARE * usual, p, n, k, share=coverage, usual=usual
        )
        return self._once(finding)

    def final(self, end_ms: int, labelled: int, retracted: int, classes: I64) -> list[LabelFinding]:
        """A pane of the whole model is final. labelled, retracted: labels there, taken back; classes: int64[k] labels."""
        return self._judge_retractions(end_ms, labelled + retracted, retracted) + self._judge_classes(end_ms, classes)

    def _judge_retractions(self, end_ms: int, given: int, retracted: int) -> list[LabelFinding]:
        if given < EXPECTED_LABELS_MIN:
            return []
        history = self._retractions
        share, usual, k = retracted / given, history.mean, len(history.shares)
        p = history.p_above(share, given)
        if usual is None or p is None or share <= RETRACTIONS_FACTOR * usual or p >= self._rate * given:
            history.add(share)
            if usual is None or share <= RETRACTIONS_FACTOR * usual:
                self._going_on.discard("label_retractions")
            return []
        limit = RETRACTIONS_FACTOR * usual
        return self._once(
            LabelFinding("label_retractions", end_ms, share, limit, p, given, k, share=share, usual=usual)
        )

    def _judge_classes(self, end_ms: int, classes: I64) -> list[LabelFinding]:
        if self._classes < 2:
            return []
        counts = [int(n) for n in classes]
        if self._given is None and sum(self._reference) < REFERENCE_PER_WINDOW * WINDOW_LABELS:
            self._reference = [a + b for a, b in zip(self._reference, counts, strict=True)]
            return []
        self._window = [a + b for a, b in zip(self._window, counts, strict=True)]
        n, m = sum(self._window), sum(self._reference)
        if n < WINDOW_LABELS:
            return []
        window, self._window = np.array(self._window), [0] * self._classes
        # of a window that is large for its reference the test is no better than the reference is
        x2, dof = chi_square(np.array(self._reference), window)
        p = float(chi_square_p(x2, dof)) if dof else 1.0
        if p >= min(1.0, self._rate * n):
            if p > RELEASE_P:
                self._going_on.discard("label_classes")
            return []
        return self._once(LabelFinding("label_classes", end_ms, float(x2), self._rate * n, p, n, m))

    def _once(self, finding: LabelFinding) -> list[LabelFinding]:
        if finding.what in self._going_on:
            return []
        self._going_on.add(finding.what)
        return [finding]

    def state(self) -> bytes:
        """The whole state."""
        coverage = {revision: history.shares for revision, history in sorted(self._coverage.items())}
        return msgspec.msgpack.encode(
            _State(
                coverage,
                self._retractions.shares,
                self._reference,
                self._window,
                sorted(self._going_on),
                self._stale_revision,
            )
        )

    def restore(self, state: bytes) -> None:
        """Take over what `state` of a watch with the same fingerprint gave."""
        kept = msgspec.msgpack.decode(state, type=_State)
        self._coverage = {revision: ShareHistory(shares) for revision, shares in kept.coverage.items()}
        self._retractions = ShareHistory(kept.retractions)
        self._reference, self._window, self._going_on = kept.reference, kept.window, set(kept.going_on)
        self._stale_revision = kept.stale_revision
