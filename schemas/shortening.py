"""A signal with less and less detail, for those that are too large for one record: nothing too large stops a worker.

Names are within 128 characters and lists of evidence are capped, so this is for models of several hundred features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from driftline.schemas.alerts import Alert
from driftline.schemas.signals import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    Health,
    HealthCode,
    ReferenceLearnt,
    Signal,
    WindowClosed,
)

_EVIDENCE_KEPT: Final = 20


def shorter_and_shorter(signal: Signal) -> Iterator[tuple[str, Signal]]:
    """(what is left out, what is still said): the whole first, at last only that something could not be said."""
    yield "", signal
    if isinstance(signal, AlertOpened | AlertUpdated | AlertResolved):
        yield "sketches", replace(signal, alert=_without_sketches(signal.alert))
        yield "evidence", replace(signal, alert=_without_evidence(signal.alert))
    elif isinstance(signal, WindowClosed):
        yield "counts", replace(signal, fields=[replace(field, counts=[]) for field in signal.fields])
        yield "fields", replace(signal, fields=[], unknown_features={})
    yield "all", _too_large(signal)


def _without_sketches(alert: Alert) -> Alert:
    return replace(alert, features=[replace(feature, baseline=None, current=None) for feature in alert.features])


def _without_evidence(alert: Alert) -> Alert:
    features = _without_sketches(alert).features[:_EVIDENCE_KEPT]
    return replace(alert, features=features, worst_segments=alert.worst_segments[:_EVIDENCE_KEPT], trend=[])


def _too_large(signal: Signal) -> Health:
    """In the place of the signal, so under its id."""
    about = signal.alert if isinstance(signal, AlertOpened | AlertUpdated | AlertResolved) else signal
    name = str(signal.__struct_config__.tag)
    message = f"a signal {name} is too large for a record and is not written"
    if isinstance(signal, ReferenceLearnt):
        message += "; the worker goes on with it. To keep it in a file, build it with `driftline reference build`"
    return Health(
        id=signal.id,
        model=about.model,
        partition=about.partition,
        code=HealthCode.OUTPUT_TOO_LARGE,
        message=message,
        detail={"signal": name},
    )
