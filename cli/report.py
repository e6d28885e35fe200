"""The closing words of a replay for people: what drifted, the budget it was judged by, what became of every event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from driftline.cli.finding_words import budget, counters_line, moment, performance
from driftline.cli.findings import Finding
from driftline.cli.findings_table import findings_table, legend
from driftline.cli.performances import Performance
from driftline.config.model_spec import ModelSpec
from driftline.processors.budget import MonitorRates

FINDINGS_SHOWN = 25


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One table for each model and version, worst field first."""
    if not findings:
        console.print("No alerts: within the budget, nothing has drifted.")
        return
    for model, version in dict.fromkeys((f.model, f.version) for f in findings):
        of_model = [f for f in findings if (f.model, f.version) == (model, version)]
        shown = of_model[:FINDINGS_SHOWN]
        alerts = sum(f.alerts for f in of_model)
        name = f"{model} {version}" if version else model
        console.print(f"[bold]{escape(name)}[/]: {count(len(of_model), 'field')} drifted, {count(alerts, 'alert')}")
        console.print(findings_table(shown, console.width))
        if len(of_model) > len(shown):
            console.print(f"and {count(len(of_model) - len(shown), 'more field')}")
    console.print(legend(findings), style="dim", highlight=False)


def show_performances(console: Console, performances: Sequence[Performance]) -> None:
    """Two lines for each model that labels came for."""
    for found in performances:
        for line in performance(found):
            console.print(escape(line), highlight=False)


def show_budgets(console: Console, rates: Mapping[str, tuple[ModelSpec, MonitorRates]]) -> None:
    """A sentence for each model."""
    for name, (spec, of_model) in rates.items():
        start = "budget: " if len(rates) == 1 else f"budget of {name}: "
        console.print(escape(start + budget(spec.false_alarms, of_model)), highlight=False)


def show_traffic(
    console: Console, summary: Mapping[str, Any], span_ms: tuple[int, int] | None, *, timed: bool = True
) -> None:
    """Every event accounted for, over which time, and how long that took."""
    console.print(counters_line(summary["counters"]), highlight=False)
    if summary["rejected"]:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in summary["rejected"].items())
        console.print(f"rejected while reading: {reasons}", highlight=False)
    windows = count(summary["windows"], "window")
    over = f" from {moment(span_ms[0])} to {moment(span_ms[1])} UTC" if span_ms is not None else ""
    took = f", in {summary['wall_s']:.1f} s ({summary['events_per_s']:,} events/s)" if timed else ""
    console.print(f"{windows}{over}{took}", highlight=False)


def count(number: int, thing: str) -> str:
    """`1 field`, `2 fields`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
