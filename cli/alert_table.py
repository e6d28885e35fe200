"""Alerts as a table that a data scientist likes to read: what drifted, when, by how much, how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from driftline.schemas.alerts import Alert, FeatureEvidence, Sketch

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SPARK_CELLS = 12


def alert_table(alerts: Sequence[Alert], title: str) -> Table:
    """One row for each alert, in the order of the log."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for name, justify in (
        ("when (UTC)", "left"),
        ("what", "left"),
        ("reference → now", "left"),
        ("shape", "left"),
        ("found by", "left"),
        ("evidence", "right"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for alert in alerts:
        evidence = alert.features[0]
        table.add_row(
            moment(alert.detected_ms),
            _what(alert, evidence),
            change(evidence),
            shapes(evidence),
            alert.detector.replace("_", "-"),
            strength(evidence),
        )
    return table


def moment(at_ms: int) -> str:
    """Minutes are exact enough for a person."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _what(alert: Alert, evidence: FeatureEvidence) -> Text:
    text = Text(evidence.name, style="bold")
    if alert.kind != "data":
        text.append(f" ({alert.kind})", style="not bold dim")
    if alert.segment:
        text.append(f"\n{alert.segment}", style="not bold cyan")
    return text


def change(evidence: FeatureEvidence) -> str:
    """From what to what, in the field's own units."""
    before, now = evidence.baseline, evidence.current
    if before is None or now is None:
        return f"{evidence.statistic:.1%} of values" if evidence.statistic is not None else ""
    if now.missing_share - before.missing_share > 0.02:
        return f"missing {before.missing_share:.1%} → {now.missing_share:.1%}"
    if before.mean is not None and now.mean is not None:
        sds = f" ({(now.mean - before.mean) / before.sd:+.2f} sd)" if before.sd else ""
        return f"mean {before.mean:.4g} → {now.mean:.4g}{sds}"
    if before.top_categories:
        return _category_change(before, now)
    return f"n {now.n:,}"


def _category_change(before: Sketch, now: Sketch) -> str:
    def share(sketch: Sketch, name: str) -> float:
        return sketch.top_categories.get(name, 0) / max(sketch.n, 1)

    names = {*before.top_categories, *now.top_categories}
    name = max(sorted(names), key=lambda n: abs(share(now, n) - share(before, n)))
    return f"{name}: {share(before, name):.1%} → {share(now, name):.1%}"


def shapes(evidence: FeatureEvidence) -> str:
    """Two sparklines over the reference's cells: the reference above what came lately."""
    if evidence.baseline is None or evidence.current is None or not evidence.baseline.counts:
        return ""
    width = max(len(evidence.baseline.counts), len(evidence.current.counts))
    return f"{sparkline(evidence.baseline.counts, width)}\n{sparkline(evidence.current.counts, width)}"


def sparkline(counts: Sequence[int], width: int) -> str:
    """Cells as block characters, neighbours joined until there are at most twelve."""
    padded = [*counts, *[0] * (width - len(counts))]
    cells = min(_SPARK_CELLS, width)
    sums = [sum(padded[i * width // cells : (i + 1) * width // cells]) for i in range(cells)]
    top = max(sums, default=0)
    return "".join(_BLOCKS[round(8 * s / top)] for s in sums) if top else ""


def strength(evidence: FeatureEvidence) -> str:
    """How sure: an e-value as a multiple of its threshold, a p-value, or a statistic beside its threshold."""
    if evidence.p_value is not None:
        return f"p = {evidence.p_value:.1e}"
    if evidence.statistic is None or evidence.threshold is None:
        return ""
    mark = "e = " if evidence.e_value is not None else ""
    return f"{mark}{evidence.statistic:.3g}\n(≥ {evidence.threshold:.3g})"


def counters_line(counters: dict[str, int]) -> str:
    """The conservation law in one line."""
    parts = [f"{counters[name]:,} {name}" for name in ("applied", "duplicate", "late", "rejected", "filtered")]
    labels = f"; {counters['labels']:,} labels" if counters["labels"] else ""
    return f"{counters['consumed']:,} events = {' + '.join(parts)}{labels}"
