"""What a live demo shows: a line for each thing that happens, with the seconds since the start.

Made for 80 columns. On a terminal a last line moves, and tells of the traffic; where output goes to a file there is none.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Final

import numpy as np
from rich.console import Console
from rich.status import Status
from rich.text import Text

from driftline.cli.finding_words import DETECTORS, change, limit, percent, strength
from driftline.cli.findings import Strength
from driftline.cli.looks import CLEAR_MISSING, look_of_profile, look_of_sketch, pictures
from driftline.processors.reference.profile import Reference
from driftline.processors.reference.show import sparkline
from driftline.schemas.alerts import Alert
from driftline.schemas.signals import WindowClosed

_WORD: Final = 9
_SHAPE: Final = 16
_RATES_SHOWN: Final = 20
_UNUSUAL_P: Final = 1e-5
"""Below this p-value a window's worst field is named; by chance one of some ten thousand is."""

_STYLES: Final = {
    "broker": "cyan", "reference": "cyan", "worker": "cyan", "service": "cyan",
    "window": "dim", "planted": "bold yellow", "ALERT": "bold white on red",
}  # fmt: skip


class Screen:
    """Writes lines to a console. references: by model, once there are some."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.references: Mapping[str, Reference] = {}
        self._started = time.monotonic()
        self._status = Status("", console=console)
        self._rates: deque[int] = deque(maxlen=_RATES_SHOWN)

    def __enter__(self) -> Screen:
        if self.console.is_interactive:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Nothing moves any more."""
        self._status.stop()

    def title(self, text: str) -> None:
        """What this is."""
        self.console.print(Text.assemble(("driftline demo", "bold"), f": {text}\n"))

    def say(self, what: str, text: str | Text, *more: str | Text) -> None:
        """One line, and more below it, under a word for what it is about."""
        at = f"{time.monotonic() - self._started:5.1f} s "
        head = Text.assemble((at, "dim"), (what, _STYLES[what]), " " * (_WORD - len(what) + 1))
        for line in (text, *more):
            # broken only where the terminal is too narrow: what is copied from here stays whole
            self.console.print(head + (Text(line) if isinstance(line, str) else line), soft_wrap=True)
            head = Text(" " * head.cell_len)

    def meanwhile(self, text: str) -> None:
        """What goes on, on the line that moves."""
        self._status.update(Text(text))

    def traffic(self, per_s: int, sent: int, labels: int, read: int) -> None:
        """The rate of the last second, and totals; on the line that moves."""
        self._rates.append(per_s)
        curve = sparkline(np.array(self._rates, float))
        self.meanwhile(f"{per_s:,} predictions/s {curve}  sent {sent:,}, read {read:,}, labels {labels:,}")

    def window(self, window: WindowClosed) -> None:
        """A window of a whole model that closed."""
        start, end = (time.strftime("%H:%M:%S", time.gmtime(ms / 1000)) for ms in (window.start_ms, window.end_ms))
        head = f"{window.model:<13} {start}-{end[-2:]}  {window.n:>5,} events  "
        unusual = _unusual(window, self.references[window.model])
        told = (unusual, "yellow") if unusual else ("as the reference", "green")
        self.say("window", Text.assemble(head, told))

    def alert(self, alert: Alert, begins_ms: int, drifted: int) -> None:
        """The alert that the demo waited for, in full. drifted: predictions of the model until then."""
        took_s = (alert.detected_ms - begins_ms) / 1000
        took = f"found {took_s:.2f} s after it began, in {drifted:,} predictions"
        least = limit(_strength(alert))
        sure = f"{_sure(alert)}, limit {least}" if least else _sure(alert)
        self.say("ALERT", Text(alert.title, style="bold"), *self._shapes(alert), sure, took)

    def other_alert(self, alert: Alert) -> None:
        """One more alert, in a line."""
        self.say("ALERT", Text.assemble(alert.title, " (", _sure(alert), ")"))

    def _shapes(self, alert: Alert) -> list[Text]:
        """The field in the reference and now, one above the other; nothing if the alert has no picture of it."""
        evidence = alert.features[0]
        reference = self.references[alert.model]
        column = next((column for column in reference.fields if column.name == evidence.name), None)
        if column is None or evidence.current is None:
            return []
        before, now = look_of_profile(column, reference.n), look_of_sketch(evidence.current, column)
        moved = change(before, now)
        upper, lower = pictures(column, before, now, _SHAPE)
        of = {"": "mean", "sd": "spread"}.get(moved.of, moved.of)
        note = f" ({moved.note})" if moved.note else ""
        return [
            Text.assemble("reference ", (f"{upper:<{_SHAPE}}", "dim"), f"  {of} {moved.before}"),
            Text.assemble("now       ", (f"{lower:<{_SHAPE}}", "red"), f"  {of} {moved.now}{note}"),
        ]


def _strength(alert: Alert) -> Strength:
    evidence = alert.features[0]
    if evidence.p_value is not None:
        return Strength(alert.detector, evidence.p_value, None)
    return Strength(alert.detector, evidence.statistic or 0.0, evidence.threshold)


def _sure(alert: Alert) -> str:
    """How sure the detector is."""
    return f"{DETECTORS[alert.detector]} {strength(_strength(alert))}"


def _unusual(window: WindowClosed, reference: Reference) -> str:
    """The field that is furthest from its reference and how far, if chance does not explain it; "" if it does."""
    usual = {column.name: column.missing / max(reference.rows_read, 1) for column in reference.fields}
    for one in window.fields:
        share = one.missing / max(window.n, 1)
        if share - usual[one.name] > CLEAR_MISSING:
            return f"{one.name} missing {percent(share)}"
    judged = [one for one in window.fields if one.psi is not None and one.chi_square_p is not None]
    worst = max(judged, key=lambda one: (one.psi or 0.0) - (one.psi_null_mean or 0.0), default=None)
    if worst is None or (worst.chi_square_p or 0.0) >= _UNUSUAL_P:
        return ""
    return f"{worst.name} PSI {worst.psi or 0.0:.2f}"
