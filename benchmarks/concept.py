"""Concept drift on public streams: how soon drifts are found, how many are missed, how many alarms are false.

    python benchmarks/concept.py --rises
    python benchmarks/concept.py --data FOLDER [--streams sine1 mixed circles] [--numbers 101 102]
        [--learner "Hoeffding tree"] [--detectors default ADWIN ...]

FOLDER holds sine1_w_50_n_0.1_101.arff.gz and so on, of https://github.com/alipsgh/tornado (data_streams). The learner is
tested on each example before it learns from it, and starts afresh after each alarm; so does the detector. A drift counts as
found by the first alarm within the tolerance (250 examples, circles 1,000); every other alarm is false. Bars: all drifts
found, and at most one false alarm in 100,000 examples, by the default.

--rises: error rates that rise by a known amount, 200 runs each, 20,000 labels before: no learner, and no data needed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from driftline.processors.concept.settings import ErrorSettings
from driftline.processors.concept.watch import ErrorWatch, Rise
from tests.concept.prequential import LEARNERS, TOLERANCE, Score, Watcher, alarms, read_stream, score

ARL = 1e6
"""Stated for the detectors that have a budget: one false alarm in so many labelled predictions."""

BUDGETED = {"default": "shiryaev_roberts", "ADWIN": "adwin", "Page-Hinkley": "page_hinkley"}
OF_RIVER = {
    "ADWIN-of-river": "ADWIN",
    "DDM": "DDM",
    "EDDM": "EDDM",
    "HDDM_A": "HDDMA",
    "HDDM_W": "HDDMW",
    "FHDDM": "FHDDM",
}


class Watched:
    """One group of errors, by an `ErrorWatch` with one detector."""

    def __init__(self, detector: str) -> None:
        self._watch = ErrorWatch(ErrorSettings(values="binary", rates=(1.0 / ARL,), detectors=(detector,)))
        self._rows = np.zeros((1, 1), np.int32)
        self._n = 0

    def wrong(self, error: bool) -> bool:
        at = np.array([self._n])
        self._n += 1
        said = self._watch.step(self._rows, np.array([float(error)]), at, at)
        alarm = any(isinstance(finding, Rise) for finding in said)
        if alarm:
            self._watch.restart(0)
        return alarm


def detectors() -> dict[str, Callable[[], Watcher]]:
    """All that are compared, by the name they are shown under."""
    names = {**BUDGETED, **OF_RIVER}
    return {shown: lambda name=name: Watched(name) for shown, name in names.items()}  # type: ignore[misc]


BEFORE, AFTER, RUNS, BLOCK_STEPS = 20_000, 40_000, 200, 1_000
RISES = ((0.01, 0.015), (0.01, 0.03), (0.1, 0.11), (0.1, 0.12), (0.1, 0.15), (0.1, 0.3), (0.3, 0.33), (0.3, 0.4))


def rises() -> None:
    """Delays of the detectors that have a budget, all runs side by side as groups of one watch."""
    print(f"| rate | {' | '.join(BUDGETED)} |")
    print("|---|---|---|---|")
    for before, after in RISES:
        told = [_delays(detector, before, after) for detector in BUDGETED.values()]
        print(f"| {before:g} -> {after:g} | {' | '.join(told)} |", flush=True)


def _delays(detector: str, before: float, after: float) -> str:
    rng = np.random.default_rng([int(before * 1000), int(after * 1000)])
    watch = ErrorWatch(ErrorSettings(values="binary", rates=(1.0 / ARL,), detectors=(detector,)))
    rows = np.repeat(np.arange(RUNS, dtype=np.int32), BLOCK_STEPS)[:, None]  # one run after another: groups are apart
    delays = np.full(RUNS, np.inf)
    early = np.zeros(RUNS, bool)
    for start in range(0, BEFORE + AFTER, BLOCK_STEPS):
        errors = (rng.random(len(rows)) < (before if start < BEFORE else after)).astype(float)
        steps = start + np.arange(len(rows)) % BLOCK_STEPS
        for finding in watch.step(rows, errors, steps, steps):
            if isinstance(finding, Rise) and finding.offset < BEFORE:
                early[finding.row] = True
            elif isinstance(finding, Rise):
                delays[finding.row] = min(delays[finding.row], finding.offset - BEFORE)
    judged = delays[~early]
    median, missed = np.median(judged), np.isinf(judged).mean()
    shown = f"{median:,.0f}" if np.isfinite(median) else "-"
    return shown + (f" ({missed:.0%} missed)" if missed else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rises", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--streams", nargs="+", choices=[*TOLERANCE], default=[*TOLERANCE])
    parser.add_argument("--numbers", nargs="+", type=int, default=[101, 102])
    parser.add_argument("--learner", choices=[*LEARNERS], default="naive Bayes")
    parser.add_argument("--detectors", nargs="+", choices=[*detectors()], default=[*detectors()])
    given = parser.parse_args()
    if given.rises:
        rises()
    if given.data is None:
        return
    print(f"learner: {given.learner}")
    print("| detector | stream | delays | missed | false alarms in 100,000 | wrong |")
    print("|---|---|---|---|---|---|")
    for kind in given.streams:
        files = [file for n in given.numbers for file in sorted(given.data.glob(f"{kind}_w_*_{n}*.arff.gz"))]
        streams = [read_stream(file) for file in files]
        for name in given.detectors:
            scores = []
            for examples in streams:
                found, wrong = alarms(examples, LEARNERS[given.learner], detectors()[name]())
                scores.append(score(kind, found, wrong, len(examples)))
            print(_row(name, kind, scores, sum(map(len, streams))), flush=True)


def _row(name: str, kind: str, scores: list[Score], n: int) -> str:
    delays = [delay for one in scores for delay in one.delays]
    seen = [delay for delay in delays if delay is not None]
    shown = f"median {statistics.median(seen):.0f}, {min(seen)} to {max(seen)}" if seen else "none found"
    false_alarms = sum(one.false_alarms for one in scores) * 100_000 / n
    wrong = statistics.fmean(one.errors for one in scores)
    return (
        f"| {name} | {kind} | {shown} | {len(delays) - len(seen)} of {len(delays)} | {false_alarms:.1f} | {wrong:.1%} |"
    )


if __name__ == "__main__":
    main()
