"""What a replay found, field by field: the alerts of all detectors and segments that speak of one field are one finding.

Gathered while the signals pass, in memory that grows with the fields and segments that alarmed and not with the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from driftline.cli.looks import CLEAR_MISSING, Look, look_of_profile, look_of_sketch, look_of_window
from driftline.processors.field_tables import SIGNAL_KIND
from driftline.processors.reference.profile import FieldProfile, Reference
from driftline.schemas.alerts import Alert, FeatureEvidence
from driftline.schemas.signals import AlertOpened, FieldWindow, Signal, WindowClosed

BACK_TO_NORMAL_P: Final = 0.01
"""From this p-value of the last window on, a drift counts as over: the window no longer differs from the reference."""


@dataclass(frozen=True, slots=True)
class Strength:
    """The strongest thing one detector had to say. value: an e-value, a p-value, a statistic, or a share (contract)."""

    detector: str
    value: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One field that drifted. Times are epoch milliseconds of event time.

    where: "" for the whole model, else the segment that is shown, because the whole model raised no alarm. `worst` is
    the window with the largest PSI beyond chance, `now` the last one; over: the last one looks like the reference again.
    """

    model: str
    version: str
    field: FieldProfile
    where: str
    segments: int
    alerts: int
    first_ms: int
    strengths: tuple[Strength, ...]
    reference: Look | None
    now: Look | None
    worst: Look | None
    worst_window: FieldWindow | None
    worst_span_ms: tuple[int, int] | None
    over: bool

    @property
    def shown(self) -> Look | None:
        """What the reference is compared with: the last window, or the worst one of a drift that is over."""
        return self.worst if self.over else self.now

    @property
    def excess(self) -> float:
        """PSI of the worst window beyond what chance explains; below zero when no window was large enough."""
        return -1.0 if self.worst_window is None else _excess(self.worst_window)


@dataclass(slots=True)
class _Course:
    """A field's windows of one length: the worst so far, and the last, with their times."""

    worst: FieldWindow | None = None
    worst_span_ms: tuple[int, int] = (0, 0)
    last: FieldWindow | None = None


@dataclass(slots=True)
class _Trouble:
    """The alerts of one field in one segment."""

    first_ms: int
    count: int = 0
    evidence: FeatureEvidence | None = None
    strongest: dict[str, Strength] = field(default_factory=dict)


_Where = tuple[str, str, str]  # model, version, segment
_Column = tuple[str, str]  # signal kind, name


class Findings:
    """Looks at signals as they pass; `result` says what they came to."""

    def __init__(self) -> None:
        self._troubles: dict[_Where, dict[_Column, _Trouble]] = {}
        self._courses: dict[_Where, dict[_Column, dict[int, _Course]]] = {}
        self._spans_ms: dict[int, tuple[int, int]] = {}

    @property
    def span_ms(self) -> tuple[int, int] | None:
        """From the start of the first of the shortest windows to the end of the last one; None when none closed."""
        return self._spans_ms[min(self._spans_ms)] if self._spans_ms else None

    def look_at(self, signals: Iterable[Signal]) -> None:
        """Remember what these signals say."""
        for signal in signals:
            if isinstance(signal, WindowClosed):
                self._window(signal)
            elif isinstance(signal, AlertOpened):
                self._alert(signal.alert)

    def _window(self, window: WindowClosed) -> None:
        where = (window.model, window.version, window.segment)
        if not window.segment:
            start_ms, end_ms = self._spans_ms.get(window.length_ms, (window.start_ms, window.end_ms))
            self._spans_ms[window.length_ms] = (min(start_ms, window.start_ms), max(end_ms, window.end_ms))
        elif where not in self._troubles:
            return
        courses = self._courses.setdefault(where, {})
        for column in window.fields:
            if column.psi is None:
                continue
            course = courses.setdefault((column.kind, column.name), {}).setdefault(window.length_ms, _Course())
            course.last = column
            if course.worst is None or _excess(column) > _excess(course.worst):
                course.worst, course.worst_span_ms = column, (window.start_ms, window.end_ms)

    def _alert(self, alert: Alert) -> None:
        evidence = alert.features[0]
        columns = self._troubles.setdefault((alert.model, alert.version, alert.segment), {})
        trouble = columns.setdefault((alert.kind, evidence.name), _Trouble(alert.detected_ms))
        trouble.count += 1
        if evidence.current is not None:
            trouble.evidence = evidence
        strength = _strength(alert.detector, evidence)
        known = trouble.strongest.get(alert.detector)
        if known is None or _stronger(strength, known):
            trouble.strongest[alert.detector] = strength

    def result(self, references: Mapping[tuple[str, str], Reference]) -> list[Finding]:
        """One finding for each field that alarmed, worst first; references: by model and version."""
        found = [
            finding
            for (model, version), reference in sorted(references.items())
            for column in reference.fields
            if (finding := self._finding(model, version, column, reference.n)) is not None
        ]
        return sorted(found, key=lambda f: (f.model, f.version, -f.excess, f.first_ms, f.field.name))

    def _finding(self, model: str, version: str, column: FieldProfile, rows: int) -> Finding | None:
        kind = SIGNAL_KIND[column.role]
        troubles: dict[str, list[_Trouble]] = {}
        for (of_model, of_version, segment), columns in self._troubles.items():
            if (of_model, of_version) == (model, version):
                mine = [columns[key] for key in ((kind, column.name), ("quality", column.name)) if key in columns]
                if mine:
                    troubles[segment] = mine
        if not troubles:
            return None
        courses = {segment: self._course((model, version, segment), (kind, column.name)) for segment in troubles}
        where = "" if "" in troubles else max(sorted(courses), key=lambda segment: _excess(courses[segment].worst))
        course, own = courses[where], troubles[where]
        evidence = next((trouble.evidence for trouble in own if trouble.evidence is not None), None)
        last = course.last
        now = look_of_window(last, column) if last is not None else None
        if now is None and evidence is not None and evidence.current is not None:
            now = look_of_sketch(evidence.current, column)
        reference = look_of_profile(column, rows) if not where else None
        if where and evidence is not None and evidence.baseline is not None:
            reference = look_of_sketch(evidence.baseline, column)
        return Finding(
            model=model,
            version=version,
            field=column,
            where=where,
            segments=len([segment for segment in troubles if segment]),
            alerts=sum(trouble.count for mine in troubles.values() for trouble in mine),
            first_ms=min(trouble.first_ms for mine in troubles.values() for trouble in mine),
            strengths=_strongest([strength for trouble in own for strength in trouble.strongest.values()]),
            reference=reference,
            now=now,
            worst=look_of_window(course.worst, column) if course.worst is not None else None,
            worst_window=course.worst,
            worst_span_ms=course.worst_span_ms if course.worst is not None else None,
            over=last is not None
            and _back_to_normal(last, look_of_window(last, column), look_of_profile(column, rows)),
        )

    def _course(self, where: _Where, column: _Column) -> _Course:
        """Of the shortest windows that were large enough to be judged: long ones dilute what happened in them."""
        by_length = self._courses.get(where, {}).get(column, {})
        return by_length[min(by_length)] if by_length else _Course()


def _back_to_normal(last: FieldWindow, now: Look, before: Look) -> bool:
    """Whether the last window looks like the reference; the test of its values says nothing of those that are missing."""
    as_complete = now.missing_share - before.missing_share <= CLEAR_MISSING
    return as_complete and (last.chi_square_p or 0.0) >= BACK_TO_NORMAL_P


def _excess(window: FieldWindow | None) -> float:
    return -1.0 if window is None or window.psi is None else window.psi - (window.psi_null_mean or 0.0)


def _strength(detector: str, evidence: FeatureEvidence) -> Strength:
    value = evidence.p_value if evidence.p_value is not None else evidence.statistic
    return Strength(detector, value or 0.0, None if evidence.p_value is not None else evidence.threshold)


def _stronger(one: Strength, other: Strength) -> bool:
    return one.value < other.value if one.threshold is None else one.value > other.value


_ORDER: Final = ("shiryaev_roberts", "chi_square", "adwin", "page_hinkley", "contract")


def _strongest(strengths: list[Strength]) -> tuple[Strength, ...]:
    return tuple(sorted(strengths, key=lambda strength: _ORDER.index(strength.detector)))
