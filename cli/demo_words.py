"""The closing words of a live demo: what was found, that nothing was lost, and where to go from here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile

from rich.console import Console
from rich.text import Text

from driftline.cli.demo_data import command_name
from driftline.cli.demo_story import Story
from driftline.cli.findings import Findings
from driftline.cli.report import show_findings
from driftline.processors.reference.profile import Reference
from driftline.producers.simulated_drifts import DRIFTS
from driftline.producers.simulated_service import SimulatedService
from driftline.producers.simulated_stream import SimulatedPrediction, simulated_stream


def budget_in_words() -> str:
    """The one setting that matters."""
    return "budget 1 false alarm/week"


def drifted_until(service: SimulatedService, at_ms: int) -> int:
    """How many predictions with the planted drift there were up to a time, by playing the stream again."""
    simulation = service.simulation
    drift = simulation.drift
    until_s = (at_ms - service.started_ms + 1) / 1000
    events = takewhile(lambda event: event.at_s < until_s, simulated_stream(simulation))
    return sum(
        isinstance(event, SimulatedPrediction)
        and drift is not None
        and event.model == drift.model
        and event.at_s >= simulation.drift_after_s
        for event in events
    )


def closing(
    console: Console,
    story: Story,
    findings: Findings,
    references: Mapping[str, Reference],
    sent: int,
    outcomes: Counter[str],
) -> None:
    """Everything after the last thing that happened."""
    console.print()
    if story.alert is None:
        console.print(Text(f"No alert named {story.planted.field}, which drifted.", style="bold red"))
    show_findings(console, findings.result({(name, ""): reference for name, reference in references.items()}))
    console.print()
    console.print(account(sent, outcomes), highlight=False)
    console.print("\n[bold]What next[/]")
    for what, arguments in _next_steps(story):
        command = shlex.join([*command_name(), *arguments])
        console.print(Text.assemble(f"  {what}\n    ", (command, "cyan")), soft_wrap=True)


def _next_steps(story: Story) -> list[tuple[str, list[str]]]:
    """(what it does, arguments of the command)."""
    other = next(name for name, drift in DRIFTS.items() if drift is not story.planted)
    return [
        ("something else goes wrong:", ["demo", "--drift", other]),
        ("recorded predictions of a real model:", ["demo", "--data"]),
        ("a worker for your own topics:", ["worker", "--config", "driftline.yaml"]),
    ]


def account(sent: int, outcomes: Counter[str]) -> str:
    """That every prediction is accounted for."""
    told = [f"{outcomes[name]:,} {name}" for name in ("applied", "duplicate", "late", "rejected")]
    return f"{sent:,} published, {outcomes.total():,} read: {', '.join(told)}"
