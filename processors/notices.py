"""What is said about the input once a pane closes: late events, rejections, health. Never once a batch.

Counts are gathered here and said at the next pane close, so that what is said, and when, is a property of the log.
"""

from __future__ import annotations

from driftline.processors.arrays import I64
from driftline.processors.reference.profile import Reference, encode_reference
from driftline.processors.segments import OTHER
from driftline.processors.signal_ids import digest
from driftline.schemas.errors import BadReference
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health, HealthCode, LateEvents, ReferenceLearnt, Rejected, Signal


class Notices:
    """Gathers; `said_at` says it and starts anew. `state` is everything gathered, for the snapshot."""

    def __init__(self, model: str, partition: int) -> None:
        self._model = model
        self._partition = partition
        self.late_count = 0
        self.late_span_ms: list[int] = []  # oldest, newest
        self.reasons: dict[RejectionReason, int] = {}
        self.health: list[Health] = []

    def late(self, event_ms: I64) -> None:
        """int64[k > 0]: event times of events that came after their pane had closed."""
        span = [int(event_ms.min()), int(event_ms.max()), *self.late_span_ms]
        self.late_count += len(event_ms)
        self.late_span_ms = [min(span), max(span)]

    def rejected(self, reason: RejectionReason, count: int) -> None:
        """Events that were read but not believed."""
        self.reasons[reason] = self.reasons.get(reason, 0) + count

    def new_version(self, version: str) -> None:
        """A version without a reference of its own, in a model that has some."""
        message = (
            f"version {version!r} has no reference of its own and is compared with the model's default; "
            "give it one under `versions:` if its inputs or scores are meant to differ"
        )
        self._health(HealthCode.NEW_VERSION, message, {"version": version})

    def rate_unknown(self, assumed: float, reason: str) -> None:
        """The budget is per week of traffic, and nobody said how much that is."""
        message = f"the false-alarm budget assumes {assumed:,.0f} events a week ({reason})"
        self._health(HealthCode.EVENTS_PER_WEEK_UNKNOWN, message, {"events_per_week": assumed})

    def segments_capped(self, version: str, keys: tuple[str, ...], segments_max: int) -> None:
        """A segment set has more segments than there is room for."""
        message = (
            f"the segments of {', '.join(keys)} that came after the first {segments_max:,} share {OTHER!r}; "
            "raise `segments_max`, or take keys with fewer values"
        )
        detail: dict[str, str | int | float] = {"segment_set": ",".join(keys), "segments_max": segments_max}
        self._health(HealthCode.SEGMENTS_CAPPED, message, {**detail, "version": version} if version else detail)

    def part_restarted(self, name: str, reason: str) -> None:
        """A part of a snapshot that could not be used."""
        message = f"the part {name!r} of the snapshot starts afresh: {reason}"
        self._health(HealthCode.SNAPSHOT_PART_RESTARTED, message, {"part": name, "reason": reason})

    def not_learnt(self, error: BadReference) -> None:
        """The events gathered make no reference; learning begins anew with the next ones."""
        message = f"no reference could be learnt ({error}); the next events are tried. Build one from a file instead"
        self._health(HealthCode.NO_REFERENCE, message, {})

    def learnt(self, reference: Reference) -> ReferenceLearnt:
        """Said at once: from here on the model is judged."""
        return ReferenceLearnt(
            id=digest("reference_learnt", self._model, self._partition, reference.hash),
            model=self._model,
            partition=self._partition,
            reference_json=encode_reference(reference).decode(),
        )

    def _health(self, code: HealthCode, message: str, detail: dict[str, str | int | float]) -> None:
        about = [f"{key}={value}" for key, value in sorted(detail.items())]
        signal_id = digest("health", code, self._model, self._partition, *about)
        self.health.append(
            Health(
                id=signal_id, model=self._model, partition=self._partition, code=code, message=message, detail=detail
            )
        )

    def said_at(self, pane_end_ms: int) -> list[Signal]:
        """Everything gathered since the last pane close; empty when there is nothing to say."""
        signals: list[Signal] = []
        if self.late_count:
            signals.append(
                LateEvents(
                    id=digest("late", self._model, self._partition, pane_end_ms),
                    model=self._model,
                    partition=self._partition,
                    pane_end_ms=pane_end_ms,
                    count=self.late_count,
                    oldest_ms=self.late_span_ms[0],
                    newest_ms=self.late_span_ms[1],
                )
            )
        if self.reasons:
            signals.append(
                Rejected(
                    id=digest("rejected", self._model, self._partition, pane_end_ms),
                    model=self._model,
                    partition=self._partition,
                    pane_end_ms=pane_end_ms,
                    reasons=dict(sorted(self.reasons.items())),
                )
            )
        signals += self.health
        self.late_count, self.late_span_ms, self.reasons, self.health = 0, [], {}, []
        return signals
