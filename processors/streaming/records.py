"""Records as aiokafka gives them -> `LogRecords`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from driftline.schemas.control import is_tick
from driftline.schemas.log_records import LogRecords

_CREATE_TIME: Final = 0


def log_records(records: Sequence[Any]) -> LogRecords:
    """The run of records of one fetch, which has at least one."""
    headed = [(i, record) for i, record in enumerate(records) if record.headers]
    return LogRecords(
        values=[record.value or b"" for record in records],
        offsets=[record.offset for record in records],
        record_ms=[record.timestamp for record in records],
        ticks=[i for i, record in headed if is_tick(record.headers)],
        traceparents=_traceparents(headed),
        create_time=records[0].timestamp_type == _CREATE_TIME,
    )


def _traceparents(headed: Sequence[tuple[int, Any]]) -> dict[int, str]:
    """What is no ASCII is no traceparent, and left out."""
    return {
        record.offset: value.decode("ascii")
        for _, record in headed
        for name, value in record.headers
        if name == "traceparent" and value is not None and value.isascii()
    }
