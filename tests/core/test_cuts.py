"""Cuts of a partition: a chain of them holds the whole state, and each holds no more than what changed."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.budget import FalseAlarmBudget
from driftline.processors.log_partition import LogPartition
from driftline.processors.monitor_parts import IDS_PER_BLOCK
from driftline.processors.recovery.cut import Cut, PartName, StoredCut, StoredPart
from driftline.processors.snapshot import pack_arrays
from driftline.schemas.errors import DamagedSnapshot
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.signals import Health, HealthCode, Signal
from tests.core.fewer import fewer_examples
from tests.core.logs import MINUTE_MS, SPEC, START_MS, event, reference
from tests.core.two_logs import P, Player, World, make_logs, steps_through, stored, world

SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def the_world() -> World:
    return world(reference())


# -- a chain of cuts is the whole ------------------------------------------------------------------------------------


@fewer_examples()
@given(seed=SEEDS)
def test_a_chain_of_incremental_cuts_holds_the_same_state_as_a_full_one(seed: int) -> None:
    rng = random.Random(seed)
    logs = make_logs(seed, 60)
    player = Player(the_world().fresh(), logs)
    chain: StoredCut | None = None
    for step in steps_through(rng, logs, 4):
        player.play([step])
        if rng.random() < 0.6:
            chain = stored(player.where.cut(full=rng.random() < 0.1), chain)
            if rng.random() < 0.3:
                assert the_world().restored(chain).state() == player.where.state()
    chain = stored(player.where.cut(full=False), chain)
    assert the_world().restored(chain).state() == player.where.state()
    full = stored(player.where.cut(full=True))
    assert the_world().restored(full).state() == player.where.state()


@fewer_examples()
@given(seed=SEEDS)
def test_what_is_applied_after_a_cut_is_not_in_it_however_late_it_is_encoded(seed: int) -> None:
    rng = random.Random(seed)
    logs = make_logs(seed, 60)
    player = Player(the_world().fresh(), logs)
    steps = steps_through(rng, logs, 3)
    half = rng.randrange(len(steps) + 1)
    player.play(steps[:half])
    state, cut = player.where.state(), player.where.cut(full=True)
    player.play(steps[half:])
    assert the_world().restored(stored(cut)).state() == state


def test_nothing_is_written_when_nothing_was_applied() -> None:
    player = Player(the_world().fresh(), make_logs(1, 100))
    player.play([(each, 80) for each in Input])
    player.where.cut(full=False)
    assert written(player.where.cut(full=False)) == set()
    assert len(written(player.where.cut(full=True))) == len(player.where.cut(full=False).parts)


# -- no more than what changed ---------------------------------------------------------------------------------------

WIDE = replace(SPEC, segments=(("region",),), segments_max=100, dedup=20_000, windows_ms=(10 * MINUTE_MS,))


class Feed:
    """Events of chosen regions into one partition."""

    def __init__(self) -> None:
        self.where = LogPartition(
            {"m": WIDE}, {"m": the_world().references["m"]}, partition=0, next_offsets=dict.fromkeys(Input, 0)
        )

    def play(self, regions: list[str], at_ms: int = START_MS) -> list[Signal]:
        first = self.where.next[P]
        return self.take(
            [
                orjson.dumps(event(random.Random(first), first + i, at_ms, 0.0, context={"region": r, "device": "ios"}))
                for i, r in enumerate(regions)
            ],
            at_ms,
        )

    def take(self, values: list[bytes], at_ms: int = START_MS) -> list[Signal]:
        first, n = self.where.next[P], len(values)
        run = self.where.decode(P, LogRecords(values, list(range(first, first + n)), [at_ms] * n))
        return self.where.apply(run).signals

    def written(self) -> set[str]:
        return {name for model, name in written(self.where.cut(full=False)) if model}


def written(cut: Cut) -> set[PartName]:
    return {part.name for part in cut.parts if part.encode is not None}


def test_only_the_rows_of_active_segments_are_written() -> None:
    feed = Feed()
    regions = [f"r{i}" for i in range(40)]
    feed.play(regions)
    assert {"windows//0", "detectors//0", "segments/"} <= feed.written()
    feed.play(["r17", "r17"])
    some = feed.written()
    # row 0 is the whole model, row 18 the segment; some rows share a part where fields are few
    assert {name for name in some if name.startswith("segments")} == set()
    assert len({name for name in some if name.startswith("windows/")}) == 2
    assert len({name for name in some if name.startswith("detectors/")}) == 2
    feed.play([], START_MS)
    assert feed.written() == set()


def test_a_window_that_closes_is_written_and_detectors_that_saw_nothing_are_not() -> None:
    feed = Feed()
    feed.play([f"r{i}" for i in range(40)])
    feed.written()
    feed.play(["r39"], START_MS + 20 * MINUTE_MS)
    some = feed.written()
    all_windows = {name.name for name in _names(feed) if name.name.startswith("windows/")}
    assert {name for name in some if name.startswith("windows/")} == all_windows
    assert len({name for name in some if name.startswith("detectors/")}) == 2


def _names(feed: Feed) -> list[PartName]:
    return [part.name for part in feed.where.cut(full=True).parts]


@pytest.mark.compiled
def test_only_new_ids_are_written_however_many_are_remembered() -> None:
    feed = Feed()
    for _ in range(5):
        feed.play(["eu"] * 5_000)
    ids = {name for name in feed.written() if name.startswith("ids/")}
    assert len(ids) == 4, "the ids from 5,000 to 25,000, in blocks of 8,192"
    feed.play(["eu"] * 10)
    assert {name for name in feed.written() if name.startswith("ids/")} == {f"ids/{25_000 // IDS_PER_BLOCK % 4}"}


@pytest.mark.parametrize("dedup", [0, 1, 2, 50_000])
def test_places_of_ids_are_used_again_and_never_twice_at_once(dedup: int) -> None:
    """Ids go round their places; a chain of cuts taken at odd moments still holds exactly those remembered."""
    spec = replace(WIDE, dedup=dedup, segments=())
    feed = Feed()
    feed.where = LogPartition({"m": spec}, {}, partition=0, next_offsets=dict.fromkeys(Input, 0))
    ids = feed.where.monitors["m"].admission.duplicates
    rng = random.Random(dedup)
    chain, expected = stored(feed.where.cut(full=False)), list[int]()
    for _ in range(30):
        fresh_ids = [rng.getrandbits(64) for _ in range(rng.randrange(8_000))]
        for key in fresh_ids if dedup else []:
            ids.is_new(key)
        expected += fresh_ids
        cut = feed.where.cut(full=False)
        assert len({part.name for part in cut.parts}) == len(cut.parts)
        chain = stored(cut, chain)
    restored = LogPartition.restore({"m": spec}, {}, chain).monitors["m"].admission.duplicates
    assert restored.keys().tolist() == (expected[-dedup:] if dedup else [])
    assert restored.keys().tolist() == ids.keys().tolist()


def test_events_that_a_reference_is_learnt_from_are_written_once() -> None:
    feed = Feed()
    spec = replace(WIDE, learn_from=1_000)
    feed.where = LogPartition({"m": spec}, {}, partition=0, next_offsets=dict.fromkeys(Input, 0))
    feed.play(["eu"] * 500)
    assert {f"learning/{i}" for i in range(8)} <= feed.written()
    feed.play(["eu"] * 10)
    assert {name for name in feed.written() if name.startswith("learning")} == {"learning/7"}
    feed.play(["eu"] * 490)
    gone = feed.where.cut(full=False)
    assert not [part.name for part in gone.parts if part.name.name.startswith("learning")]
    assert PartName("m", "learnt") in written(gone)


# -- the way back ----------------------------------------------------------------------------------------------------


@functools.cache
def a_stored_cut() -> StoredCut:
    player = Player(the_world().fresh(), make_logs(5, 200))
    player.play([(each, 90) for each in Input])
    return stored(player.where.cut(full=True))


def restarted(where: LogPartition) -> set[tuple[str, str]]:
    """Model and name of every part that is said to start afresh."""
    health = [(model, each) for model, monitor in where.monitors.items() for each in monitor.notices.health]
    return {
        (model, str(each.detail["part"])) for model, each in health if each.code is HealthCode.SNAPSHOT_PART_RESTARTED
    }


def test_a_setting_that_changed_restarts_what_it_shaped_and_is_said_once_for_all_blocks() -> None:
    changed = replace(the_world().specs["m"], false_alarms=FalseAlarmBudget(1.0, "month"))
    new = replace_specs(the_world(), m=changed).restored(a_stored_cut())
    assert restarted(new) == {("m", "detectors/")}
    assert new.counters() == the_world().restored(a_stored_cut()).counters()


def test_a_model_that_is_no_longer_monitored_is_left_behind_and_a_new_one_begins() -> None:
    specs = {"versions": the_world().specs["versions"], "new": replace(SPEC, name="new")}
    new = World(specs, the_world().references, None).restored(a_stored_cut())
    assert list(new.monitors) == ["versions", "new"]
    assert restarted(new) == set()
    assert new.next == a_stored_cut().next_offsets
    assert new.monitors["versions"].counters.consumed > 0


def replace_specs(of: World, **specs: object) -> World:
    return replace(of, specs={**of.specs, **specs})  # type: ignore[dict-item]


def with_part(name: PartName, data: bytes) -> StoredCut:
    cut = a_stored_cut()
    return replace(cut, parts={**cut.parts, name: StoredPart(cut.parts[name].fingerprint, data)})


NONSENSE: Mapping[str, bytes] = {
    "no bytes": b"",
    "no MessagePack": b"\xc1",
    "another type": msgspec.msgpack.encode(7),
    "another array": pack_arrays({}),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_part_that_fits_and_cannot_be_read_is_refused(what: str) -> None:
    for name in a_stored_cut().parts:
        with pytest.raises(DamagedSnapshot, match=r"cannot be read"):
            the_world().restored(with_part(name, NONSENSE[what]))


@given(seed=SEEDS)
def test_a_part_of_other_bytes_is_refused_or_read_but_never_crashes(seed: int) -> None:
    rng = random.Random(seed)
    name = rng.choice(list(a_stored_cut().parts))
    data = bytearray(a_stored_cut().parts[name].data)
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    with contextlib.suppress(DamagedSnapshot):
        the_world().restored(with_part(name, bytes(data)))


@pytest.mark.parametrize("missing", [PartName("", "partition"), PartName("m", "clock"), PartName("m", "segments/")])
def test_a_cut_that_lacks_a_part_of_its_own_is_refused(missing: PartName) -> None:
    cut = a_stored_cut()
    parts = {name: part for name, part in cut.parts.items() if name != missing}
    with pytest.raises(DamagedSnapshot, match="take an older snapshot"):
        the_world().restored(replace(cut, parts=parts))


def test_segments_beyond_the_cap_are_said_once_for_each_set_also_across_a_restart() -> None:
    """From a chain of cuts, of which some change nothing but that it was said."""
    specs = {"m": replace(SPEC, segments_max=2, segments=(("region",), ("device",)))}
    of = World(specs, {"m": the_world().references["m"]}, None)
    feed, chain, said = Feed(), None, []
    feed.where = of.fresh()
    for hour, regions in enumerate([["a", "b"], ["__other__"], ["c", "a"], ["a"], ["d"], ["e"]]):
        signals = feed.play(regions, START_MS + hour * 60 * MINUTE_MS)
        said += [(s.code, s.detail) for s in signals if isinstance(s, Health)]
        chain = stored(feed.where.cut(full=False), chain)
        assert of.restored(chain).state() == feed.where.state()
    assert said == [(HealthCode.SEGMENTS_CAPPED, {"segment_set": "region", "segments_max": 2})]


def test_events_gathered_anew_after_a_reference_could_not_be_learnt_replace_those_before() -> None:
    of = World({"m": replace(SPEC, learn_from=250)}, {}, None)
    feed, chain = Feed(), None
    feed.where = of.fresh()
    for i in range(4):
        texts = [
            orjson.dumps({"prediction_id": f"{i}-{j}", "model": "m", "timestamp": START_MS, "prediction": f"{i}-{j}"})
            for j in range(150)
        ]
        feed.take(texts)
        chain = stored(feed.where.cut(full=False), chain)
        assert of.restored(chain).state() == feed.where.state()
    assert len(feed.where.monitors["m"].learnt_rows) == 100
