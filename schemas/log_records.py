"""Records of one input of one partition, as they lie in the log: what every reader of a topic hands to the core."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class LogRecords:
    """A run of records that one fetch brought, by rising offset; lists of equal length n.

    - values: the payloads; b"" for a record without one
    - record_ms: what the log says of when each was written
    - ticks: positions (not offsets) of the records that are ticks of the clock and no events, rising (see `control`)
    - traceparents: offset -> W3C traceparent of the records that carry one
    - create_time: the times are those of the producers, as the topic is not set to `LogAppendTime`
    """

    values: list[bytes]
    offsets: list[int]
    record_ms: list[int]
    ticks: list[int] = field(default_factory=list)
    traceparents: dict[int, str] = field(default_factory=dict)
    create_time: bool = False

    def __len__(self) -> int:
        return len(self.offsets)
