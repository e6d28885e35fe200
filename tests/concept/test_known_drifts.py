"""Drifts that are known to be there are found by the default detector, soon, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.concept.watch import ErrorWatch, Rise
from tests.concept.prequential import LEARNERS, TOLERANCE, alarms, read_stream, score

pytestmark = pytest.mark.compiled

STREAMS = Path(__file__).parents[1] / "data" / "tornado"


class Watched:
    """The default at one false alarm in a million labels, one group."""

    def __init__(self) -> None:
        self._watch = ErrorWatch(ErrorSettings(values="binary", rates=(1e-6,)))
        self._rows = np.zeros((1, 1), np.int32)

    def wrong(self, error: bool) -> bool:
        said = self._watch.step(self._rows, np.array([float(error)]), np.zeros(1, np.int64), np.zeros(1, np.int64))
        alarm = any(isinstance(finding, Rise) for finding in said)
        if alarm:
            self._watch.restart(0)
        return alarm


@pytest.mark.parametrize("kind", [*TOLERANCE])
def test_every_drift_is_found_in_time_and_there_is_no_false_alarm(kind: str) -> None:
    (file,) = STREAMS.glob(f"{kind}_*.arff.gz")
    examples = read_stream(file)
    found, errors = alarms(examples, LEARNERS["naive Bayes"], Watched())
    result = score(kind, found, errors, len(examples))
    assert len(result.delays) == 2
    assert None not in result.delays
    assert result.false_alarms == 0
