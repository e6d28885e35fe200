"""A worker whose wall clock is wrong: `python -m tests.faults.skewed_worker --config FILE`.

SKEW_S is added to it; after each ten seconds it leaps to the other side, so that time goes back by twice as much.
"""

from __future__ import annotations

import os
import time
from typing import Final

import typer

_LEAPS_EVERY_S: Final = 10.0

_true_time = time.time
_skew_s = float(os.environ["SKEW_S"])


def _skewed_time() -> float:
    ahead = int(time.monotonic() / _LEAPS_EVERY_S) % 2 == 0
    return _true_time() + (_skew_s if ahead else -_skew_s)


time.time = _skewed_time

if __name__ == "__main__":
    from driftline.cli.worker import worker  # after the clock was changed, for whoever takes it by name

    typer.run(worker)
