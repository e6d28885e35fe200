"""docs/metrics.md says of every metric what the exposition says of it, and what it shows for Prometheus works there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from driftline.sinks.metric_names import METRICS, Metric
from tests.servers.programs import needs

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(driftline_[a-z_]+)` \| ([a-z]+) \|(?: ([^|]+))? \| ([^|]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_documented_with_its_type_and_labels(metric: Metric) -> None:
    rows = {name: (kind, re.findall(r"`([a-z]+)`", labels)) for name, kind, labels, _ in ROW.findall(PAGE)}
    assert rows.get(metric.name) == (metric.type, list(metric.labels))


def test_no_other_metric_is_documented() -> None:
    assert {name for name, *_ in ROW.findall(PAGE)} == {metric.name for metric in METRICS}
    assert set(re.findall(r"driftline_[a-z_]+", PAGE)) <= {metric.name for metric in METRICS}


@pytest.mark.parametrize(("begins", "check"), [("scrape_configs:", "config"), ("groups:", "rules")])
def test_promtool_accepts_the_configuration_that_is_shown(begins: str, check: str, tmp_path: Path) -> None:
    (block,) = re.findall(rf"^```yaml\n({begins}.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "shown.yml").write_text(block, encoding="utf-8")
    command = [needs("promtool"), "check", check, str(tmp_path / "shown.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
