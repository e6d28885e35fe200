"""A detector crossed its threshold: what is said about it.

In log order, and within one event by segment row, field and detector, so that the order is a property of the log.
`AlertOpened` carries evidence that an engineer can read without opening a dashboard: what moved, from what to what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from driftline.processors.signal_ids import digest
from driftline.schemas.alerts import Alert, AlertKind, FeatureEvidence, Sketch
from driftline.schemas.layout import SignalKind
from driftline.schemas.signals import AlertOpened, Drift, Signal

DETECTOR_TITLES: Final = {
    "shiryaev_roberts": "e-detector",
    "chi_square": "chi-square test",
    "adwin": "ADWIN",
    "page_hinkley": "Page-Hinkley",
    "contract": "schema contract",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a finding is about; the same place with the same detector is the same incident."""

    model: str
    version: str
    partition: int
    segment_set: tuple[str, ...]
    segment: str
    config_hash: str
    reference_hash: str | None


@dataclass(frozen=True, slots=True, order=True)
class Crossing:
    """One detector of one field and segment; ordered by (position, row, field, detector)."""

    position: int
    row: int
    field_index: int
    detector_index: int
    place: Place = field(compare=False)
    name: str = field(compare=False)
    kind: SignalKind = field(compare=False)
    detector: str = field(compare=False)
    shape: str = field(compare=False)
    offset: int = field(compare=False)
    event_ms: int = field(compare=False)
    statistic: float = field(compare=False)
    threshold: float = field(compare=False)
    p_value: float | None = field(compare=False)
    e_value: float | None = field(compare=False)
    n: int = field(compare=False)
    reference_n: int = field(compare=False)
    baseline: Sketch = field(compare=False)
    current: Sketch = field(compare=False)

    def signals(self) -> list[Signal]:
        """The crossing itself, and the alert it opens."""
        place = self.place
        about: tuple[str | int, ...] = (
            place.model,
            place.version,
            place.partition,
            *place.segment_set,
            place.segment,
            self.kind,
            self.name,
        )
        evidence = FeatureEvidence(
            name=self.name,
            statistic=self.statistic,
            threshold=self.threshold,
            p_value=self.p_value,
            e_value=self.e_value,
            n=self.n,
            reference_n=self.reference_n,
            baseline=self.baseline,
            current=self.current,
        )
        drift = Drift(
            id=digest("drift", self.shape, *about, self.detector, self.offset),
            model=place.model,
            version=place.version,
            partition=place.partition,
            kind=self.kind,
            segment_set=list(place.segment_set),
            segment=place.segment,
            field=self.name,
            detector=self.detector,
            offset=self.offset,
            event_ms=self.event_ms,
            statistic=self.statistic,
            threshold=self.threshold,
            p_value=self.p_value,
            e_value=self.e_value,
            n=self.n,
            reference_n=self.reference_n,
        )
        opened = open_alert(place, self.kind, self.detector, evidence, self.shape, self.event_ms, self.offset)
        return [drift, opened]


def open_alert(
    place: Place,
    kind: AlertKind,
    detector: str,
    evidence: FeatureEvidence,
    shape: str,
    event_ms: int,
    offset: int,
    window_ms: tuple[int, int] | None = None,
    violation: str = "",
    sentence: str = "",
    headline: str = "",
) -> AlertOpened:
    """The alert of one detector on one field and segment; `event_ms` and `offset` are those at which it was found.

    window_ms: start and end of the window that it was found in, if it was not found at a record; violation: which of a
    field's promises is broken; sentence, headline: the summary and what the title says has happened, where it is not that
    of a drift.
    """
    fingerprint = digest(
        place.model, place.version, kind, detector, evidence.name, violation, *place.segment_set, place.segment
    )
    where = f" in {place.segment}" if place.segment else ""
    alert = Alert(
        fingerprint=fingerprint,
        event="opened",
        model=place.model,
        version=place.version,
        partition=place.partition,
        kind=kind,
        severity="ticket",
        title=f"{place.model}: {headline or f'{evidence.name} {_VERB[kind]}'}{where}",
        summary=sentence or summary(place, kind, detector, evidence),
        detector=detector,
        segment_set=list(place.segment_set),
        segment=place.segment,
        features=[evidence],
        onset_ms=event_ms,
        onset_offset=offset,
        detected_ms=event_ms,
        detected_offset=offset,
        window_start_ms=window_ms[0] if window_ms else None,
        window_end_ms=window_ms[1] if window_ms else None,
        config_hash=place.config_hash,
        reference_hash=place.reference_hash,
    )
    found_at = offset if window_ms is None else window_ms[1]
    return AlertOpened(id=digest("alert_opened", fingerprint, shape, place.partition, found_at), alert=alert)


_VERB: Final = {
    "data": "has drifted",
    "prediction": "has shifted",
    "measurement": "has shifted",
    "concept": "has changed",
    "quality": "breaks its contract",
}


def summary(place: Place, kind: AlertKind, detector: str, evidence: FeatureEvidence) -> str:
    """One plain sentence: what changed, from what to what, and how sure that is."""
    where = f" of segment {place.segment}" if place.segment else ""
    what = {"data": "input", "prediction": "output", "measurement": "measurement"}.get(kind, "field")
    return (
        f"The {what} {evidence.name}{where} no longer looks like the reference: {_change(evidence)}; "
        f"{DETECTOR_TITLES[detector]} {_strength(evidence)}."
    )


def _change(evidence: FeatureEvidence) -> str:
    before, now = evidence.baseline, evidence.current
    if before is None or now is None or now.n == 0:
        return "too few recent values for a description"
    moved: list[tuple[float, str]] = []
    if before.mean is not None and now.mean is not None:
        sds = (now.mean - before.mean) / before.sd if before.sd else 0.0
        moved.append((abs(sds), f"mean {before.mean:.4g} -> {now.mean:.4g} ({sds:+.2f} sd)"))
        if before.sd and now.sd:
            ratio = now.sd / before.sd
            moved.append((abs(ratio - 1.0), f"standard deviation {before.sd:.4g} -> {now.sd:.4g}"))
    if before.top_categories or now.top_categories:
        moved.append(_largest_share_change(before, now))
    change = now.missing_share - before.missing_share
    moved.append((10 * abs(change), f"missing {before.missing_share:.1%} -> {now.missing_share:.1%}"))
    return max(moved)[1]


def _largest_share_change(before: Sketch, now: Sketch) -> tuple[float, str]:
    shares = {
        name: (before.top_categories.get(name, 0) / max(before.n, 1), now.top_categories.get(name, 0) / max(now.n, 1))
        for name in {**before.top_categories, **now.top_categories}
    }
    name, (a, b) = max(shares.items(), key=lambda item: (abs(item[1][1] - item[1][0]), item[0]))
    return 4 * abs(b - a), f"share of {name!r} {a:.1%} -> {b:.1%}"


def _strength(evidence: FeatureEvidence) -> str:
    if evidence.e_value is not None:
        return f"evidence {evidence.e_value:.3g} against a threshold of {evidence.threshold:.3g}"
    if evidence.p_value is not None:
        return f"p-value {evidence.p_value:.2g}"
    return f"statistic {evidence.statistic:.4g} against a threshold of {evidence.threshold:.4g}"
