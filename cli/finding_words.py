"""Findings in words: what changed, from what to what, since when, how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from driftline.cli.findings import Finding, Strength
from driftline.cli.looks import CLEAR_MISSING, Look
from driftline.cli.performances import Performance
from driftline.config.budget import FalseAlarmBudget
from driftline.config.durations import format_duration
from driftline.processors.budget import MonitorRates
from driftline.processors.reference.show import sparkline

DETECTORS: Final = {
    "shiryaev_roberts": "e-detector",
    "chi_square": "chi-square",
    "adwin": "ADWIN",
    "page_hinkley": "Page-Hinkley",
    "contract": "contract",
}

_METRICS: Final = {"accuracy": "accuracy", "mae": "mean absolute error", "ctr": "click-through rate"}

_CLEAR_SHIFT_SDS: Final = 0.1
"""Below this shift of the mean, in standard deviations, a change of the spread is told instead, if there is one."""

_CLEAR_SPREAD: Final = 1.2


@dataclass(frozen=True, slots=True)
class Change:
    """What moved most. of: "" for the mean, else what else it is; before and now as texts; note: the shift in sd."""

    of: str
    before: str
    now: str
    rose: bool
    note: str = ""


def change(before: Look, now: Look) -> Change:
    """The change of a field that says most: missing values, the mean, the spread, or the share of one category."""
    if abs(now.missing_share - before.missing_share) > CLEAR_MISSING:
        return _shift("missing", before.missing_share, now.missing_share)
    if before.mean is None or now.mean is None:
        return _category_change(before, now)
    sds = (now.mean - before.mean) / before.sd if before.sd else 0.0
    if abs(sds) < _CLEAR_SHIFT_SDS and before.sd and now.sd:
        ratio = now.sd / before.sd
        if max(ratio, 1 / ratio) > _CLEAR_SPREAD:
            return Change("sd", number(before.sd), number(now.sd), ratio > 1, f"x{ratio:.2f}")
    note = f"{sds:+.2f} sd" if before.sd else ""
    return Change("", number(before.mean), number(now.mean), now.mean > before.mean, note)


def _category_change(before: Look, now: Look) -> Change:
    name = max(now.shares, key=lambda name: abs(now.shares[name] - before.shares.get(name, 0.0)), default="")
    return _shift(name, before.shares.get(name, 0.0), now.shares.get(name, 0.0))


def _shift(of: str, before: float, now: float) -> Change:
    return Change(of, percent(before), percent(now), now > before)


def sentence(finding: Finding) -> str:
    """One plain sentence: what moved, from what to what, since when; how bad it got if that was another time."""
    before, shown = finding.reference, finding.shown
    subject = finding.field.name + (f" in {finding.where}" if finding.where else "")
    if before is None or shown is None:
        return f"{subject} breaks its contract since {moment(finding.first_ms)}."
    moved = change(before, shown)
    verb = "rose" if moved.rose else "fell"
    subject = {"": subject, "sd": f"The spread of {subject}", "missing": f"Missing values of {subject}"}.get(
        moved.of, f"{subject} = {moved.of}"
    )
    note = f" ({moved.note})" if moved.note else ""
    text = f"{subject} {verb} from {moved.before} to {moved.now}{note}"
    if finding.over and finding.worst_span_ms is not None:
        return f"{text} around {day(finding.worst_span_ms[0])} and is back; first noticed {moment(finding.first_ms)}."
    text = f"{text}; first noticed {moment(finding.first_ms)}"
    if finding.worst_window is not None and finding.worst_span_ms is not None and finding.worst != finding.now:
        return f"{text}, furthest off from {day(finding.worst_span_ms[0])} on (PSI {finding.worst_window.psi:.2f})."
    return f"{text}."


def strength(found: Strength) -> str:
    """The strongest evidence of one detector, short."""
    match found.detector:
        case "shiryaev_roberts":
            return f"e {_power(found.value)}"
        case "chi_square":
            return f"p {_power(found.value)}" if found.value > 0 else "p < 1e-300"
        case "contract":
            return f"{percent(found.value)} bad"
        case _:
            return number(found.value)


def limit(found: Strength) -> str:
    """What the evidence had to reach, "" for a p-value, whose level depends on the size of its window."""
    if found.threshold is None:
        return ""
    return percent(found.threshold) if found.detector == "contract" else _power(found.threshold)


def budget(allowed: FalseAlarmBudget, rates: MonitorRates) -> str:
    """The false-alarm budget in words, and what it leaves a single field."""
    per_field = 1 / (rates.whole_model.field_rate * rates.events_per_week)
    alarms = "1 false alarm" if allowed.count == 1 else f"{allowed.count:g} false alarms"
    segments = ", half of it for segments" if rates.segment_sets else ""
    return (
        f"{alarms} a {allowed.period} over {rates.fields} fields{segments}: "
        f"a field that has not drifted is named at most once in {_weeks(per_field)}, on average."
    )


def performance(found: Performance) -> list[str]:
    """What labels say of a model, from the reference to now, and how that went."""
    overall, worst, estimated = found.overall, found.worst, found.estimated
    if overall is None or worst is None:
        return []
    before = "" if found.reference is None else f"{found.reference:.3g} in the reference, "
    share = percent(found.labelled / found.n)
    course = [window.value or 0.0 for window in found.windows.values()]
    guess = "" if estimated is None else f"; estimated without labels {estimated:.3g}"
    said = (f"{title} ({', '.join(map(day, times))})" for title, times in found.alarms.items())
    alarms = [f"  alarms: {'; '.join(said)}"] if found.alarms else []
    return [
        f"{found.model}: {_METRICS[found.metric]} {before}{overall:.3g} here, "
        f"by labels of {share} of {found.n:,} predictions",
        f"  {sparkline(np.array(course))} windows of {format_duration(found.length_ms)}: "
        f"worst {worst[1]:.3g} from {day(worst[0])} on, last {course[-1]:.3g}{guess}",
        *alarms,
    ]


def _weeks(weeks: float) -> str:
    for unit, length in (("years", 365.25 / 7), ("months", 30 / 7), ("weeks", 1.0), ("days", 1 / 7)):
        if weeks >= 2 * length or unit == "days":
            return f"{weeks / length:,.3g} {unit}"
    raise AssertionError("days are the last unit")


def _power(value: float) -> str:
    """1.75e4, 4e-45: a sign, at most two digits and an exponent, without padding."""
    if 0.001 <= abs(value) < 1000:
        return f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def number(value: float) -> str:
    """Four significant digits, thousands kept readable."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share with as many digits as matter."""
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def moment(at_ms: int) -> str:
    """Minutes are exact enough for a person."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def day(at_ms: int) -> str:
    """The date alone."""
    return moment(at_ms)[:10]


def counters_line(counters: dict[str, int]) -> str:
    """The conservation law in one line."""
    parts = [f"{counters[name]:,} {name}" for name in ("applied", "duplicate", "late", "rejected", "filtered")]
    labels = f"; {counters['labels']:,} labels" if counters["labels"] else ""
    return f"{counters['consumed']:,} events = {' + '.join(parts)}{labels}"
