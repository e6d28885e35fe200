"""What holds for every test: how many random examples, a seed that is printed, and no silent skips.

* `DRIFTLINE_TEST_SEED=N` repeats the random examples of a run; the header of every run says its seed.
* A skipped test has to name its reason, and where `CI=true` nothing may be left out: a skip fails there.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ["tests.servers.fixtures"]

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=50, deadline=None, print_blob=True, suppress_health_check=_PATIENT)
settings.register_profile("ci", max_examples=300, deadline=None, print_blob=True, suppress_health_check=_PATIENT)
settings.register_profile("soak", max_examples=5_000, deadline=None, print_blob=True, suppress_health_check=_PATIENT)
settings.register_profile(
    "plain",
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=_PATIENT,
)  # for kernels as plain Python: few examples, always the same, and no search for the smallest that fails
settings.load_profile("ci" if IN_CI else "dev")


def _heed_ctrl_c() -> None:
    """Programs that tests end with Ctrl-C would inherit that it is ignored, as it is in a shell's background job."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw one seed for the whole run; through the environment it reaches the worker processes too."""
    _heed_ctrl_c()
    given = config.getoption("hypothesis_seed")
    seed = os.environ.setdefault("DRIFTLINE_TEST_SEED", str(given or random.SystemRandom().randrange(2**32)))
    config.option.hypothesis_seed = seed


def pytest_report_header(config: pytest.Config) -> str:
    seed = os.environ["DRIFTLINE_TEST_SEED"]
    return f"seed of the random examples: {seed} (repeat with DRIFTLINE_TEST_SEED={seed})"


@pytest.fixture(scope="session")
def test_seed() -> int:
    """The seed of this run, for tests that draw their own random numbers."""
    return int(os.environ["DRIFTLINE_TEST_SEED"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _judge_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _judge_skip(report)
    return report


def _judge_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
    if reason in {"", "unconditional skip"}:
        _fail(report, 'skipped without a reason: write reason="..." that says what is missing')
    elif IN_CI:
        _fail(report, f"skipped in CI, where nothing may be left out: {reason}")


def _fail(report: pytest.TestReport | pytest.CollectReport, why: str) -> None:
    report.outcome = "failed"
    report.longrepr = why
