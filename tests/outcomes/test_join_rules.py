"""What becomes of single predictions and labels: the rules of the join, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from driftline.config.model_spec import DAY_MS, HOUR_MS, LabelSpec, ModelSpec
from driftline.processors.outcomes.counts import OutcomeCounters
from driftline.schemas.inputs import Input
from driftline.schemas.signals import LabelExpired, PerformanceWindow
from tests.outcomes.labelled_logs import START_MS, Log, Logs, Outcome, apply, both_logs, partition_of, reference, spec

HORIZON_MS = DAY_MS


@dataclass
class Story:
    """Predictions and labels at hours after the start."""

    model: ModelSpec = field(default_factory=lambda: spec(HORIZON_MS, lateness_ms=0))
    logs: Logs = field(default_factory=lambda: Logs(Log(), Log()))

    def predict(self, ident: str, hour: float, value: object = 1, *, event_hour: float | None = None) -> None:
        at_ms, event_ms = _ms(hour), _ms(hour if event_hour is None else event_hour)
        event = {"prediction_id": ident, "model": "m", "timestamp": event_ms, "prediction": value}
        self.logs.predictions.add({**event, "features": {"x": 0.5}}, at_ms)

    def label(self, ident: str, hour: float, value: object = 1) -> None:
        event = {"prediction_id": ident, "model": "m", "timestamp": _ms(hour), "label": value}
        self.logs.labels.add(event, _ms(hour))

    def play(self) -> tuple[OutcomeCounters, list[Outcome]]:
        partition = partition_of(self.model, reference())
        said = apply(partition, self.logs, both_logs(self.logs))
        assert partition.outcomes is not None
        return partition.outcomes.counters(), said


def _ms(hour: float) -> int:
    return START_MS + round(hour * HOUR_MS)


def last(said: list[Outcome]) -> PerformanceWindow:
    """The last word on the first pane of the whole model."""
    whole = [s for s in said if isinstance(s, PerformanceWindow) and not s.version and not s.segment]
    return [w for w in whole if (w.start_ms, w.length_ms) == (START_MS, 6 * HOUR_MS)][-1]


def test_a_label_is_joined_and_the_same_one_again_changes_nothing() -> None:
    story = Story()
    story.predict("a", 1)
    story.label("a", 2)
    story.label("a", 3, True)  # another spelling of the same class
    counters, said = story.play()
    assert (counters.joined, counters.repeated, counters.corrected) == (1, 1, 0)
    assert (last(said).labelled, last(said).metrics["accuracy"]) == (1, 1.0)


def test_a_later_label_replaces_the_earlier_one() -> None:
    story = Story()
    story.predict("a", 1)
    story.label("a", 2, 1)
    story.label("a", 3, 0)
    counters, said = story.play()
    assert (counters.joined, counters.corrected) == (1, 1)
    assert (last(said).labelled, last(said).corrected, last(said).metrics["accuracy"]) == (1, 1, 0.0)


def test_null_takes_a_label_back_and_the_next_one_counts_again() -> None:
    story = Story()
    story.predict("a", 1)
    story.label("a", 2, 0)
    story.label("a", 3, None)
    taken_back = story.play()
    assert (taken_back[0].retracted, last(taken_back[1]).labelled) == (1, 0)
    story.label("a", 4, 1)
    counters, said = story.play()
    assert (counters.joined, counters.retracted, counters.corrected) == (2, 1, 0)
    assert (last(said).labelled, last(said).metrics["accuracy"]) == (1, 1.0)


def test_a_label_may_come_first_and_waits() -> None:
    story = Story()
    story.label("a", 1)
    story.predict("a", 2)
    counters, said = story.play()
    assert (counters.parked, counters.claimed, counters.joined) == (1, 1, 0)
    assert last(said).labelled == 1


def test_a_waiting_label_can_be_replaced_and_taken_back() -> None:
    story = Story()
    story.label("a", 1, 1)
    story.label("a", 2, 0)
    story.label("b", 1, 1)
    story.label("b", 2, None)
    story.predict("a", 3)
    story.predict("b", 3)
    counters, said = story.play()
    assert (counters.parked, counters.replaced, counters.idle, counters.claimed) == (2, 1, 1, 1)
    assert (last(said).n, last(said).labelled, last(said).metrics["accuracy"]) == (2, 1, 0.0)


def test_predictions_count_once_however_often_they_are_sent() -> None:
    story = Story()
    for hour in (1, 1, 2):
        story.predict("a", hour, event_hour=1)
    story.label("a", 3)
    counters, said = story.play()
    assert (counters.accepted, counters.duplicate, counters.joined) == (1, 2, 1)
    assert last(said).n == 1


def test_after_the_horizon_nothing_is_joined_any_more() -> None:
    story = Story()
    story.predict("a", 1)
    story.predict("b", 1)
    story.label("a", 6 + 24 - 0.01)  # the pane ends at 6
    story.label("b", 6 + 24)
    story.predict("late", 6 + 24, event_hour=1)
    story.predict("end", 100)
    story.label("nobody", 100)
    counters, said = story.play()
    assert (counters.joined, counters.parked, counters.too_late) == (1, 2, 1)
    assert (last(said).final, last(said).n, last(said).labelled) == (True, 2, 1)
    expired = [s for s in said if isinstance(s, LabelExpired)]
    assert [(s.pane_end_ms, s.predictions, s.labels) for s in expired] == [(_ms(6), 1, 0), (_ms(36), 0, 1)]
    assert (counters.expired_predictions, counters.expired_labels) == (1, 1)


def test_timestamps_that_nobody_believes_are_counted_and_not_joined() -> None:
    story = Story()
    story.predict("future", 1, event_hour=2)
    story.predict("seconds", 1, event_hour=-START_MS / HOUR_MS + 0.4)
    story.predict("good", 1)
    counters, said = story.play()
    assert (counters.accepted, counters.implausible) == (1, 2)
    assert last(said).n == 1


def test_labels_of_no_known_class_count_as_labels_and_in_no_metric() -> None:
    story = Story()
    story.predict("a", 1)
    story.predict("b", 1)
    story.label("a", 2, "neither")
    story.label("b", 2, 1)
    counters, said = story.play()
    assert (counters.joined, counters.unusable) == (2, 1)
    assert (last(said).labelled, last(said).metrics["accuracy"]) == (2, 1.0)


def test_a_full_store_drops_the_oldest_and_counts_them() -> None:
    story = Story()
    story.model = replace(story.model, labels=LabelSpec(horizon_ms=HORIZON_MS, capacity=3))
    for i in range(5):
        story.predict(f"p{i}", 1 + i / 100)
    for i in range(5):
        story.label(f"p{i}", 2 + i / 100)
    counters, said = story.play()
    assert (counters.accepted, counters.evicted) == (5, 2)
    # labels of what was dropped do not drop what is left
    assert (counters.joined, counters.turned_away, counters.parked) == (3, 2, 0)
    assert (last(said).n, last(said).labelled) == (5, 3)


def test_versions_and_segments_have_windows_of_their_own() -> None:
    story = Story()
    story.predict("a", 1)
    story.label("a", 2)
    _, said = story.play()
    named = {(w.version, w.segment) for w in said if isinstance(w, PerformanceWindow)}
    # a service that names no versions has one, which is the whole model
    assert named == {("", ""), ("", "region=__missing__")}


def test_a_log_that_is_read_alone_says_nothing_yet() -> None:
    story = Story()
    story.predict("a", 1)
    story.predict("b", 50)
    partition = partition_of(story.model, reference())
    log = story.logs.predictions
    assert not [
        s
        for s in partition.apply(partition.decode(log.records, [0, 1], log.record_ms))
        if isinstance(s, PerformanceWindow)
    ]
    assert [s for s in partition.end(Input.LABELS) if isinstance(s, PerformanceWindow)]


def test_a_window_says_what_its_metrics_leave_out() -> None:
    story = Story()
    story.model = replace(story.model, labels=LabelSpec(horizon_ms=HORIZON_MS, capacity=3))
    for i in range(4):
        story.predict(f"p{i}", 1 + i / 100)
    story.label("p0", 2)  # pushed out
    story.label("p1", 2, "neither")
    story.label("p2", 2)
    story.label("p2", 3, None)
    _, said = story.play()
    window = last(said)
    assert (window.n, window.labelled, window.evicted, window.unusable, window.retracted) == (4, 1, 1, 1, 1)
