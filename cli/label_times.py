"""When labels became known, for files of labels that do not say: at the time of their prediction."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from driftline.schemas.timestamps import timestamp_ms


class _Stamped(msgspec.Struct):
    prediction_id: str
    timestamp: int | str


def prediction_times(blocks: Iterable[bytes]) -> dict[str, int]:
    """Epoch milliseconds of each prediction by its id; the first counts. Lines that are no prediction are passed over."""
    decoder = msgspec.json.Decoder(_Stamped)
    times: dict[str, int] = {}
    for block in blocks:
        for line in block.splitlines():
            try:
                stamped = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # said with its reason when the predictions themselves are read
            at_ms = timestamp_ms(stamped.timestamp)
            if at_ms is not None:
                times.setdefault(stamped.prediction_id, at_ms)
    return times
