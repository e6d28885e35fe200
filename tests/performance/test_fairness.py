"""Gaps between segments: found where they are planted, not where chance makes them, whatever the number of segments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftline.processors.arrays import F64
from driftline.processors.performance.fairness import LABELS_MIN, gaps
from driftline.processors.performance.regression import sums_plain
from driftline.processors.performance.task_layout import task_layout

BINARY, REGRESSION = task_layout("binary"), task_layout("regression")
SEGMENTS = ["north", "east", "south", "west"]


def binary_rows(accuracy: list[float], n: list[int], rng: np.random.Generator) -> tuple[F64, F64]:
    """float64[s, width] with that accuracy by segment, half of the labels positive; labels by segment."""
    rows = np.zeros((len(n), BINARY.width))
    for row, share, count in zip(rows, accuracy, n, strict=True):
        right = rng.random(count) < share
        positive = rng.random(count) < 0.5
        cells = 2 * positive + np.where(right, positive, ~positive)
        row[0:4] = row[4:8] = np.bincount(cells.astype(np.int64), minlength=4)
    return rows, np.array(n, np.float64)


def test_a_planted_gap_is_found_and_named(test_seed: int) -> None:
    rows, labels = binary_rows([0.9, 0.9, 0.8, 0.9], [3_000] * 4, np.random.default_rng(test_seed))
    (found,) = gaps(rows, labels, SEGMENTS, ["accuracy"], BINARY.metrics)
    assert [g.segment for g in found.to_rest if g.high < 0.0] == ["south"], f"seed {test_seed}"
    south = found.to_rest[2]
    assert south.low < -0.1 + 0.02 and south.gap == pytest.approx(south.value - south.other)
    assert found.widest is not None and found.widest.other_segment == "south" and found.widest.is_clear


@pytest.mark.compiled
def test_without_gaps_one_set_in_twenty_shows_one_at_most(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    names, false = [f"segment {i}" for i in range(12)], 0
    for _ in range(400):
        rows, labels = binary_rows([0.93] * 12, rng.integers(40, 400, 12).tolist(), rng)
        by_metric = gaps(rows, labels, names, ["accuracy", "recall"], BINARY.metrics)
        false += any(g.is_clear for m in by_metric for g in [*m.to_rest, *([m.widest] if m.widest else [])])
    assert false / 400 <= 0.1, f"seed {test_seed}"


def test_the_rest_is_all_other_segments_together(test_seed: int) -> None:
    rows, labels = binary_rows([0.9, 0.7, 0.8, 0.6], [100, 200, 300, 400], np.random.default_rng(test_seed))
    (found,) = gaps(rows, labels, SEGMENTS, ["accuracy"], BINARY.metrics)
    for i, gap in enumerate(found.to_rest):
        others = np.delete(rows, i, axis=0).sum(axis=0)
        assert gap.other == pytest.approx(BINARY.metrics(others[None])["accuracy"][0])
        assert gap.labels == labels[i]


def test_a_gap_of_regressions_is_told_in_units_of_the_target(test_seed: int) -> None:
    rng = np.random.default_rng(test_seed)
    rows = np.zeros((2, REGRESSION.width))
    for row, shift in zip(rows, (0.0, 5.0), strict=True):
        label = rng.normal(100.0, 10.0, 500)
        row[:] = sums_plain(label + rng.normal(shift, 2.0, 500), label, label, np.ones(500))
    (found,) = gaps(rows, np.full(2, 500.0), ["old", "new"], ["bias"], REGRESSION.metrics, REGRESSION.pairs)
    assert found.to_rest[1].low < 5.0 < found.to_rest[1].high, f"seed {test_seed}"
    assert found.to_rest[1].is_clear


def test_small_and_mixed_segments_are_not_compared_but_are_in_the_rest(test_seed: int) -> None:
    rows, labels = binary_rows([0.9, 0.1, 0.9, 0.2], [500, LABELS_MIN - 1, 500, 500], np.random.default_rng(test_seed))
    (found,) = gaps(rows, labels, ["north", "tiny", "south", "__other__"], ["accuracy"], BINARY.metrics)
    assert [g.segment for g in found.to_rest] == ["north", "south"]
    assert found.to_rest[0].other < 0.7
    assert found.widest is not None and {found.widest.segment, found.widest.other_segment} == {"north", "south"}


def test_what_is_not_defined_is_not_compared() -> None:
    rows, labels = np.zeros((3, BINARY.width)), np.full(3, 100.0)
    rows[:, 0] = rows[:, 4] = 100.0  # negatives only: there is no recall
    (recall,) = gaps(rows, labels, SEGMENTS[:3], ["recall"], BINARY.metrics)
    assert recall.to_rest == [] and recall.widest is None


def test_a_segment_alone_has_nothing_to_be_compared_with() -> None:
    rows, labels = binary_rows([0.9], [200], np.random.default_rng(1))
    (found,) = gaps(rows, labels, ["all"], ["accuracy"], BINARY.metrics)
    assert found.to_rest == [] and found.widest is None


def test_a_metric_without_an_error_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ValueError, match="no gap is known of calibration_error: choose of accuracy, brier"):
        gaps(np.zeros((2, BINARY.width)), np.zeros(2), ["a", "b"], ["calibration_error"], BINARY.metrics)


def test_more_segments_make_wider_intervals(test_seed: int) -> None:
    widths = []
    for count in (2, 20):
        rows, labels = binary_rows([0.8] * count, [200] * count, np.random.default_rng(test_seed))
        (found,) = gaps(rows, labels, [f"s{i}" for i in range(count)], ["accuracy"], BINARY.metrics)
        first = found.to_rest[0]
        widths.append((first.high - first.low) / first.se)
    assert widths[1] > 1.2 * widths[0]
    assert math.isfinite(widths[1])
