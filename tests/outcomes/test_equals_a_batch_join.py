"""What is said on the stream is what a batch join of the same records says: every window, every revision, every count."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from driftline.config.model_spec import DAY_MS, HOUR_MS, MINUTE_MS
from driftline.schemas.signals import LabelExpired, PerformanceWindow
from tests.outcomes.batch_join import BatchJoin, due_of, end_of, tables
from tests.outcomes.labelled_logs import both_logs, make_logs, play, random_steps, spec

DUES_LOOKED_AT = 6
EXAMPLES = 500 if settings().max_examples >= 300 else settings().max_examples


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    horizon_ms=st.sampled_from([HOUR_MS, DAY_MS, 7 * DAY_MS]),
    lateness_ms=st.sampled_from([0, MINUTE_MS]),
)
@settings(max_examples=EXAMPLES)
def test_every_window_is_what_a_batch_join_of_the_records_before_its_due_time_gives(
    seed: int, n: int, horizon_ms: int, lateness_ms: int
) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(horizon_ms, lateness_ms)
    said = play(logs, random_steps(rng, logs), model)
    read = tables(logs)
    end_ms = end_of(read)
    windows = [window for window in said if isinstance(window, PerformanceWindow)]
    # nothing that comes after its due time changes a final window, so one join will do for all of them
    dues = {due_of(window, model, end_ms) for window in windows if not window.final}
    chosen = {end_ms + 1, *rng.sample(sorted(dues), min(len(dues), DUES_LOOKED_AT))}
    joins = {due_ms: BatchJoin(read, model, due_ms) for due_ms in chosen}
    for window in windows:
        join = joins.get(end_ms + 1 if window.final else due_of(window, model, end_ms))
        if join is None:
            continue
        rows = join.window(window)
        labelled = rows[rows["label"].notna()]
        assert (window.n, window.labelled, window.corrected) == (len(rows), len(labelled), rows["corrected"].sum())
        assert window.coverage == float(f"{len(labelled) / len(rows):.12g}")
        usable = labelled[labelled["label"].isin(["0", "1"])]
        if len(usable):
            expected = metrics.accuracy_score(
                usable["label"].astype(int), usable["prediction"], sample_weight=usable["weight"]
            )
            assert window.metrics["accuracy"] == float(f"{expected:.12g}")
        else:
            assert window.metrics["accuracy"] is None


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_the_last_word_on_every_prediction_time_is_said_of_every_group(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(HOUR_MS)
    said = play(logs, both_logs(logs), model)
    read = tables(logs)
    end_ms = end_of(read)
    rows = BatchJoin(read, model, end_ms + 1).joined
    for length_ms in model.windows_ms:
        last: dict[tuple[str, str, int], int] = {}
        for window in said:
            if isinstance(window, PerformanceWindow) and window.length_ms == length_ms:
                last[window.version, window.segment, window.start_ms] = window.n
        wanted: dict[tuple[str, str, int], int] = {}
        for row in rows.to_dict("records"):
            start_ms = row["timestamp"] // length_ms * length_ms
            for group in (("", ""), (row["model_version"], ""), ("", f"region={row['context']['region']}")):
                wanted[(*group, start_ms)] = wanted.get((*group, start_ms), 0) + 1
        assert last == wanted


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_predictions_that_stay_without_a_label_expire_once(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(HOUR_MS)
    said = play(logs, random_steps(rng, logs), model)
    final = [s for s in said if isinstance(s, PerformanceWindow) and s.final and s.length_ms == model.windows_ms[0]]
    unlabelled = {w.end_ms: w.n - w.labelled for w in final if not w.version and not w.segment and w.n > w.labelled}
    expired = {s.pane_end_ms: s.predictions for s in said if isinstance(s, LabelExpired) and s.predictions}
    assert expired == unlabelled
    assert np.all([s.predictions or s.labels for s in said if isinstance(s, LabelExpired)])
