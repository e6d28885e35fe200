"""What the tests of the reliability rows share: a log played through, and its windows."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import msgspec
import orjson
from hypothesis import strategies as st

from driftline.config.model_spec import ModelSpec
from driftline.processors.counters import Counters
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.signals import FieldWindow, Signal, WindowClosed
from tests.core.logs import SPEC, START_MS, Log, event, partition, reference

SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def the_reference() -> Reference:
    return reference()


def play(log: Log, spec: ModelSpec = SPEC) -> tuple[list[Signal], Counters]:
    where = partition(spec, the_reference())
    said = where.apply(where.decode(log.records, range(len(log)), log.record_ms)) + where.finish()
    return said, where.counters()


def counted(said: Sequence[Signal]) -> list[bytes]:
    """The windows as bytes, in the order of their names, without what the online detectors show: these follow the log."""
    windows = [s for s in said if isinstance(s, WindowClosed)]
    return sorted(
        encode(msgspec.structs.replace(w, fields=[without_online(field) for field in w.fields])) for w in windows
    )


def without_online(field: FieldWindow) -> FieldWindow:
    return msgspec.structs.replace(
        field, e_value=None, adwin_width=None, adwin_mean=None, adwin_detections=None, page_hinkley=None,
        page_hinkley_detections=None,
    )  # fmt: skip


def orderly(seed: int, n: int, step_ms: int = 15_000) -> Log:
    """n good events in order of time, one every `step_ms`."""
    rng = random.Random(seed)
    at = [START_MS + i * step_ms for i in range(n)]
    return Log([orjson.dumps(event(rng, i, ms, 0.0)) for i, ms in enumerate(at)], at)
