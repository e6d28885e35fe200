"""Hostile names and values in good records (S4, S21).

Each test is named after its row of the reliability page. The oracle is the same log without the fault, and the law of
conservation, which a monitor checks at every step.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.codes import BINS
from driftline.processors.monitor import Monitor
from driftline.processors.partition import Partition
from driftline.processors.transform import encode_numeric, encode_numeric_plain, padded_edges
from driftline.schemas.codec import decode_signal, encode
from driftline.schemas.signals import Signal, WindowClosed
from tests.core.logs import SPEC, START_MS, Log, event, partition
from tests.core.reliability import the_reference

HOSTILE = [
    'new\nline "quoted" back\\slash', "\x00\x1b[31m", "\u202eright to left", "a=b,c%d", "{{ template }}", "../../etc",
    "__other__", "__missing__", "ｈｏｍｏｇｌｙｐｈ", "x" * 128, "\U0001f600", "\u2028", "",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_S4_hostile_names_survive_as_data(name: str) -> None:
    model = name or "m"
    spec = replace(SPEC, name=model, segments=(("region",), ("region", "device")), learn_from=60)
    where = Partition({}, {}, discovered=spec)
    records = []
    for i in range(200):
        raw = event(random.Random(i), i, START_MS + 1_000 * i, 0.0)
        features = {name: i % 5, f"text {name}"[:128]: name, "plain": 1.0}
        context = {"region": name if i % 2 else "eu", "device": name}
        records.append(
            orjson.dumps({**raw, "model": model, "features": features, "context": context, "model_version": name})
        )
    said: list[Signal] = []
    for start in range(0, 200, 50):
        batch = records[start : start + 50]
        said += where.apply(where.decode(batch, range(start, start + 50), [START_MS + 1_000 * (start + 49)] * 50))
    snapshot = where.monitors[model].snapshot()
    restored = Monitor.restore(spec, None, snapshot)
    assert restored.snapshot() == snapshot
    ending = where.finish()
    assert restored.finish() == ending
    said += ending
    assert where.counters().applied == 200
    for signal in said:
        line = encode(signal)
        assert b"\n" not in line
        assert decode_signal(line) == signal
    windows = [s for s in said if isinstance(s, WindowClosed) and s.fields and s.length_ms == spec.windows_ms[0]]
    assert {s.model for s in windows} == {model}
    assert all(name in {f.name for f in s.fields} for s in windows)
    by_region = {s.segment: s.n for s in windows if s.segment_set == ["region"]}
    assert sum(by_region.values()) == 140
    assert set(by_region) == {"region=eu", "region=" + name.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")}


ADVERSARIAL = [
    0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e-300, 1e300,
    1.0, float(np.nextafter(1.0, 2.0)), float(np.nextafter(1.0, 0.0)), 2.0**53, 2.0**53 + 2, 0.1 + 0.2, 0.3,
]  # fmt: skip


@given(
    edges=st.lists(st.sampled_from(ADVERSARIAL) | st.floats(allow_nan=False, allow_infinity=False), max_size=255),
    values=st.lists(
        st.sampled_from([*ADVERSARIAL, float("nan"), float("inf")]) | st.floats(allow_infinity=False),
        min_size=1,
        max_size=50,
    ),
)
def test_S21_any_value_finds_its_bin_in_the_same_eight_comparisons(edges: list[float], values: list[float]) -> None:
    """The search has no branch on data, so that no value is slow; here it also finds what numpy finds."""
    table = padded_edges([sorted(set(edges))])
    x = np.array(values).reshape(-1, 1)
    codes, columns = np.empty((1, len(values)), np.uint16), np.empty((1, len(values)))
    encode_numeric(x, table, codes, columns)
    assert codes.tolist() == encode_numeric_plain(x, table).tolist()
    assert columns.tobytes() == x.T.tobytes()
    assert (codes[0][np.isfinite(x[:, 0])] < BINS).all()


@pytest.mark.parametrize("name", ["ties", "extremes", "alternating"])
def test_S21_adversarial_values_keep_state_finite_and_batching_invisible(name: str) -> None:
    values = {
        "ties": [1.0],
        "extremes": [v for v in ADVERSARIAL if v],
        "alternating": [1.7e308, -1.7e308],
    }[name]
    records = []
    for i in range(300):
        features = {"amount": values[i % len(values)], "age": values[-i % len(values)], "plan": "free", "known": True}
        raw = {**event(random.Random(i), i, START_MS + 5_000 * i, 0.0), "features": features}
        records.append(orjson.dumps(raw))
    log = Log(records, [START_MS + 5_000 * i for i in range(300)])
    whole = partition(SPEC, the_reference())
    said = whole.apply(whole.decode(records, range(300), log.record_ms))
    state = whole.monitors["m"].scopes[0]
    for array in vars(state.detectors).values():
        assert np.isfinite(array).all()
    pieces = partition(SPEC, the_reference())
    one_by_one = [
        signal
        for i in range(300)
        for signal in pieces.apply(pieces.decode(records[i : i + 1], [i], log.record_ms[i : i + 1]))
    ]
    assert [encode(s) for s in said] == [encode(s) for s in one_by_one]
    assert said, "windows close, whatever the values"
