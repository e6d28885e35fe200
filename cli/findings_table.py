"""Findings as a table that a data scientist likes to read, one row a field: what drifted, when, by how much, how sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from driftline.cli.finding_words import DETECTORS, change, limit, moment, strength
from driftline.cli.findings import Finding
from driftline.cli.looks import pictures

WIDE: Final = 116
"""From so many columns on there is room for the names of the detectors and the time of the worst window."""

_SHAPE: Final = 10
_SHAPE_WIDE: Final = 14

_NAME_MAX: Final = 12
"""Characters of a category shown; the sentences and the files have all of them."""

_BANDS: Final = {"major": "bold red", "moderate": "yellow", "none": "dim"}
_ROLES: Final = {"feature": "input", "prediction": "output", "score": "output", "measurement": "measured"}


def findings_table(findings: Sequence[Finding], width: int) -> Table:
    """Two lines a field; width: of the terminal, in characters."""
    wide = width >= WIDE
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2 if wide else 1, 0, 0), header_style="bold"
    )
    table.add_column("drifted", overflow="fold", min_width=10, max_width=24 if wide else 12)
    table.add_column("noticed (UTC)", width=10)
    table.add_column("reference → now", no_wrap=True)
    table.add_column("shape", no_wrap=True, width=_SHAPE_WIDE if wide else _SHAPE)
    table.add_column("worst PSI", no_wrap=True)
    if wide:
        table.add_column("worst from", no_wrap=True)
        table.add_column("found by", no_wrap=True)
    table.add_column("evidence", no_wrap=True)
    for finding in findings:
        table.add_row(*_row(finding, wide))
    return table


def legend(findings: Sequence[Finding]) -> str:
    """What the short forms of the table mean, those that occur."""
    parts = [
        "shape: the reference above, now below",
        "worst PSI: of the window furthest off (null: by chance at its size)",
    ]
    if any(finding.over for finding in findings):
        parts.append("over: the last window is as the reference, shown is the worst")
    if any(finding.segments for finding in findings):
        parts.append("+n: and n segments")
    detectors = {found.detector for finding in findings for found in finding.strengths}
    names = {
        "shiryaev_roberts": "e: e-detector",
        "chi_square": "p: chi-square test",
        "contract": "bad: breaks the contract",
    }
    parts.append(", ".join(text for name, text in names.items() if name in detectors))
    return "; ".join(part for part in parts if part) + "."


def _row(finding: Finding, wide: bool) -> list[Text]:
    first = moment(finding.first_ms)
    cells = [
        _field(finding),
        Text(first.replace(" ", "\n")),
        _change(finding),
        _shapes(finding, _SHAPE_WIDE if wide else _SHAPE),
        _psi(finding),
    ]
    strengths = finding.strengths[:2] if len(finding.strengths) > 2 and not wide else finding.strengths
    if wide:
        worst = "" if finding.worst_span_ms is None else moment(finding.worst_span_ms[0])[:10]
        names = "\n".join(DETECTORS[found.detector] for found in strengths)
        limits = [f" ≥ {limit(found)}" if found.threshold is not None else "" for found in strengths]
        told = "\n".join(strength(found) + of for found, of in zip(strengths, limits, strict=True))
        return [*cells, Text(worst), Text(names), Text(told)]
    return [*cells, Text("\n".join(strength(found) for found in strengths))]


def _field(finding: Finding) -> Text:
    text = Text(finding.field.name, style="bold")
    under = finding.where or _ROLES[finding.field.role]
    others = finding.segments - bool(finding.where)
    if others:
        under += f" +{others}"
    return text.append(f"\n{under}", style="not bold cyan" if finding.where else "not bold dim")


def _change(finding: Finding) -> Text:
    before, shown = finding.reference, finding.shown
    if before is None or shown is None:
        return Text("breaks its contract")
    moved = change(before, shown)
    text = Text(f"{moved.before} → {moved.now}")
    notes = [moved.note, "over" if finding.over else ""]
    if moved.of == "sd":
        notes = [f"sd {moved.note}", *notes[1:]]
    elif moved.of:
        notes = [moved.of if moved.of == "missing" else f"= {_cut(moved.of)}", *notes[1:]]
    under = ", ".join(note for note in notes if note)
    return text.append(f"\n{under}", style="red" if not finding.over else "dim") if under else text


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"


def _shapes(finding: Finding, width: int) -> Text:
    if finding.reference is None or finding.shown is None:
        return Text("")
    before, now = pictures(finding.field, finding.reference, finding.shown, width)
    return Text.assemble((before, "dim"), "\n", (now, "green"))


def _psi(finding: Finding) -> Text:
    window = finding.worst_window
    if window is None or window.psi is None:
        return Text("too few", style="dim")
    text = Text.assemble(f"{window.psi:.2f} ", (window.psi_band or "", _BANDS.get(window.psi_band or "", "")))
    return text.append(f"\nnull {window.psi_null_mean or 0.0:.2f}", style="dim")
