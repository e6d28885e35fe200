"""The metrics of one worker in Prometheus' text format.

Own figures, shown by a collector of our own in a registry of our own: nothing is registered when a module is imported, and
whatever events hold, there are never more than `SERIES_MAX` series (each part has a cap; docs/metrics.md names them).
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from driftline.schemas.inputs import Input
from driftline.schemas.outputs import Output, OutputTopic
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Signal, WindowClosed
from driftline.sinks import metric_names as names
from driftline.sinks.capped_table import CappedTable
from driftline.sinks.label_values import label_value
from driftline.sinks.metric_names import METRICS, Metric
from driftline.sinks.partition_gauges import EventCounts, PartitionGauges
from driftline.sinks.samples import Histogram, Number, Sample
from driftline.sinks.signal_counts import SignalCounts
from driftline.sinks.window_gauges import WindowGauges

SERIES_MAX: Final = 10_000
WATERMARKS_MAX: Final = 300

_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SNAPSHOT_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class WorkerMetrics:
    """Everything that a worker shows. All methods are for one thread; `exposition` may run on another."""

    def __init__(self, version: str) -> None:
        """version: of driftline."""
        self._version = version
        self._windows = WindowGauges()
        self._signals = SignalCounts()
        self._partitions = PartitionGauges()
        self._watermarks: CappedTable[Number] = CappedTable(Number, 2, WATERMARKS_MAX)
        self._counts: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._histograms = {
            names.EVENT_TO_ALERT: Histogram(_LATENCY_S),
            names.SNAPSHOT_DURATION: Histogram(_SNAPSHOT_S),
            names.SNAPSHOT_STALL: Histogram(_SNAPSHOT_S),
        }
        self._set(names.OUTBOX, 0)
        for topic in OutputTopic:
            self._set(names.OUTPUTS, 0, topic)
            self._set(names.OUTPUTS_SHORTENED, 0, topic)
        self._set(names.OUTPUTS_OVERSIZED, 0)
        self._set(names.SNAPSHOT_WRITTEN, 0)
        for outcome in ("done", "failed"):
            self._set(names.COMMITS, 0, outcome)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(self))
        ProcessCollector(registry=self._registry)

    # -- what monitors say -----------------------------------------------------------------------------------------------

    def observe(self, signals: Iterable[Signal]) -> None:
        """Take over what monitors said."""
        for signal in signals:
            if isinstance(signal, WindowClosed):
                self._windows.observe(signal)
            else:
                self._signals.observe(signal)

    def set_watermarks(self, partition: int, watermark_ms: Mapping[str, int]) -> None:
        """Event time (epoch milliseconds) up to which the windows of each model are closed."""
        for model, at_ms in watermark_ms.items():
            self._watermarks[str(partition), model].value = at_ms / 1000

    # -- partitions ------------------------------------------------------------------------------------------------------

    def set_counters(self, partition: int, counters: EventCounts) -> None:
        """What became of every event of this partition so far."""
        self._partitions.set_counters(partition, counters)

    def set_offsets(self, partition: int, applied: Mapping[Input, int], ends: Mapping[Input, int]) -> None:
        """Next offset to apply and end of the log, by input."""
        self._partitions.set_offsets(partition, applied, ends)

    def snapshot_taken(self, partition: int, *, at_s: float, took_s: float, held_s: float, written_bytes: int) -> None:
        """A snapshot is complete: when (epoch seconds), how long from the cut to the commit, what it had to write.

        held_s: of that, how long the cut held up the records.
        """
        self._partitions.set_snapshot(partition, at_s, written_bytes)
        self._histograms[names.SNAPSHOT_DURATION].observe(took_s)
        self._histograms[names.SNAPSHOT_STALL].observe(held_s)
        self._add(names.SNAPSHOT_WRITTEN, written_bytes)

    def committed(self, *, done: bool) -> None:
        """Input offsets were committed, or that failed."""
        self._add(names.COMMITS, 1, "done" if done else "failed")

    def forget_partition(self, partition: int) -> None:
        """The partition went to another worker."""
        self._partitions.forget_partition(partition)
        self._windows.forget_partition(str(partition))
        self._signals.forget_partition(str(partition))
        self._watermarks.drop(str(partition))

    # -- outputs ---------------------------------------------------------------------------------------------------------

    def outputs_made(self, outputs: Iterable[Output]) -> None:
        """Note those that lost detail."""
        for output in outputs:
            if output.shortened:
                self._add(names.OUTPUTS_SHORTENED, 1, output.topic)

    def set_outbox(self, waiting: int, written: Mapping[OutputTopic, int], oversized: int) -> None:
        """Outputs that wait, that were acknowledged by topic, and that no record can hold; totals since the start."""
        self._set(names.OUTBOX, waiting)
        self._set(names.OUTPUTS_OVERSIZED, oversized)
        for topic, count in written.items():
            self._set(names.OUTPUTS, count, topic)

    def dead_letter(self, reason: RejectionReason, *, written: bool) -> None:
        """A record could not be read; whether it went to the dead-letter topic or was one of a flood."""
        self._add(names.DEAD_LETTERS, 1, reason, "written" if written else "sampled_out")

    def alert_written(self, latency_s: float) -> None:
        """An alert was acknowledged, so long after the append of the record that opened it."""
        self._histograms[names.EVENT_TO_ALERT].observe(max(latency_s, 0.0))

    # -- the exposition --------------------------------------------------------------------------------------------------

    def exposition(self) -> bytes:
        """All metrics in the text format, version 0.0.4."""
        return generate_latest(self._registry)

    def samples(self) -> Iterator[Sample]:
        """Everything but histograms, as it is now."""
        yield Sample(names.BUILD, (label_value(self._version), platform.python_version()), 1)
        yield Sample(names.PARTITIONS, (), len(self._partitions))
        yield Sample(names.FOLDED, (), self._windows.folded + self._signals.folded + self._watermarks.folded)
        yield from self._windows.samples()
        yield from self._signals.samples()
        yield from self._partitions.samples()
        yield from (Sample(names.WATERMARK, labels, row.value) for labels, row in self._watermarks.items())
        yield from (Sample(metric, labels, value) for (metric, labels), value in list(self._counts.items()))

    def histograms(self) -> Mapping[Metric, Histogram]:
        """The histograms, which have no labels."""
        return self._histograms

    def _set(self, metric: Metric, value: float, *labels: str) -> None:
        self._counts[metric, labels] = value

    def _add(self, metric: Metric, value: float, *labels: str) -> None:
        self._counts[metric, labels] = self._counts.get((metric, labels), 0) + value


class _Collector(Collector):
    """What the registry asks at each scrape."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        """One family for each metric, in the order of `metric_names`."""
        by_metric: dict[Metric, list[Sample]] = {metric: [] for metric in METRICS}
        for sample in self._metrics.samples():
            by_metric[sample.metric].append(sample)
        histograms = self._metrics.histograms()
        for metric, samples in by_metric.items():
            if metric in histograms:
                yield _histogram(metric, histograms[metric])
            else:
                yield _family(metric, samples)


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        family.add_metric(sample.labels, sample.value)
    return family


def _histogram(metric: Metric, histogram: Histogram) -> Family:
    return HistogramMetricFamily(
        metric.name, metric.help, buckets=list(histogram.cumulative()), sum_value=histogram.sum
    )
