"""What is said when errors have increased, and when a reference has been learnt.

Concept drift is told apart by what moved. `data`, `prediction` and `measurement` are found in predictions alone; `concept`
is found in labels: the same kind of input now has another outcome, whether or not the inputs moved as well.
"""

from __future__ import annotations

from typing import Final

from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.concept.watch import E_DETECTOR, Learnt, Rise
from driftline.processors.crossings import DETECTOR_TITLES, Place, open_alert
from driftline.processors.signal_ids import digest
from driftline.schemas.alerts import FeatureEvidence, Sketch
from driftline.schemas.signals import AlertOpened, Drift, Health, HealthCode

FIELD: Final = {"binary": "error rate", "numeric": "error"}
"""What a signal calls the field: how often the model is wrong, or by how much."""


def rise_signals(rise: Rise, place: Place, settings: ErrorSettings) -> tuple[Drift, AlertOpened]:
    """The crossing itself, and the alert it opens."""
    name, shape = FIELD[settings.values], settings.fingerprint
    e_value = rise.statistic if rise.detector == E_DETECTOR else None
    about: tuple[str | int, ...] = (place.model, place.version, place.partition, *place.segment_set, place.segment)
    drift = Drift(
        id=digest("drift", shape, *about, "concept", name, rise.detector, rise.offset),
        model=place.model,
        version=place.version,
        partition=place.partition,
        kind="concept",
        segment_set=list(place.segment_set),
        segment=place.segment,
        field=name,
        detector=rise.detector,
        offset=rise.offset,
        event_ms=rise.event_ms,
        statistic=rise.statistic,
        threshold=rise.threshold,
        e_value=e_value,
        n=rise.n,
        reference_n=rise.reference_n,
    )
    evidence = FeatureEvidence(
        name=name,
        statistic=rise.statistic,
        threshold=rise.threshold,
        e_value=e_value,
        n=rise.n,
        reference_n=rise.reference_n,
        baseline=None if rise.reference_mean is None else Sketch(n=rise.reference_n, mean=rise.reference_mean),
        current=None if rise.mean is None else Sketch(n=rise.n, mean=rise.mean),
    )
    opened = open_alert(
        place,
        "concept",
        rise.detector,
        evidence,
        shape,
        rise.event_ms,
        rise.offset,
        sentence=_sentence(rise, place, settings),
        headline=f"{name} has risen",
    )
    return drift, opened


def _sentence(rise: Rise, place: Place, settings: ErrorSettings) -> str:
    where = f" in segment {place.segment}" if place.segment else f" of version {place.version}" if place.version else ""
    title = DETECTOR_TITLES.get(rise.detector, rise.detector)
    if rise.mean is None or rise.reference_mean is None:
        return f"By their labels, predictions{where} are wrong more than before; {title}."
    shown = "{:.1%}" if settings.values == "binary" else "{:.4g}"
    what = "share of wrong predictions" if settings.values == "binary" else "mean error"
    return (
        f"By their labels, the {what}{where} rose from {shown.format(rise.reference_mean)} of {rise.reference_n:,} to "
        f"{shown.format(rise.mean)} of the last {rise.n:,}; {title}, evidence {rise.statistic:.3g} against a threshold of "
        f"{rise.threshold:.3g}."
    )


def learnt_notice(learnt: Learnt, place: Place, settings: ErrorSettings) -> Health:
    """Said once a group: what its errors are compared with was not given."""
    where = f" of segment {place.segment}" if place.segment else f" of version {place.version}" if place.version else ""
    rate = f"{learnt.mean:.1%}" if settings.values == "binary" else f"a mean error of {learnt.mean:.4g}"
    message = (
        f"the first {learnt.n:,} labelled predictions{where} stand for its reference, {FIELD[settings.values]} {rate}: "
        "if the model was already failing then, nobody will be told; give a reference with labels"
    )
    about: tuple[str | int, ...] = (place.model, place.version, place.partition, *place.segment_set, place.segment)
    detail: dict[str, str | int | float] = {
        "version": place.version,
        "segment": place.segment,
        "n": learnt.n,
        "mean": learnt.mean,
    }
    return Health(
        id=digest("health", HealthCode.ERROR_RATE_LEARNT, settings.fingerprint, *about, learnt.offset),
        model=place.model,
        partition=place.partition,
        code=HealthCode.ERROR_RATE_LEARNT,
        message=message,
        detail=detail,
    )
