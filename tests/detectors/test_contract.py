"""What every detector promises, whoever wrote it; `registry.DETECTORS` is the list."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from driftline.processors.arrays import F64
from driftline.processors.detectors.protocol import LARGEST_VALUE, Detector
from driftline.schemas.errors import DamagedSnapshot
from tests.detectors.registry import DETECTORS, Case

BROKEN = [np.nan, np.inf, -np.inf, 1e101, -1e300]

pytestmark = pytest.mark.parametrize("case", DETECTORS, ids=[case.name for case in DETECTORS])


@pytest.fixture
def rng(case: Case, test_seed: int) -> np.random.Generator:
    return np.random.default_rng([test_seed, sum(map(ord, case.name))])


@pytest.fixture
def stream(case: Case, rng: np.random.Generator) -> F64:
    """Quiet, drifted, quiet again: alarms and whatever follows them are in it."""
    return np.concatenate([case.quiet(rng, 400), case.drifted(rng, 300), case.quiet(rng, 300)])


def cuts(rng: np.random.Generator, n: int) -> Iterator[tuple[int, int]]:
    """0..n in pieces, of length 0 and 1 among them."""
    places = np.sort(rng.integers(0, n, 12))
    yield from pairwise([0, *places.tolist(), int(places[-1]), int(places[-1]) + 1, n])


def alarms(detector: Detector, values: F64) -> list[int]:
    return detector.update_many(values).tolist()


def test_it_is_a_detector_and_its_class_shows_how_to_use_it(case: Case) -> None:
    assert isinstance(case.make(), Detector)
    text = type(case.make()).__doc__ or ""
    assert ">>>" in text
    assert "Parameters\n" in text
    assert "References\n" in text


def test_a_shift_is_found_soon(case: Case) -> None:
    rng = np.random.default_rng(
        1
    )  # a seed of its own: a false alarm just before the shift would make some of them miss it
    detector = case.make()
    detector.update_many(case.quiet(rng, 1000))
    assert alarms(detector, case.drifted(rng, case.found_within))


def test_many_at_once_are_the_same_as_one_by_one(case: Case, stream: F64) -> None:
    together, one_by_one = case.make(), case.make()
    assert alarms(together, stream) == [i for i, x in enumerate(stream.tolist()) if one_by_one.update(x)]
    assert together.snapshot() == one_by_one.snapshot()
    assert (together.statistic, together.threshold) == (one_by_one.statistic, one_by_one.threshold)


def test_it_does_not_matter_how_a_stream_is_cut(case: Case, stream: F64, rng: np.random.Generator) -> None:
    whole, in_pieces = case.make(), case.make()
    found: list[int] = []
    for start, end in cuts(rng, len(stream)):
        found += [start + i for i in alarms(in_pieces, stream[start:end])]
    assert found == alarms(whole, stream)
    assert in_pieces.snapshot() == whole.snapshot()


def test_it_can_be_stopped_and_restored_anywhere(case: Case, stream: F64, rng: np.random.Generator) -> None:
    whole, found = case.make(), []
    before = case.make()
    for start, end in cuts(rng, len(stream)):
        after = case.make()
        after.update_many(case.drifted(rng, 40))  # what it held is replaced altogether
        after.restore(before.snapshot())
        assert (after.statistic, after.threshold) == (before.statistic, before.threshold)
        found += [start + i for i in alarms(after, stream[start:end])]
        before = after
    assert found == alarms(whole, stream)
    assert before.snapshot() == whole.snapshot()


def test_a_snapshot_and_a_restored_detector_stand_alone(case: Case, stream: F64) -> None:
    first, second = case.make(), case.make()
    first.update_many(stream[:450])
    taken = first.snapshot()
    second.restore(taken)
    first.update_many(stream[450:])
    assert second.snapshot() == taken
    second.update_many(stream[450:])
    assert second.snapshot() == first.snapshot()


def test_broken_values_change_nothing_and_are_counted_in_positions(
    case: Case, stream: F64, rng: np.random.Generator
) -> None:
    clean, disturbed = case.make(), case.make()
    at = np.sort(rng.integers(0, len(stream) + 1, 60))
    with_broken = np.insert(stream, at, rng.choice(BROKEN, len(at)))
    usable = np.flatnonzero(np.abs(with_broken) <= LARGEST_VALUE)
    assert alarms(disturbed, with_broken) == usable[clean.update_many(stream)].tolist()
    assert disturbed.snapshot() == clean.snapshot()
    assert not any(disturbed.update(x) for x in BROKEN)
    assert disturbed.snapshot() == clean.snapshot()


def test_reset_makes_it_new(case: Case, stream: F64) -> None:
    detector = case.make()
    detector.update_many(stream)
    detector.reset()
    assert detector.snapshot() == case.make().snapshot()
    assert alarms(detector, stream) == alarms(case.make(), stream)


def test_what_alarmed_is_shown_until_the_next_value(case: Case) -> None:
    rng = np.random.default_rng(1)
    stream = np.concatenate([case.quiet(rng, 1000), case.drifted(rng, case.found_within)])
    detector, first = case.make(), alarms(case.make(), stream)[0]
    detector.update_many(stream[: first + 1])
    shown = (detector.statistic, detector.threshold)
    assert shown[0] >= shown[1]
    detector.update(np.nan)
    assert (detector.statistic, detector.threshold) == shown


def test_the_values_given_are_neither_changed_nor_kept(case: Case, stream: F64) -> None:
    lent, detector = stream.copy(), case.make()
    detector.update_many(lent)
    assert np.array_equal(lent, stream)
    taken = detector.snapshot()
    lent[:] = 1.0
    assert detector.snapshot() == taken


def test_no_values_do_nothing(case: Case) -> None:
    detector = case.make()
    assert alarms(detector, np.zeros(0)) == []
    assert detector.snapshot() == case.make().snapshot()


def test_memory_stays_bounded(case: Case, rng: np.random.Generator) -> None:
    detector = case.make()
    for _ in range(4):
        detector.update_many(case.quiet(rng, 500))
        assert len(detector.snapshot()) <= case.snapshot_bytes_max


def test_damaged_and_foreign_snapshots_are_refused_and_leave_it_as_it_was(case: Case, stream: F64) -> None:
    detector, other = case.make(), case.make_with_other_parameters()
    detector.update_many(stream[:450])
    good = detector.snapshot()
    turned = bytearray(good)
    turned[-3] ^= 1
    for bad in (b"", b"driftline", good[:-1], bytes(turned), other.snapshot()):
        with pytest.raises(DamagedSnapshot):
            detector.restore(bad)
        assert detector.snapshot() == good
