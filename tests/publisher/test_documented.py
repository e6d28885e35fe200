"""docs/publishing.md names everything that the publisher can be told, and everything that it can say."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from driftline.producers import publisher_metrics
from driftline.producers.publisher import Publisher
from driftline.producers.publisher_counts import Counts, DropReason
from driftline.producers.publisher_problems import BAD_TRACEPARENT, BROKER, INVALID_VALUE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "publishing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", DropReason)
def test_every_reason_to_drop_an_event_is_documented(reason: str) -> None:
    assert f"| `{reason}` |" in PAGE


@pytest.mark.parametrize("kind", [BROKER, INVALID_VALUE, BAD_TRACEPARENT])
def test_every_other_kind_of_problem_is_documented(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def test_every_count_argument_and_metric_is_documented() -> None:
    counts = [field.name for field in dataclasses.fields(Counts)]
    arguments = list(inspect.signature(Publisher).parameters)
    assert [name for name in (*counts, *arguments) if f"`{name}`" not in PAGE] == []
    metrics = [value for name, value in vars(publisher_metrics).items() if name.isupper()]
    assert len(metrics) == 5
    assert [name for name in metrics if not re.search(rf"`{name}(_total)?(\{{\w+\}})?`", PAGE)] == []
