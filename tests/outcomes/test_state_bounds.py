"""How much memory a pending prediction takes, and that what is over is forgotten."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from driftline.config.model_spec import DAY_MS, HOUR_MS, MINUTE_MS, LabelSpec
from driftline.processors.estimation.estimator import Estimator
from driftline.processors.outcomes.joiner import FOR_EVER, Joiner
from driftline.processors.outcomes.operations import PREDICTION, Operations
from driftline.processors.outcomes.outcomes import Outcomes
from driftline.processors.performance.task_layout import task_layout
from driftline.schemas.inputs import Input
from tests.outcomes.labelled_logs import START_MS, make_logs, partition_of, reference, spec

BYTES_MAX = 120

SETS = 2
GROUPS = 1 + SETS
"""The version and a segment of each set."""


def predictions(n: int, seed: int) -> Operations:
    rng = np.random.default_rng(seed)
    at_ms = START_MS + np.arange(n)
    return Operations(
        kind=np.full(n, PREDICTION, np.uint8),
        key=rng.integers(0, 2**63, n).astype(np.uint64),
        at_ms=at_ms,
        event_ms=at_ms,
        offset=np.arange(n),
        value=rng.integers(0, 2, n).astype(np.float64),
        score=rng.random(n),
        by=rng.random(n),
        groups=rng.integers(1, 9, (n, GROUPS)).astype(np.int32),
    )


@pytest.mark.compiled
@pytest.mark.parametrize("pending", [65_536, 87_382, 100_000])
def test_a_pending_prediction_takes_at_most_120_bytes_everything_included(pending: int, test_seed: int) -> None:
    model = replace(spec(7 * DAY_MS), labels=LabelSpec(horizon_ms=7 * DAY_MS, capacity=pending))
    joiner = Joiner(model, GROUPS, task_layout("binary"), Estimator())
    waiting = predictions(pending, test_seed)
    batch = joiner.read(waiting)
    done = 0
    while done < pending:
        done, _ = joiner.do(batch, done, FOR_EVER)
    joiner.write(batch)
    found, _ = joiner.store.get(waiting.key[:1_000])
    assert found.all()
    assert joiner.nbytes_of_facts / pending <= BYTES_MAX


def test_rows_and_windows_of_what_is_over_are_forgotten() -> None:
    partition = partition_of(spec(HOUR_MS), reference())
    logs = make_logs(random.Random(1), 60, delay_ms_max=HOUR_MS)
    assert partition.outcomes is not None
    machine = partition.outcomes.models["m"]
    for apply, decode, log in (
        (partition.apply, partition.decode, logs.predictions),
        (partition.apply_labels, partition.decode_labels, logs.labels),
    ):
        apply(decode(log.records, range(len(log.records)), log.record_ms))
    assert machine.open_windows > 0
    for source in Input:
        partition.clock.advance(source, START_MS + 30 * DAY_MS)
    partition.outcomes.advance()
    assert (machine.open_windows, machine.rows) == (0, 0)


def test_nothing_is_held_that_could_be_joined() -> None:
    machine = Outcomes(spec(), reference())
    assert (machine.waiting(Input.PREDICTIONS), machine.waiting(Input.LABELS)) == (0, 0)
    partition = partition_of(spec(), reference())
    logs = make_logs(random.Random(2), 40)
    log = logs.predictions
    partition.apply(partition.decode(log.records, range(len(log.records)), log.record_ms))
    assert partition.outcomes is not None
    machine = partition.outcomes.models["m"]
    assert machine.waiting(Input.PREDICTIONS) == len(log.records) - sum(partition.rejected.values())
    partition.clock.advance(Input.LABELS, max(log.record_ms) + MINUTE_MS)
    partition.outcomes.advance()
    assert machine.waiting(Input.PREDICTIONS) == 0
