"""A publisher's counts for Prometheus. The only file of the publisher that imports prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from driftline.producers.publisher_counts import Counts

EVENTS: Final = "driftline_publisher_events"
DELIVERED: Final = "driftline_publisher_delivered"
DROPPED: Final = "driftline_publisher_dropped"
INVALID_VALUES: Final = "driftline_publisher_invalid_values"
QUEUED: Final = "driftline_publisher_queued"


class PublisherCollector(Collector):
    """Reads the counts anew at each scrape; counters are written with `_total` after their names."""

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        counts = self._counts()
        events = CounterMetricFamily(EVENTS, "Events handed to the publisher.", labels=["kind"])
        events.add_metric(["prediction"], counts.predictions)
        events.add_metric(["label"], counts.labels)
        yield events
        yield CounterMetricFamily(DELIVERED, "Events acknowledged by Kafka.", value=counts.delivered)
        dropped = CounterMetricFamily(DROPPED, "Events that were not published.", labels=["reason"])
        for reason, number in counts.dropped.items():
            dropped.add_metric([reason], number)
        yield dropped
        invalid = "Features and measurements without a form in JSON."
        yield CounterMetricFamily(INVALID_VALUES, invalid, value=counts.invalid_values)
        yield GaugeMetricFamily(QUEUED, "Events that wait for the broker.", value=counts.queued)
