"""One alert event for people: when, how bad, what, since when."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftline.cli.finding_words import moment
from driftline.cli.printable import printable
from driftline.schemas.alerts import Alert, AlertEvent, Severity

_SEVERITY_STYLES: Final[dict[Severity, str]] = {"page": "bold white on red", "ticket": "bold yellow", "info": "cyan"}
_EVENT_STYLES: Final[dict[AlertEvent, str]] = {"opened": "bold", "updated": "", "resolved": "green"}
_SEVERITY_WIDTH: Final = max(map(len, _SEVERITY_STYLES))
_EVENT_WIDTH: Final = max(map(len, _EVENT_STYLES))


def show_alert(console: Console, alert: Alert) -> None:
    """On a terminal in columns that wrap; elsewhere in one line, however long, for grep."""
    if console.is_terminal:
        console.print(_columns(alert))
    else:
        console.print(_line(alert), soft_wrap=True, highlight=False)


def _line(alert: Alert) -> Text:
    said = f"{_title(alert)}. {printable(alert.summary)} {_onset(alert)}"
    return Text(
        f"{_moment(alert.detected_ms)} {alert.severity:<{_SEVERITY_WIDTH}} {alert.event:<{_EVENT_WIDTH}} {said}"
    )


def _columns(alert: Alert) -> Table:
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(no_wrap=True, style="dim")
    row.add_column(no_wrap=True, width=_SEVERITY_WIDTH)
    row.add_column(overflow="fold")
    said = Text(_title(alert), style=_EVENT_STYLES[alert.event])
    if alert.event != "opened":
        said = Text(f"{alert.event}: ", style=_EVENT_STYLES[alert.event]) + said
    if alert.summary:
        said += Text(f"\n{printable(alert.summary)}")
    row.add_row(
        _moment(alert.detected_ms),
        Text(alert.severity, style=_SEVERITY_STYLES[alert.severity]),
        said + Text(f"\n{_onset(alert)}", style="dim"),
    )
    return row


def _title(alert: Alert) -> str:
    return printable(alert.title or alert.model)


def _onset(alert: Alert) -> str:
    """An alert about a whole window has no offset."""
    at = f", offset {alert.onset_offset} of partition {alert.partition}" if alert.onset_offset >= 0 else ""
    return f"since {_moment(alert.onset_ms)} UTC{at}"


def _moment(at_ms: int) -> str:
    """Whoever may write to the topic may also write a time that no calendar has."""
    try:
        return moment(at_ms)
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"
