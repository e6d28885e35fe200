"""Versions of a model with a reference of their own, beside the model's default."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from driftline.processors.monitor import Monitor
from driftline.processors.partition import Partition
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference
from driftline.schemas.codec import encode
from driftline.schemas.events import Prediction
from driftline.schemas.signals import Health, HealthCode, ReferenceLearnt, Signal, WindowClosed
from tests.core.fewer import fewer_examples
from tests.core.logs import SPEC, START_MS, Log, make_log, reference
from tests.core.plain_monitor import PlainMonitor
from tests.core.test_windows_against_an_oracle import check_field

VERSIONED = replace(SPEC, references_by_version={"v2": "v2.json"})
LEARNING = replace(VERSIONED, learn_from=60)


@functools.cache
def default_reference() -> Reference:
    return reference()


@functools.cache
def other_reference() -> Reference:
    """Of version v2: other fields, other categories, another order of both."""
    rng = random.Random(3)
    rows = [
        Prediction(
            prediction_id=str(i),
            model="m",
            model_version="v2",
            timestamp_ms=START_MS + i * 1_000,
            prediction=rng.choice(["no", "no", "yes"]),
            features={
                "plan": rng.choice(["team", "team", "new", "pro"]),
                "amount": rng.gauss(5, 1),
                "extra": rng.random(),
            },
            context={"region": rng.choice(["us", "us", "eu"]), "device": "web"},
        )
        for i in range(600)
    ]
    return build_reference(VERSIONED, rows, "v2")


def versioned(spec: object, default: Reference | None) -> Partition:
    references = {"v2": other_reference()} if default is None else {"": default, "v2": other_reference()}
    return Partition({"m": spec}, {"m": references})  # type: ignore[dict-item]


def play(log: Log, cuts: Iterable[int], default: Reference | None, restarts: Sequence[int] = ()) -> list[Signal]:
    spec = VERSIONED if default is not None else LEARNING
    where, said = versioned(spec, default), list[Signal]()
    for start, stop in itertools.pairwise(sorted({0, len(log), *cuts, *restarts})):
        if start in restarts:
            snapshot = where.monitors["m"].snapshot()
            where = versioned(spec, default)
            by_version = {"v2": other_reference()}
            where.monitors["m"] = Monitor.restore(spec, default, snapshot, references_by_version=by_version)
        said += where.apply(where.decode(log.records[start:stop], range(start, stop), log.record_ms[start:stop]))
    return said + where.finish()


def only(log: Log, version: str) -> Log:
    """The same log with the events of other versions made unreadable: they still move the clock."""
    keep = [orjson.loads(raw).get("model_version") == version if raw.endswith(b"}") else False for raw in log.records]
    records = [raw if kept else b"" for raw, kept in zip(log.records, keep, strict=True)]
    return Log(records, log.record_ms)


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1))
def test_each_version_is_counted_by_its_own_reference(seed: int) -> None:
    # only events of one version have to be on time, so that the oracle may see them alone
    log = make_log(seed, 120, disorder_ms=0, late_share=0.0)
    windows = [s for s in play(log, [], default_reference()) if isinstance(s, WindowClosed)]
    for version, scope, given_reference in (("v1", "", default_reference()), ("v2", "v2", other_reference())):
        spec = replace(VERSIONED, lateness_ms=10**9, idle_after_ms=None, dedup=1_000)
        plain = PlainMonitor(replace(spec, dedup=64), given_reference)
        plain.spec = spec
        plain.read(only(log, version))
        mine = [w for w in windows if w.version == scope]
        assert {w.reference_hash for w in mine} <= {given_reference.hash}
        expected = plain.windows()
        for window in mine:
            index = spec.segments.index(tuple(window.segment_set)) if window.segment_set else -1
            held = expected[window.length_ms, window.start_ms, (index, window.segment)]
            if window.n == len(held):  # a duplicate or a late event of the other version's making is left out
                for ours, theirs in zip(window.fields, plain.facts(held), strict=True):
                    check_field(ours, theirs)


@fewer_examples()
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.sets(st.integers(1, 119), max_size=6),
    crashes=st.sets(st.integers(1, 119), max_size=2),
    learning=st.booleans(),
)
def test_batching_and_crashes_change_nothing(seed: int, cuts: set[int], crashes: set[int], learning: bool) -> None:
    log = make_log(seed, 120)
    default = None if learning else default_reference()
    whole = [encode(s) for s in play(log, [], default)]
    assert [encode(s) for s in play(log, cuts, default, sorted(crashes))] == whole


def test_an_unknown_version_uses_the_default_and_is_said_once() -> None:
    said = play(make_log(5, 200), [50, 100], default_reference())
    assert [s.detail["version"] for s in said if isinstance(s, Health) and s.code is HealthCode.NEW_VERSION] == ["v1"]


def test_the_default_is_learnt_from_versions_without_a_reference_and_cuts_only_their_windows() -> None:
    said = play(make_log(5, 200), [], None)
    learnt = next(s for s in said if isinstance(s, ReferenceLearnt))
    assert orjson.loads(learnt.reference_json)["model_version"] == "v1"
    at = said.index(learnt)
    assert {s.version for s in said[:at] if isinstance(s, WindowClosed) and s.partial} == {""}
    windows = [s for s in said if isinstance(s, WindowClosed)]
    assert len({w.id for w in windows}) == len(windows)


def test_a_version_of_the_same_layout_stays_on_the_fast_path() -> None:
    where = Partition({"m": VERSIONED}, {"m": {"": default_reference(), "v2": default_reference()}})
    assert where.monitors["m"].layout is not None
    assert versioned(VERSIONED, default_reference()).monitors["m"].layout is None
