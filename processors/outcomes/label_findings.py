"""What is said about labels that stopped coming, changed their classes, or are taken back."""

from __future__ import annotations

from typing import Final

from driftline.processors.crossings import Place, open_alert
from driftline.processors.outcomes.label_watch import LabelFinding
from driftline.processors.signal_ids import digest
from driftline.schemas.alerts import FeatureEvidence
from driftline.schemas.layout import SignalKind
from driftline.schemas.signals import AlertOpened, Drift

NO_OFFSET: Final = -1
"""A window of predictions stands behind the finding, not one record."""

KIND: Final[dict[str, SignalKind]] = {
    "label_coverage": "quality",
    "label_classes": "concept",
    "label_retractions": "quality",
}

HEADLINE: Final = {
    "label_coverage": "labels are missing",
    "label_classes": "labels are of other classes",
    "label_retractions": "labels are being taken back",
}


def label_signals(finding: LabelFinding, place: Place, shape: str, pane_ms: int) -> tuple[Drift, AlertOpened]:
    """The crossing and the alert it opens. shape: `LabelWatch.fingerprint`; pane_ms: length of the panes looked at."""
    kind = KIND[finding.what]
    drift = Drift(
        id=digest("drift", shape, place.model, place.partition, finding.what, finding.end_ms),
        model=place.model,
        partition=place.partition,
        kind=kind,
        field="label",
        detector=finding.what,
        offset=NO_OFFSET,
        event_ms=finding.end_ms,
        statistic=finding.statistic,
        threshold=finding.threshold,
        p_value=finding.p_value,
        n=finding.n,
        reference_n=finding.reference_n,
    )
    evidence = FeatureEvidence(
        name="label",
        statistic=finding.statistic,
        threshold=finding.threshold,
        p_value=finding.p_value,
        n=finding.n,
        reference_n=finding.reference_n,
    )
    opened = open_alert(
        place,
        kind,
        finding.what,
        evidence,
        shape,
        finding.end_ms,
        NO_OFFSET,
        window_ms=(finding.end_ms - pane_ms, finding.end_ms),
        violation=finding.what,
        sentence=_sentence(finding),
        headline=HEADLINE[finding.what],
    )
    return drift, opened


def _sentence(finding: LabelFinding) -> str:
    if finding.share is None or finding.usual is None:
        return (
            f"The labels of the last final windows ({finding.n:,}) are of other classes than those of the reference "
            f"({finding.reference_n:,}): p-value {finding.p_value:.2g}."
        )
    if finding.what == "label_coverage":
        return (
            f"Labels are missing: {finding.share:.1%} of the predictions of this window have one, {finding.usual:.1%} of "
            f"the {finding.reference_n} windows before had at this age. Until they come nobody can say how well the model "
            "works."
        )
    return (
        f"Labels are being taken back: {finding.share:.1%} of {finding.n:,} in this window, {finding.usual:.1%} in the "
        f"{finding.reference_n} windows before."
    )
