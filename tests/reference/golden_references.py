"""The references whose files are kept in golden/: they stay readable, with the hash they had, whatever is added later."""

from __future__ import annotations

from driftline.processors.reference.profile import Reference
from tests.estimation.references import labelled_reference
from tests.reference.rows import prediction, reference_of


def golden_references() -> dict[str, Reference]:
    """By file name; only whole numbers and their ratios, so that every machine writes the same bytes."""
    said, score = [i % 2 for i in range(240)], [(i * 7 % 240) / 240 for i in range(240)]
    label = [int(s > 0.5) if i % 5 else i % 2 for i, s in enumerate(score)]
    x = [i * 11 % 240 for i in range(240)]
    errors = [(i % 3 - 1) * (4 if value > 120 else 1) for i, value in enumerate(x)]
    return {
        "before_performance": reference_of([prediction(i, score=s) for i, s in enumerate(score)], task="binary"),
        "binary": labelled_reference(said, label, score, task="binary"),
        "multiclass": labelled_reference([f"c{y}" for y in said], [f"c{y}" for y in label], score, task="multiclass"),
        "regression": labelled_reference(
            [50] * 240, [50 - error for error in errors], features={"x": x}, task="regression"
        ),
    }
