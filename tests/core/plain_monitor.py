"""The counting side of a monitor as slow, plain Python over decoded events: the oracle of the windows.

It keeps every applied event and counts at the end; nothing of it is shared with the core but the decoder of events.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass, field

from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.profile import Reference
from driftline.schemas.events import Prediction
from driftline.schemas.exact import read_prediction
from driftline.schemas.rejections import RecordRejected
from tests.core.logs import Log
from tests.core.plain_fields import PlainField

WHOLE = (-1, "")
_HUGE = 1e140  # the squares of larger values are past the end of float64
Segment = tuple[int, str]
WindowKey = tuple[int, int, Segment]  # length, start, segment


@dataclass
class Applied:
    """One applied event, the segments it counts in (the whole model first) and the unknown names it carried."""

    offset: int
    event: Prediction
    segments: list[Segment]
    unknown: tuple[str, ...]


@dataclass
class FieldFacts:
    """What a closed window says of one field, without statistics."""

    counts: list[int]
    out_of_range: int
    new_category: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


@dataclass
class PlainMonitor:
    """`read` a whole log, then look at `windows()` and the counters."""

    spec: ModelSpec
    reference: Reference
    model: str = "m"
    applied: list[Applied] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    undecodable: int = 0
    duplicate: int = 0

    def __post_init__(self) -> None:
        self.watermark = self.latest_event = self.latest_record = self.partition = -(10**18)
        self.ids: OrderedDict[str, None] = OrderedDict()
        sets = self.spec.segments
        self.reserved = {(sets.index(s.segment_set), s.label) for s in self.reference.segments if s.segment_set in sets}
        self.tracked: set[Segment] = set()

    def read(self, log: Log) -> None:
        for offset, (raw, record_ms) in enumerate(zip(log.records, log.record_ms, strict=True)):
            self.partition = max(self.partition, record_ms)
            self._wake()
            try:
                event, unknown = read_prediction(raw)
            except RecordRejected:
                self.undecodable += 1
                continue
            if event.model == self.model:
                self._take(offset, event, unknown, record_ms)

    def _wake(self) -> None:
        """Any record of the partition moves an idle model on."""
        idle = self.spec.idle_after_ms
        if idle is not None and self.latest_record > 0 and self.partition - self.latest_record >= idle:
            self.watermark = max(self.watermark, self.partition - idle - self.spec.lateness_ms)

    def _take(self, offset: int, event: Prediction, unknown: tuple[str, ...], record_ms: int) -> None:
        spec, at = self.spec, event.timestamp_ms
        self.latest_record = max(self.latest_record, record_ms)
        if at < 946_684_800_000:
            self.rejected["timestamp_too_old"] += 1
            return
        if at > self.latest_record + spec.future_tolerance_ms:
            self.rejected["timestamp_in_future"] += 1
            return
        self.latest_event = max(self.latest_event, at)
        self.watermark = max(self.watermark, min(self.latest_event, self.latest_record) - spec.lateness_ms)
        if self._seen_before(event.prediction_id):
            self.duplicate += 1
            return
        pane_ms = spec.windows_ms[0]
        if at // pane_ms * pane_ms + pane_ms <= self.watermark:
            self.late.append(at)
            return
        segments = [WHOLE, *(self._segment(i, keys, event) for i, keys in enumerate(spec.segments))]
        self.applied.append(Applied(offset, event, segments, unknown))

    def _seen_before(self, prediction_id: str) -> bool:
        if self.spec.dedup == 0:
            return False
        if prediction_id in self.ids:
            return True
        self.ids[prediction_id] = None
        if len(self.ids) > self.spec.dedup:
            self.ids.popitem(last=False)
        return False

    def _segment(self, index: int, keys: tuple[str, ...], event: Prediction) -> Segment:
        label = ",".join(f"{key}={event.context.get(key, '__missing__')}" for key in keys)
        segment = (index, label)
        if segment in self.reserved or segment in self.tracked:
            return segment
        if sum(1 for i, _ in self.tracked if i == index) < self.spec.segments_max:
            self.tracked.add(segment)
            return segment
        return (index, "__other__")

    # -- at the end ----------------------------------------------------------------------------------------------------

    def windows(self) -> dict[WindowKey, list[Applied]]:
        held: dict[WindowKey, list[Applied]] = defaultdict(list)
        for applied in self.applied:
            for length in self.spec.windows_ms:
                start = applied.event.timestamp_ms // length * length
                for segment in applied.segments:
                    held[length, start, segment].append(applied)
        return held

    def partial(self, key: WindowKey) -> bool:
        return key[0] + key[1] > self.watermark

    def facts(self, held: list[Applied]) -> list[FieldFacts]:
        return [_facts(PlainField(profile), held) for profile in self.reference.fields]

    def unknown_names(self, held: list[Applied]) -> Counter[str]:
        known = {f.name for f in self.reference.fields if f.role == "feature"}
        measured = {f.name for f in self.reference.fields if f.role == "measurement"}
        names: Counter[str] = Counter()
        for applied in held:
            names.update(applied.unknown)
            names.update(name for name in applied.event.features if name not in known)
            names.update(f"measurements:{name}" for name in applied.event.measurements if name not in measured)
        return names


def _facts(plain: PlainField, held: list[Applied]) -> FieldFacts:
    values = [plain.value(applied.event) for applied in held]
    cells = Counter(value.cell for value in values)
    counts = [cells[cell] for cell in range(max(cells) + 1)]
    xs = [value.x for value in values if value.x is not None]
    mean = sd = low = high = None
    if xs:
        low, high = min(xs), max(xs)
    if xs and min(xs) > -_HUGE and max(xs) < _HUGE:
        mean = math.fsum(x / len(xs) for x in xs)
        sd = math.sqrt(math.fsum((x - mean) * (x - mean) for x in xs) / max(len(xs) - 1, 1))
    out_of_range = sum(value.out_of_range for value in values)
    new_category = sum(value.new_category for value in values)
    return FieldFacts(counts, out_of_range, new_category, mean, sd, low, high)
