"""The counts of a publisher at a service's own /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from driftline.producers.publisher_counts import DropReason
from tests.publisher.test_delivery import FLUSH_S, OpenPublisher


def test_the_counts_are_metrics_and_every_reason_is_there_from_the_start(open_publisher: OpenPublisher) -> None:
    publisher = open_publisher()
    registry = CollectorRegistry()
    registry.register(publisher.collector())
    publisher.prediction("credit", 1, features={"x": float("nan")})
    publisher.prediction("credit", float("nan"))
    publisher.label("a1", "credit", 1)
    assert publisher.flush(FLUSH_S) == 0
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }
    assert values == {
        ("driftline_publisher_events_total", "prediction"): 2,
        ("driftline_publisher_events_total", "label"): 1,
        ("driftline_publisher_delivered_total",): 2,
        ("driftline_publisher_invalid_values_total",): 1,
        ("driftline_publisher_queued",): 0,
        **{("driftline_publisher_dropped_total", str(reason)): 0 for reason in DropReason},
        ("driftline_publisher_dropped_total", "not_finite"): 1,
    }
    assert generate_latest(registry).startswith(b"# HELP driftline_publisher_events_total")
