"""The task of a model, as its settings and its reference say it, and the classes of that task."""

from __future__ import annotations

from driftline.config.model_spec import ModelSpec, Task
from driftline.processors.performance.classes import Classes, class_name
from driftline.processors.reference.profile import FieldProfile, Reference


def task_of(spec: ModelSpec, reference: Reference) -> Task:
    """The task that is configured, else what the reference's predictions look like.

    Numbers are a regression, as nobody can tell the number of a class from an amount; two names are a binary task.
    """
    if spec.task is not None:
        return spec.task
    prediction = prediction_field(reference)
    if prediction is None or prediction.kind == "numeric":
        return "regression"
    return "binary" if len(prediction.categories) + len(prediction.pooled) <= 2 else "multiclass"


def classes_of(spec: ModelSpec, task: Task, reference: Reference) -> Classes:
    """The classes of a task, as the reference's predictions name them.

    Binary: the positive class of the settings against the other one; without it 0 and 1 (false and true) where that is what
    they are, else the two names in their order, the second one positive, as in scikit-learn. Multiclass: labels may bring
    more.
    """
    field = prediction_field(reference)
    names = [] if field is None else sorted({class_name(name) for name in (*field.categories, *field.pooled)})
    if task == "multiclass":
        return Classes(task, names, learning=True)
    if task != "binary":
        return Classes(task)
    positive = spec.labels.positive
    if positive is not None:
        return Classes(task, names if len(names) == 2 and class_name(positive) in names else (), positive=positive)
    return Classes(task, names if len(names) == 2 and names != ["0", "1"] else ())


def prediction_field(reference: Reference) -> FieldProfile | None:
    """The profile of the predictions; None where they are not monitored."""
    return next((field for field in reference.fields if field.role == "prediction"), None)
