"""The types of settings about time: durations, windows, the false-alarm budget, time zones.

Each takes what an operator writes and gives the value, or says what to write instead.
"""

import difflib
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from driftline.config.budget import BUDGET_PATTERN, FalseAlarmBudget, parse_budget
from driftline.config.durations import DURATION_PATTERN, format_duration, parse_duration
from driftline.config.problems import Finding, Refusal, as_list, one_of, quoted, refuse_any

WINDOWS_MAX: Final = 8

# ---- durations


def _duration(value: object) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = isinstance(value, int) and value > 0
        remedy = f"write {value}s or {value}m" if whole else "write a whole number and one unit, such as 90s"
        raise Refusal(Finding(f"{value} has no unit", remedy))
    if not isinstance(value, str):
        raise Refusal(Finding("not a duration", "write a whole number and one unit (ms, s, m, h, d), such as 90s"))
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Refusal(_of_message(error)) from None


def _of_message(error: ValueError) -> Finding:
    """Messages of the parsers have the form `what; remedy`."""
    what, _, remedy = str(error).partition("; ")
    return Finding(what, remedy)


def _between(least: str, most: str) -> Callable[[object], int]:
    least_ms, most_ms = parse_duration(least), parse_duration(most)

    def duration_in_range(value: object) -> int:
        duration_ms = _duration(value)
        if not least_ms <= duration_ms <= most_ms:
            what = f"{format_duration(duration_ms)} is out of range"
            raise Refusal(Finding(what, f"write a duration from {least} to {most}"))
        return duration_ms

    return duration_in_range


def _never_or(parse: Callable[[object], int]) -> Callable[[object], int | None]:
    return lambda value: None if value == "never" else parse(value)


_DURATION_SCHEMA: Final = {"type": "string", "pattern": DURATION_PATTERN, "x-type": "duration"}
_NEVER_SCHEMA: Final = {
    "type": "string",
    "pattern": DURATION_PATTERN.replace("^", "^(never|").replace("$", ")$"),
    "x-type": "duration or `never`",
}

_window = _between("1s", "400d")
Lateness = Annotated[int, BeforeValidator(_between("0s", "7d")), WithJsonSchema(_DURATION_SCHEMA)]
IdleAfter = Annotated[int | None, BeforeValidator(_never_or(_between("1s", "7d"))), WithJsonSchema(_NEVER_SCHEMA)]
FutureTolerance = Annotated[int, BeforeValidator(_between("0s", "1d")), WithJsonSchema(_DURATION_SCHEMA)]
BusyDuration = Annotated[int, BeforeValidator(_between("200ms", "1h")), WithJsonSchema(_DURATION_SCHEMA)]
StallDuration = Annotated[int, BeforeValidator(_between("1s", "30m")), WithJsonSchema(_DURATION_SCHEMA)]
Abandonment = Annotated[int, BeforeValidator(_between("1d", "400d")), WithJsonSchema(_DURATION_SCHEMA)]
Horizon = Annotated[int, BeforeValidator(_between("1m", "400d")), WithJsonSchema(_DURATION_SCHEMA)]

# ---- windows


def _windows(value: object) -> tuple[int, ...]:
    lengths = as_list(value, "write a list of durations, such as [10m, 1h, 1d]")
    if not 1 <= len(lengths) <= WINDOWS_MAX:
        raise Refusal(Finding(f"{len(lengths)} windows", f"write 1 to {WINDOWS_MAX} window lengths"))
    windows_ms: list[int] = []
    findings: list[Finding] = []
    for position, length in enumerate(lengths):
        try:
            length_ms = _window(length)
        except Refusal as refusal:
            findings += [Finding(found.what, found.remedy, (position,)) for found in refusal.findings]
            continue
        if windows_ms and (length_ms <= windows_ms[-1] or length_ms % windows_ms[-1]):
            findings.append(_not_a_multiple(windows_ms[-1], length_ms, position))
            continue  # the next one is held against the last that is right
        windows_ms.append(length_ms)
    refuse_any(findings)
    return tuple(windows_ms)


def _not_a_multiple(before_ms: int, length_ms: int, position: int) -> Finding:
    """Propose the multiples on both sides; one times the window before is that window again, so at least two times."""
    below = max(2, length_ms // before_ms)
    proposals = one_of([format_duration(before_ms * times) for times in (below, below + 1)])
    rule = "each window must be a whole multiple of the one before it"
    what = f"{format_duration(length_ms)} does not follow {format_duration(before_ms)}"
    return Finding(what, f"write {proposals}: {rule}", (position,))


Windows = Annotated[
    tuple[int, ...],
    PlainValidator(_windows),
    WithJsonSchema(
        {
            "type": "array",
            "items": _DURATION_SCHEMA,
            "minItems": 1,
            "maxItems": WINDOWS_MAX,
            "x-type": "list of durations",
        }
    ),
]

# ---- the false-alarm budget


def _budget(value: object) -> FalseAlarmBudget:
    if not isinstance(value, str):
        raise Refusal(Finding("not a false-alarm budget", "write N/day, N/week or N/month, such as 1/week"))
    try:
        return parse_budget(value)
    except ValueError as error:
        raise Refusal(_of_message(error)) from None


Budget = Annotated[
    FalseAlarmBudget,
    PlainValidator(_budget),
    WithJsonSchema({"type": "string", "pattern": BUDGET_PATTERN, "x-type": "N/day, N/week or N/month"}),
]

# ---- time zones


@cache  # reads a few hundred small files
def _known_time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _time_zone(value: object) -> str:
    if value == "UTC":  # always there, even on a machine without a time-zone database
        return "UTC"
    if not isinstance(value, str):
        raise Refusal(Finding("not a time zone", "write an IANA name, such as Europe/Berlin or UTC"))
    known = _known_time_zones()
    if value not in known:
        close = difflib.get_close_matches(value, sorted(known), n=1)
        remedy = f"write {close[0]}" if close else "write an IANA name, such as Europe/Berlin or UTC"
        raise Refusal(Finding(f"{quoted(value)} is not a time zone known here", remedy))
    return value


TimeZone = Annotated[str, PlainValidator(_time_zone), WithJsonSchema({"type": "string", "x-type": "time zone"})]
