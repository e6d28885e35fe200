"""What a replay ends with: the findings for people, the summary for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from driftline.cli.findings import Finding, Findings
from driftline.cli.performances import Performance, Performances
from driftline.config.config import Config
from driftline.config.fingerprint import config_hash
from driftline.config.model_spec import ModelSpec
from driftline.processors.budget import MonitorRates
from driftline.processors.monitor import Monitor
from driftline.processors.reference.profile import Reference
from driftline.schemas.signals import Signal
from driftline.sinks.protocol import Sink

Rates: TypeAlias = dict[str, tuple[ModelSpec, MonitorRates]]
References: TypeAlias = Mapping[str, Mapping[str, Reference]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """summary: what `summary.json` holds. rates: of each model that was judged, how its budget was split."""

    summary: dict[str, Any]
    findings: list[Finding]
    performances: list[Performance]
    rates: Rates
    span_ms: tuple[int, int] | None


class Watched:
    """Hands signals on, and lets those see them who gather what a person is told in the end."""

    def __init__(self, inner: Sink, *gathering: Findings | Performances) -> None:
        self._inner, self._gathering = inner, gathering

    def write(self, signals: Iterable[Signal]) -> None:
        kept = list(signals)
        for each in self._gathering:
            each.look_at(kept)
        self._inner.write(kept)

    def close(self) -> None:
        self._inner.close()


def references_in_use(monitors: Mapping[str, Monitor]) -> dict[tuple[str, str], Reference]:
    """By model and version: those that were given, and those that were learnt."""
    return {
        (name, scope.version): scope.reference
        for name, monitor in monitors.items()
        for scope in monitor.scopes
        if scope.reference is not None
    }


def rates_of(monitors: Mapping[str, Monitor]) -> Rates:
    """Of each model that has a reference by now."""
    return {
        name: (monitor.spec, monitor.scopes[0].thresholds.rates)
        for name, monitor in sorted(monitors.items())
        if monitor.scopes[0].reference is not None
    }


def models_used(config: Config, references: References) -> dict[str, Any]:
    """For the summary: by which settings and references the configured models were judged."""
    return {
        name: {
            "config_hash": config_hash(spec),
            "references": {
                version or "default": reference.hash for version, reference in sorted(references[name].items())
            },
        }
        for name, spec in sorted(config.models.items())
    }
