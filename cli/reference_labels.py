"""The true labels of a reference, from a file of their own: for `driftline reference build --labels`."""

from __future__ import annotations

from pathlib import Path

from driftline.config.model_spec import ModelSpec
from driftline.producers.files import read_labels
from driftline.schemas.codec import LabelDecoder
from driftline.schemas.errors import InputError
from driftline.schemas.rejections import Rejection
from driftline.schemas.scalars import Scalar


def labels_by_id(file: Path, spec: ModelSpec) -> dict[str, Scalar | None]:
    """The last label of each prediction of the model, None where it was taken back.

    Raises InputError when the file cannot be read, or holds no label of the model.
    """
    decoder = LabelDecoder()
    labels: dict[str, Scalar | None] = {}
    first: Rejection | None = None
    # when a label became known does not matter here, so a file need not say it
    for block in read_labels(file, spec.labels.columns, spec.columns, spec.name, known_ms=dict):
        for number, line in enumerate(block.splitlines()):
            read = decoder.decode(line, number)
            if isinstance(read, Rejection):
                first = first or read
            elif read.event.model == spec.name:
                labels[read.event.prediction_id] = read.event.label
    if not labels:
        why = f"; the first record: {first.message}" if first is not None else ""
        raise InputError(f"{file}: holds no label of model {spec.name!r}{why}")
    return labels
