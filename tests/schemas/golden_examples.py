"""One example of every event and signal, with every field set, and one with only the required ones.

The bytes lie in `schemas/golden/v1`, `v2` and so on, and are never changed. For a new example, type or field run
`python -m tests.schemas.golden_examples v3` (the next number): it writes what is not yet written as it is. Commit the new
folder; the old ones must still be decodable.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from driftline.schemas import signals
from driftline.schemas.alerts import Alert, FeatureEvidence, SegmentEvidence, Sketch
from driftline.schemas.codec import encode
from driftline.schemas.events import Label, Prediction
from driftline.schemas.rejections import RejectionReason

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden"

_PLACE: dict[str, Any] = {"id": "5f0c1d2e3a4b5968", "model": "credit", "partition": 3}
_SCOPE: dict[str, Any] = {**_PLACE, "version": "7", "segment_set": ["region", "device"]}
_SEGMENT: dict[str, Any] = {**_SCOPE, "segment": "region=eu,device=ios"}
_WINDOW: dict[str, Any] = {"start_ms": 1769860800000, "end_ms": 1769861400000, "length_ms": 600000}

_FIELD = signals.FieldWindow(
    name="income",
    kind="data",
    n=980,
    missing=12,
    invalid=8,
    out_of_range=2,
    new_category=1,
    mean=50.25,
    sd=19.5,
    min=-3.5,
    max=141.0,
    counts=[10, 0, 970],
    psi=0.0125,
    psi_null_mean=0.01,
    psi_band="none",
    psi_smoothing=0.5,
    jensen_shannon=0.05,
    ks=0.031,
    ks_null_mean=0.027,
    ks_p=0.29,
    wasserstein=0.75,
    chi_square=12.5,
    chi_square_dof=15,
    chi_square_p=0.64,
    e_value=1.25,
    e_threshold=1e6,
    adwin_width=2048,
    adwin_mean=0.501,
    adwin_detections=0,
    page_hinkley=3.25,
    page_hinkley_threshold=50.0,
    page_hinkley_detections=0,
    reference_n=20000,
)

_ALERT = Alert(
    fingerprint="9b1deb4d3b7d4bad",
    event="opened",
    model="credit",
    version="7",
    partition=3,
    kind="data",
    severity="page",
    title="income of credit has drifted",
    summary="income is lower than in the reference since 12:00: mean 41 instead of 50.",
    detector="shiryaev_roberts",
    segment_set=["region"],
    segment="region=eu",
    features=[
        FeatureEvidence(
            name="income",
            statistic=1.5e6,
            threshold=1e6,
            p_value=1e-7,
            e_value=1.5e6,
            n=980,
            reference_n=20000,
            baseline=Sketch(n=20000, missing_share=0.01, mean=50.0, sd=20.0, counts=[10000, 10000]),
            current=Sketch(n=980, missing_share=0.02, top_categories={"web": 500, "app": 480}),
        ),
        FeatureEvidence(name="age"),
    ],
    onset_ms=1769860800000,
    onset_offset=120000,
    detected_ms=1769861400000,
    detected_offset=129000,
    window_start_ms=1769860800000,
    window_end_ms=1769861400000,
    worst_segments=[
        SegmentEvidence(segment_set=["region"], segment="region=eu", statistic=2.5, threshold=2.0, n=300),
        SegmentEvidence(segment_set=["region"], segment="region=us"),
    ],
    trend=[0.1, 0.2, 0.4],
    runbook_url="https://example.org/runbooks/drift",
    dashboard_url="https://example.org/d/drift",
    replay_command="driftline replay --config driftline.yaml",
    config_hash="c0ffee",
    reference_hash="00ff00ff",
)
_SMALL_ALERT = Alert(
    fingerprint="f",
    event="resolved",
    model="credit",
    kind="quality",
    severity="info",
    title="",
    summary="",
    detector="chi_square",
    onset_ms=0,
    onset_offset=0,
    detected_ms=0,
    detected_offset=0,
)

EVENTS: dict[str, Prediction | Label] = {
    "prediction": Prediction(
        prediction_id="p-000000001",
        model="credit",
        model_version="7",
        timestamp_ms=1769860800250,
        prediction="yes",
        score=0.75,
        probabilities={"no": 0.25, "yes": 0.75},
        features={"age": 41, "channel": "web", "income": 1250.5, "note": None, "owner": True},
        context={"device": "ios", "region": "eu"},
        measurements={"latency_ms": 12.5, "tokens": 300},
        schema_version=1,
    ),
    "prediction_minimal": Prediction(prediction_id="p", model="m", timestamp_ms=1769860800250, prediction=1.5),
    "label": Label(
        prediction_id="p-000000001",
        model="credit",
        timestamp_ms=1769947200000,
        label="no",
        source="review",
        weight=0.5,
        schema_version=1,
    ),
    "label_minimal": Label(prediction_id="p", model="m", timestamp_ms=1769947200000, label=None),
}

SIGNALS: dict[str, signals.Signal] = {
    "window_closed": signals.WindowClosed(
        **_SEGMENT,
        **_WINDOW,
        n=1000,
        partial=True,
        reference_hash="00ff00ff",
        config_hash="c0ffee",
        fields=[_FIELD, signals.FieldWindow(name="prediction", kind="prediction", n=0)],
        unknown_features={"extra": 3, "surplus": 1},
    ),
    "window_closed_minimal": signals.WindowClosed(id="1", model="m", **_WINDOW, n=0),
    "drift": signals.Drift(
        **_SEGMENT,
        kind="measurement",
        field="latency_ms",
        detector="shiryaev_roberts",
        offset=129000,
        event_ms=1769861399000,
        statistic=1.5e6,
        threshold=1e6,
        p_value=0.001,
        e_value=1.5e6,
        n=980,
        reference_n=20000,
    ),
    "drift_minimal": signals.Drift(
        id="1",
        model="m",
        kind="data",
        field="x",
        detector="adwin",
        offset=0,
        event_ms=0,
        statistic=0.5,
        threshold=0.25,
        n=10,
        reference_n=0,
    ),
    "drift_concept": signals.Drift(
        **_SEGMENT,
        kind="concept",
        field="error rate",
        detector="shiryaev_roberts",
        offset=129000,
        event_ms=1769861399000,
        statistic=1.5e6,
        threshold=1e6,
        e_value=1.5e6,
        n=180,
        reference_n=20000,
    ),
    "drift_quality": signals.Drift(
        **_PLACE,
        kind="quality",
        field="label",
        detector="label_coverage",
        offset=-1,
        event_ms=1769861400000,
        statistic=0.02,
        threshold=0.41,
        p_value=1e-9,
        n=980,
        reference_n=20000,
    ),
    "alert_opened": signals.AlertOpened(id="1", alert=_ALERT),
    "alert_updated": signals.AlertUpdated(id="2", alert=_ALERT),
    "alert_resolved": signals.AlertResolved(id="3", alert=_SMALL_ALERT),
    "late_events": signals.LateEvents(
        **_PLACE, pane_end_ms=1769861400000, count=12, oldest_ms=1769857200000, newest_ms=1769860799999
    ),
    "rejected": signals.Rejected(
        **_PLACE,
        pane_end_ms=1769861400000,
        reasons={RejectionReason.TIMESTAMP_IN_FUTURE: 3, RejectionReason.TIMESTAMP_TOO_OLD: 1},
    ),
    "performance_window": signals.PerformanceWindow(
        **_SEGMENT,
        **_WINDOW,
        final=True,
        revision=2,
        n=1000,
        labelled=800,
        corrected=5,
        coverage=0.8,
        delay_ms_p50=3600000,
        delay_ms_p90=86400000,
        metrics={"accuracy": 0.91, "auc": None},
        estimated={"accuracy": 0.9},
        config_hash="c0ffee",
        gaps=[
            signals.SegmentGap(
                metric="recall",
                segment_set=["region"],
                segment="region=eu",
                other_segment="region=us",
                value=0.7,
                other_value=0.8,
                gap=-0.1,
                low=-0.15,
                high=-0.05,
                labels=600,
            )
        ],
        retracted=4,
        unusable=3,
        evicted=2,
    ),
    "performance_window_minimal": signals.PerformanceWindow(id="1", model="m", **_WINDOW, n=0, labelled=0),
    "label_expired": signals.LabelExpired(**_PLACE, pane_end_ms=1769861400000, predictions=7, labels=2),
    "health": signals.Health(
        **_PLACE,
        code=signals.HealthCode.NEW_VERSION,
        message="version 8 of credit is new: it is measured against the reference of the model",
        detail={"events": 12, "share": 0.5, "version": "8"},
    ),
    "health_minimal": signals.Health(id="1", code=signals.HealthCode.CREATE_TIME_TOPIC, message="m"),
    "health_error_rate_learnt": signals.Health(
        **_PLACE,
        code=signals.HealthCode.ERROR_RATE_LEARNT,
        message="the first 200 labelled predictions stand for its reference, error rate 12.5%",
        detail={"mean": 0.125, "n": 200, "segment": "", "version": ""},
    ),
    "reference_learnt": signals.ReferenceLearnt(
        **_PLACE, version="7", reference_json='{"format_version": 1, "model": "credit"}'
    ),
}


def newest(name: str) -> Path | None:
    """The file of an example in the last version that has one."""
    written = [*GOLDEN.glob(f"v*/{name}.json")]
    return max(written, key=lambda file: int(file.parent.name[1:]), default=None)


def _write(version: str) -> None:
    folder = GOLDEN / version
    folder.mkdir(parents=True)
    for name, example in {**EVENTS, **SIGNALS}.items():
        line, last = encode(example) + b"\n", newest(name)
        if last is None or last.read_bytes() != line:
            (folder / f"{name}.json").write_bytes(line)


if __name__ == "__main__":
    _write(sys.argv[1])
